"""Who holds a token: signing in and out, and the password that a session begins with."""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import CursorResult, Select, delete, func, select, true, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from chassis.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from chassis.model import now
from gateway.accounts import passwords, throttle
from gateway.accounts.caller_cache import Caller, forget_all, get_version
from gateway.accounts.database import AccountsDatabase
from gateway.accounts.model import Account, Kind, Token
from gateway.accounts.password_rules import require_good_password

# A long working day; whoever comes back the next one signs in again.
SESSION_LIFETIME = timedelta(hours=12)
LAST_USE_STEP = timedelta(minutes=1)
# For how long what makes or changes who may sign in is not asked the password for again.
CONFIRMATION_LIFETIME = timedelta(minutes=15)
# In place of the id of an account.
ANY_ACCOUNT = "*"
SESSION_KINDS = (Kind.WEB, Kind.SESSION)
ACCESS_KINDS = (Kind.PERSONAL, Kind.CALENDAR)
MAX_LISTED = 1000
# Each kind of token begins with letters of its own, so that a leaked one is recognised for what it is.
PREFIXES = {Kind.WEB: "aw_", Kind.SESSION: "as_", Kind.PERSONAL: "at_", Kind.CALENDAR: "ac_"}


def find_caller(database: AccountsDatabase, token: str, kinds: Sequence[Kind]) -> Caller | None:
    """Return who holds a token of one of the kinds; None when nobody does (any more)."""
    digest = _compute_digest(token)
    caller = database.callers.get(digest)
    if caller is None:
        seen = get_version()
        caller = _query_caller(database, digest)
        # Not whoever is about to choose a password: another gateway must know of the choice at once.
        if caller and not caller.must_choose_password:
            database.callers.keep(digest, caller, seen)
    return caller if caller and caller.kind in kinds else None


def _query_caller(database: AccountsDatabase, digest: bytes) -> Caller | None:
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
        caller = _to_caller(account, held)
        moment = now()
        if held.last_use_time is None or held.last_use_time < moment - LAST_USE_STEP:
            held.last_use_time = moment
            with suppress(DBAPIError):  # whoever only reads goes on while the disk of the database is full
                session.commit()
        return caller


def sign_in(
    database: AccountsDatabase,
    email: str,
    password: str,
    address: str,
    kind: Kind,
    devices: Mapping[str, str] | None = None,
) -> tuple[str, Caller]:
    """
    Begin a session.

    Args:
        address: Network address that the attempt comes from.
        kind: WEB for a browser, SESSION for a program.
        devices: Id of an account → the mark of this browser, for those who have signed in by it before.

    Returns:
        The token, and who holds it.

    Raises:
        Unauthenticated: The account does not exist or is disabled, or the password is not its own: it is not said
            which, and takes the same time; reason WRONG_CREDENTIALS.
        FailedPrecondition: A program has the password that was made up for the account; its holder has to choose
            an own one first, with a browser; reason PASSWORD_NOT_CHOSEN. That password has expired; reason
            FIRST_PASSWORD_EXPIRED.
        ResourceExhausted: There were too many attempts; reason TOO_MANY_ATTEMPTS, metadata ``retry_after`` (seconds).
        Unavailable: Too many are signing in at once; reason SIGN_IN_BUSY.
    """
    with Session(database.engine) as session:
        account = session.scalar(select(Account).where(func.lower(Account.email) == email.strip().lower()))
    device = (devices or {}).get(account.id) if account else None
    ways = [throttle.get_device_counters(device)] if device else []
    ways.append(throttle.get_stranger_counters(email, address))
    known = account is not None and not account.disabled
    with _count_attempt(database, ways) as counters:
        right = passwords.verify_password(account.password_hash if account and known else None, password)
    if not right or account is None:
        raise Unauthenticated("E-mail address or password is wrong.", reason="WRONG_CREDENTIALS")
    if account.must_choose_password and (kind is Kind.SESSION or account.is_first_password_expired):
        with database.engine.begin() as connection:
            throttle.forgive_attempts(connection, counters)
    if account.is_first_password_expired:
        raise FailedPrecondition(
            "This password was made up for the account and has expired. Ask an administrator for a new one.",
            reason="FIRST_PASSWORD_EXPIRED",
            metadata={"expire_time": account.first_password_expire_time.isoformat()},
        )
    if account.must_choose_password and kind is Kind.SESSION:
        raise FailedPrecondition(
            "This password was made up for the account. Sign in with a browser and choose an own one first.",
            reason="PASSWORD_NOT_CHOSEN",
        )
    rehashed = ""
    if passwords.is_outdated(account.password_hash):
        with suppress(Unavailable):  # there is a next time
            rehashed = passwords.hash_password(password)
    with Session(database.engine, expire_on_commit=False) as session, session.begin():
        present = session.get(Account, account.id, with_for_update=True)
        if present is None or present.disabled or present.password_hash != account.password_hash:
            # Meanwhile it was locked, or got another password, which has ended every session.
            raise Unauthenticated("E-mail address or password is wrong.", reason="WRONG_CREDENTIALS")
        throttle.forgive_attempts(session.connection(), counters)
        session.execute(delete(Token).where(Token.expire_time < now()))
        if rehashed:
            present.password_hash = rehashed
        token, held = issue_token(account.id, kind, SESSION_LIFETIME)
        session.add(held)
    return token, _to_caller(account, held)


