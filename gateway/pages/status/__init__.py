"""The page that tells which parts of the platform work."""
