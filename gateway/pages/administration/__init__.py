"""The page that leads to what the platform works with: cities, rooms, people and accounts."""