def confirm_password(database: AccountsDatabase, caller: Caller, password: str) -> Caller:
    """
    Note that the holder of a session has just given the password once more, and return the holder so confirmed.

    Raises:
        InvalidArgument: It is not the password of the account; reason WRONG_PASSWORD.
        ResourceExhausted: A wrong one was given too often; reason TOO_MANY_ATTEMPTS.
        Unavailable: Too many passwords are being looked at; reason SIGN_IN_BUSY.
    """
    _account, counters = _check_own_password(database, caller, password, "password")
    moment = now()
    with database.engine.begin() as connection:
        throttle.forgive_attempts(connection, counters)
        connection.execute(update(Token).where(Token.id == caller.token_id).values(confirm_time=moment))
    forget_all()
    return replace(caller, confirm_time=moment)


def require_confirmation(caller: Caller) -> None:
    """
    Raise unless a caller may make or change who may sign in.

    Raises:
        PermissionDenied: The caller uses an access token, which must not make itself outlive its end; reason
            SESSION_NEEDED.
        Unauthenticated: The password was given longer ago than the metadata's ``max_age_seconds``; reason
            PASSWORD_CONFIRMATION_NEEDED.
    """
    if caller.kind is Kind.PERSONAL:
        raise PermissionDenied("An access token cannot be used for this; sign in.", reason="SESSION_NEEDED")
    if caller.confirm_time < now() - CONFIRMATION_LIFETIME:
        minutes = CONFIRMATION_LIFETIME // timedelta(minutes=1)
        raise Unauthenticated(
            f"This needs a sign-in within the last {minutes} minutes; sign in once more.",
            reason="PASSWORD_CONFIRMATION_NEEDED",
            metadata={"max_age_seconds": str(minutes * 60)},
        )


def list_sessions(database: AccountsDatabase, account_id: str) -> list[Token]:
    """Return the sessions of an account that have not ended, newest first."""
    return list_tokens(database, account_id, SESSION_KINDS)


def list_tokens(database: AccountsDatabase, account_id: str, kinds: Sequence[Kind]) -> list[Token]:
    """Return the tokens of some kinds that an account holds and that have not expired, newest first."""
    statement = (
        select(Token)
        .where(Token.account_id == account_id, Token.kind.in_(kinds), Token.expire_time > now())
        .order_by(Token.create_time.desc(), Token.id.desc())
        .limit(MAX_LISTED)
    )
    with Session(database.engine) as session:
        return list(session.scalars(statement))


def change_password(
    database: AccountsDatabase, caller: Caller, old: str, new: str, home_city: str, *, keep_access_tokens: bool
) -> None:
    """
    Change the caller's password, end the other sessions, and revoke the access tokens.

    Args:
        home_city: Resource name of the home city.
        keep_access_tokens: Leave those as they are: nobody else knew the old password.

    Raises:
        InvalidArgument: The old one is not that of the account; reason WRONG_PASSWORD. The new one is not good enough;
            reasons of `gateway.accounts.password_rules.require_good_password`.
        ResourceExhausted: A wrong one was given too often; reason TOO_MANY_ATTEMPTS.
        Unavailable: Too many passwords are being looked at; reason SIGN_IN_BUSY.
    """
    account, counters = _check_own_password(database, caller, old, "old_password")
    with database.engine.begin() as connection:
        throttle.forgive_attempts(connection, counters)
    require_good_password("new_password", new, account, home_city)
    password_hash = passwords.hash_password(new)
    with Session(database.engine) as session, session.begin():
        changed = session.get_one(Account, account.id, with_for_update=True)
        require_token(session, caller)
        _set_password(session, changed, password_hash, caller.token_id, SESSION_KINDS if keep_access_tokens else Kind)
    forget_all()


