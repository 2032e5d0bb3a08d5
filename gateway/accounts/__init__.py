"""
Accounts: who may sign in, what they hold, and the RPCs that tell of it.

Owns the database ``accounts``: accounts with their roles, the tokens that they hold (browser sessions, API sessions,
access tokens of programs; all stored as digests), and the count of attempts to sign in. What an account may see or do
is decided by the service that owns the data.
"""
