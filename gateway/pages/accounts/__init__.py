"""Pages of the own account, of signing in, and of the accounts that an administrator manages."""
