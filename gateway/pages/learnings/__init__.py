"""Pages of learnings."""
