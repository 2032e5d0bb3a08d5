"""What was typed into a form, and the messages of the contract."""
