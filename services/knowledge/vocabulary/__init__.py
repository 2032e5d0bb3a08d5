"""
The vocabulary of topics, in SKOS: our own (`municipal-topics.ttl`), the reading of any, and what searches make of it.

Nothing here knows calls or messages.
"""
