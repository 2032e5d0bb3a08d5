"""The servicers of the forum, one per aggregate: check, one transaction, convert."""
