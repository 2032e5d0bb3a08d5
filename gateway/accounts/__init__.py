"""
Accounts: who may sign in, and who makes the current request.

Owns the database ``accounts``: accounts with their roles, the tokens that they hold (browser sessions, API sessions,
access tokens of programs; all stored as digests), and the count of attempts to sign in. What an account may see or do
is decided by the service that owns the data.
"""

from flask import Flask

from chassis.telemetry import trace_sql
from gateway.accounts import outage, signing_in
from gateway.accounts.callers import current_caller, current_identity
from gateway.accounts.signing_in import sign_in_required
from gateway.accounts.store import Store
from gateway.settings import GatewaySettings

__all__ = ["current_caller", "current_identity", "init_app", "sign_in_required"]


def init_app(app: Flask, settings: GatewaySettings) -> None:
    """Give an app its accounts; no connection is opened yet."""
    outage.init_app(app)
    signing_in.init_app(app)
    app.extensions["accounts"] = store = Store(settings.database_url, settings.pool_size)
    if settings.otlp_endpoint:
        trace_sql(store.engine)
