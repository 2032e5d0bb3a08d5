"""Pages of exchanges: series of visits on one subject."""
