"""What `make bench` measures, and the baselines it is measured against."""
