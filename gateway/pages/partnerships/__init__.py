"""Pages of partnerships: the cities that the home city works with, and what binds it to them."""
