"""
The knowledge service: what exchanges and forums taught.

It owns learnings, from observation to embedded lesson, and the search over them. It does not own visits and forums, of
which it knows only what their events told it.
"""
