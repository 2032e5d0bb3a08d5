"""Pages of cities."""
