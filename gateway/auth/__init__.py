"""Who is asking: cookies, signing in, callers, and what their roles permit."""
