"""Pages of rooms: those of the home city that programme items book."""
