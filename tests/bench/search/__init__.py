"""How good and how fast the search is: what it is judged by, and collections of any size to measure it on."""
