"""What pages ask of the topics while somebody types."""
