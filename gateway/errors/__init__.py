"""What a refusal means: its HTTP status, and what a person is told."""
