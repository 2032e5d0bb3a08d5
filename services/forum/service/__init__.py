"""The servicers, one module per aggregate: check, one transaction, convert."""
