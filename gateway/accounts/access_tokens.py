"""Tokens of the programs of an account: to sign in with, or for the address of a calendar."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chassis.errors import FailedPrecondition, InvalidArgument
from chassis.model import now
from gateway.accounts.caller_cache import Caller
from gateway.accounts.database import AccountsDatabase
from gateway.accounts.model import Account, Kind, Scope, Token
from gateway.accounts.sessions import ACCESS_KINDS, issue_token, list_tokens, require_token

ACCESS_TOKEN_LIFETIME = timedelta(days=365)
ACCESS_TOKENS_PER_ACCOUNT = 50


def list_access_tokens(database: AccountsDatabase, account_id: str) -> list[Token]:
    """Return the access tokens of an account that have not expired, newest first."""
    return list_tokens(database, account_id, ACCESS_KINDS)


def create_access_token(
    database: AccountsDatabase,
    caller: Caller,
    title: str,
    expire_time: datetime | None,
    scope: Scope,
    kind: Kind = Kind.PERSONAL,
) -> tuple[str, Token]:
    """
    Make a token for a program of the caller.

    Args:
        kind: PERSONAL to sign in with, CALENDAR for the address of a calendar.

    Returns:
        The token itself, which is not kept, and what is kept of it.

    Raises:
        InvalidArgument: The expiry is past or too far away; reason EXPIRY_OUT_OF_RANGE.
        FailedPrecondition: The account has too many already; reason TOO_MANY_ACCESS_TOKENS.
        Unauthenticated: What the caller holds was revoked meanwhile; reason SESSION_ENDED.
    """
    account_id, moment = caller.account_id, now()
    lifetime = expire_time - moment if expire_time else ACCESS_TOKEN_LIFETIME
    if not timedelta() < lifetime <= ACCESS_TOKEN_LIFETIME:
        days = ACCESS_TOKEN_LIFETIME.days
        raise InvalidArgument(
            "access_token.expire_time",
            f"must lie within the next {days} days",
            reason="EXPIRY_OUT_OF_RANGE",
            metadata={"max_days": str(days)},
        )
    with Session(database.engine, expire_on_commit=False) as session, session.begin():
        session.get_one(Account, account_id, with_for_update=True)  # two at once must not both be the fiftieth
        require_token(session, caller)
        count = session.scalar(
            select(func.count()).where(
                Token.account_id == account_id, Token.kind.in_(ACCESS_KINDS), Token.expire_time > moment
            )
        )
        if (count or 0) >= ACCESS_TOKENS_PER_ACCOUNT:
            raise FailedPrecondition(
                f"An account can have {ACCESS_TOKENS_PER_ACCOUNT} access tokens; revoke one first.",
                reason="TOO_MANY_ACCESS_TOKENS",
                metadata={"max_tokens": str(ACCESS_TOKENS_PER_ACCOUNT)},
            )
        token, held = issue_token(account_id, kind, lifetime)
        held.title, held.scope = title, scope
        session.add(held)
    return token, held
