"""
The REST form of every RPC, under ``/api``: paths, parameters and bodies as the contract's ``google.api.http`` says.

Nothing here knows an RPC by name: an RPC added to the contract has its endpoint and its documentation.
"""
