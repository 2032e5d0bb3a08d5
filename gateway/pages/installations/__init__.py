"""Pages of installations."""
