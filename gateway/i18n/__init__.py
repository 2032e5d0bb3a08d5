"""Languages, texts and formats of the reader."""
