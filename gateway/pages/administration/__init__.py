"""The page that leads to what the platform works with: cities, venues, rooms, people and accounts."""
