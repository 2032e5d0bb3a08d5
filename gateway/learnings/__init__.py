"""Pages of learnings: the list, the form, one learning with its states and its source."""
