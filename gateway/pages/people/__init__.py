"""Pages of people: those on the host's side whose time programme items book."""
