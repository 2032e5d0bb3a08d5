"""The start page: a desk with what needs the reader today, and what is new."""