def choose_password(database: AccountsDatabase, caller: Caller, new: str, home_city: str = "") -> Caller:
    """
    Replace the password that was made up for an account by one of its holder's, and end its other sessions.

    Returns:
        The holder, who may go on.

    Raises:
        InvalidArgument: It is the one that was made up; reason PASSWORD_MADE_UP. It is not good enough; reasons of
            `gateway.accounts.password_rules.require_good_password`.
        Unauthenticated: The session has ended, as when the password was made up once more meanwhile; reason
            SESSION_ENDED.
    """
    with Session(database.engine) as session:
        account = session.get_one(Account, caller.account_id)
    require_good_password("new_password", new, account, home_city)
    if passwords.verify_password(account.password_hash, new):
        raise InvalidArgument("new_password", "is the one that was made up", reason="PASSWORD_MADE_UP")
    password_hash = passwords.hash_password(new)
    with Session(database.engine) as session, session.begin():
        account = session.get_one(Account, caller.account_id, with_for_update=True)
        require_token(session, caller)
        _set_password(session, account, password_hash, caller.token_id, Kind)
    forget_all()
    return replace(caller, must_choose_password=False)


def require_token(session: Session, caller: Caller) -> None:
    """
    Raise unless a caller still holds the token of the call, whose account is locked against changes by now.

    Raises:
        Unauthenticated: It was revoked meanwhile, as by a reset of the password; reason SESSION_ENDED.
    """
    if session.get(Token, caller.token_id) is None:
        raise Unauthenticated("The session has ended meanwhile; sign in again.", reason="SESSION_ENDED")


def revoke_token(database: AccountsDatabase, account_id: str, token_id: str, kinds: Sequence[Kind]) -> None:
    """
    Make a token of an account worthless; of any account for `ANY_ACCOUNT`.

    Raises:
        NotFound: The account has no such token of these kinds.
    """
    of_account = true() if account_id == ANY_ACCOUNT else Token.account_id == account_id
    with database.engine.begin() as connection:
        gone: CursorResult[object] = connection.execute(
            delete(Token).where(Token.id == token_id, of_account, Token.kind.in_(kinds))
        )
    if not gone.rowcount:
        raise NotFound(token_id)
    forget_all()


@contextmanager
def _count_attempt(
    database: AccountsDatabase, ways: Iterable[Sequence[throttle.Counter]]
) -> Iterator[Sequence[throttle.Counter]]:
    """Count an attempt before a password is looked at in the block; not where there is no place to look at it."""
    with database.engine.begin() as connection:
        counters = throttle.count_attempt(connection, ways)
    try:
        yield counters
    except Unavailable:
        with database.engine.begin() as connection:
            throttle.uncount_attempt(connection, counters)
        raise


def _to_caller(account: Account, held: Token) -> Caller:
    """Return who holds a token of an account."""
    return Caller(
        account.identity,
        account.email,
        account.locale,
        held.id,
        held.kind,
        held.expire_time,
        account.must_choose_password,
        held.scope,
        held.confirm_time,
    )


def _check_own_password(
    database: AccountsDatabase, caller: Caller, password: str, field: str
) -> tuple[Account, Sequence[throttle.Counter]]:
    """
    Return the account of who gives the own password once more, which is right, and what that was counted against.

    Raises:
        InvalidArgument: It is not the password of the account; reason WRONG_PASSWORD.
        ResourceExhausted: A wrong one was given too often; reason TOO_MANY_ATTEMPTS.
        Unavailable: Too many passwords are being looked at; reason SIGN_IN_BUSY.
    """
    with Session(database.engine) as session:
        account = session.get_one(Account, caller.account_id)
    with _count_attempt(database, [throttle.get_session_counters(caller.token_id)]) as counters:
        right = passwords.verify_password(account.password_hash, password)
    if not right:
        raise InvalidArgument(field, "is not your password", reason="WRONG_PASSWORD")
    return account, counters


def _set_password(
    session: Session, account: Account, password_hash: str, keep_token: str, revoked: Iterable[Kind]
) -> None:
    """Give an account the password that its holder chose, and revoke tokens, but for the one it is chosen with."""
    account.password_hash, account.must_choose_password = password_hash, False
    session.execute(
        delete(Token).where(Token.account_id == account.id, Token.kind.in_(revoked), Token.id != keep_token)
    )


def _compute_digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def issue_token(account_id: str, kind: Kind, lifetime: timedelta) -> tuple[str, Token]:
    """Return a new token and the row to keep of it."""
    token = PREFIXES[kind] + secrets.token_urlsafe(32)
    return token, Token(account_id=account_id, kind=kind, digest=_compute_digest(token), expire_time=now() + lifetime)
