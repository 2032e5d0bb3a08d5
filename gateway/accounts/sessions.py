"""Who holds a token: signing in and out, and the password that a session begins with."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import CursorResult, Select, delete, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from chassis.errors import FailedPrecondition, InvalidArgument, NotFound, Unauthenticated
from chassis.model import now
from gateway.accounts import passwords, sign_in_throttle
from gateway.accounts.caller_cache import Caller, forget_all, version
from gateway.accounts.database import AccountsDatabase
from gateway.accounts.model import Account, Kind, Token

# A long working day; whoever comes back the next one signs in again.
SESSION_LIFETIME = timedelta(hours=12)
LAST_USE_STEP = timedelta(minutes=1)
# Each kind of token begins with letters of its own, so that a leaked one is recognised for what it is.
PREFIXES = {Kind.WEB: "aw_", Kind.SESSION: "as_", Kind.PERSONAL: "at_"}


def find_caller(database: AccountsDatabase, token: str, kinds: Sequence[Kind]) -> Caller | None:
    """Return who holds a token of one of the kinds; None when nobody does (any more)."""
    digest = _digest(token)
    caller = database.callers.get(digest)
    if caller is None:
        seen = version()
        caller = _ask(database, digest)
        # Not whoever is about to choose a password: another gateway must know of the choice at once.
        if caller and not caller.must_choose_password:
            database.callers.keep(digest, caller, seen)
    return caller if caller and caller.kind in kinds else None


def _ask(database: AccountsDatabase, digest: bytes) -> Caller | None:
    """Return who holds a token; asked once more on a fresh connection when the database was restarted meanwhile."""
    statement = (
        select(Account, Token)
        .join(Token, Token.account_id == Account.id)
        .where(Token.digest == digest, Token.expire_time > now(), Account.disabled.is_(False))
    )
    try:
        return _read_caller(database, statement)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        return _read_caller(database, statement)


def _read_caller(database: AccountsDatabase, statement: Select[Account, Token]) -> Caller | None:
    with Session(database.engine) as session:
        row = session.execute(statement).first()
        if row is None:
            return None
        account, held = row
        caller = _caller(account, held)
        moment = now()
        if held.last_use_time is None or held.last_use_time < moment - LAST_USE_STEP:
            held.last_use_time = moment
            session.commit()
        return caller


def sign_in(database: AccountsDatabase, email: str, password: str, address: str, kind: Kind) -> tuple[str, Caller]:
    """
    Begin a session.

    Args:
        address: Network address that the attempt comes from.
        kind: WEB for a browser, SESSION for a program.

    Returns:
        The token, and who holds it.

    Raises:
        Unauthenticated: The account does not exist or is disabled, or the password is not its own: it is not said
            which, and takes the same time.
        FailedPrecondition: A program has the password that was made up for the account; its holder has to choose
            an own one first, with a browser.
        ResourceExhausted: There were too many attempts.
    """
    with database.engine.begin() as connection:
        sign_in_throttle.count_attempt(connection, email, address)
    with Session(database.engine) as session:
        account = session.scalar(select(Account).where(func.lower(Account.email) == email.strip().lower()))
    known = account is not None and not account.disabled
    if not passwords.matches(account.password_hash if account and known else None, password) or account is None:
        raise Unauthenticated("E-mail address or password is wrong.", reason="WRONG_CREDENTIALS")
    if account.must_choose_password and kind is Kind.SESSION:
        with database.engine.begin() as connection:
            sign_in_throttle.forgive(connection, email, address)
        raise FailedPrecondition(
            "This password was made up for the account. Sign in with a browser and choose an own one first.",
            reason="PASSWORD_NOT_CHOSEN",
        )
    with Session(database.engine, expire_on_commit=False) as session, session.begin():
        sign_in_throttle.forgive(session.connection(), email, address)
        session.execute(delete(Token).where(Token.expire_time < now()))
        if passwords.is_outdated(account.password_hash):
            session.merge(account).password_hash = passwords.hashed(password)
        token, held = issue_token(account.id, kind, SESSION_LIFETIME)
        session.add(held)
    return token, _caller(account, held)


def change_password(
    database: AccountsDatabase, account_id: str, old: str, new: str, keep_token: str, address: str
) -> None:
    """
    Change the password of an account and end its sessions, but for the one it is changed in.

    Raises:
        InvalidArgument: The old password is wrong; reason WRONG_PASSWORD.
        ResourceExhausted: There were too many attempts, which count as attempts to sign in; reason TOO_MANY_ATTEMPTS.
    """
    with Session(database.engine) as session:
        account = session.get_one(Account, account_id)
    with database.engine.begin() as connection:
        sign_in_throttle.count_attempt(connection, account.email, address)
    if not passwords.matches(account.password_hash, old):
        raise InvalidArgument("old_password", "is not your password", reason="WRONG_PASSWORD")
    password_hash = passwords.hashed(new)
    with Session(database.engine) as session, session.begin():
        sign_in_throttle.forgive(session.connection(), account.email, address)
        changed = session.get_one(Account, account_id, with_for_update=True)
        _set_password(session, changed, password_hash, keep_token=keep_token)
    forget_all()


def choose_password(database: AccountsDatabase, caller: Caller, new: str) -> Caller:
    """
    Replace the password that was made up for an account by one of its holder's, and end its other sessions.

    Returns:
        The holder, who may go on.

    Raises:
        InvalidArgument: It is the one that was made up; reason PASSWORD_MADE_UP.
        Unauthenticated: The session has ended, as when the password was made up once more meanwhile;
            reason SESSION_ENDED.
    """
    with Session(database.engine) as session:
        made_up = session.get_one(Account, caller.account_id).password_hash
    if passwords.matches(made_up, new):
        raise InvalidArgument("new_password", "is the one that was made up", reason="PASSWORD_MADE_UP")
    password_hash = passwords.hashed(new)
    with Session(database.engine) as session, session.begin():
        account = session.get_one(Account, caller.account_id, with_for_update=True)
        if session.get(Token, caller.token_id) is None:
            message = "The password was made up once more meanwhile, or the session ended."
            raise Unauthenticated(message, reason="SESSION_ENDED")
        _set_password(session, account, password_hash, keep_token=caller.token_id)
    forget_all()
    return replace(caller, must_choose_password=False)


def revoke_token(database: AccountsDatabase, account_id: str, token_id: str, kinds: Sequence[Kind]) -> None:
    """
    Make a token of an account worthless.

    Raises:
        NotFound: The account has no such token of these kinds.
    """
    with database.engine.begin() as connection:
        gone: CursorResult[object] = connection.execute(
            delete(Token).where(Token.id == token_id, Token.account_id == account_id, Token.kind.in_(kinds))
        )
    if not gone.rowcount:
        raise NotFound(token_id)
    forget_all()


def _caller(account: Account, held: Token) -> Caller:
    """Return who holds a token of an account."""
    return Caller(
        account.identity,
        account.email,
        account.locale,
        held.id,
        held.kind,
        held.expire_time,
        account.must_choose_password,
    )


def _set_password(session: Session, account: Account, password_hash: str, *, keep_token: str) -> None:
    """Give an account the password that its holder chose, and end its sessions, but for the one it is chosen in."""
    account.password_hash, account.must_choose_password = password_hash, False
    session.execute(
        delete(Token).where(Token.account_id == account.id, Token.kind != Kind.PERSONAL, Token.id != keep_token)
    )


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def issue_token(account_id: str, kind: Kind, lifetime: timedelta) -> tuple[str, Token]:
    """Return a new token and the row to keep of it."""
    token = PREFIXES[kind] + secrets.token_urlsafe(32)
    return token, Token(account_id=account_id, kind=kind, digest=_digest(token), expire_time=now() + lifetime)
