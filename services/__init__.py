"""The services of Austausch: one folder each, one database each, and no import from one to another."""
