"""Pages of templates of programmes."""
