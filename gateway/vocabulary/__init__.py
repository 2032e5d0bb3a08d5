"""The domain's words in the reader's language."""
