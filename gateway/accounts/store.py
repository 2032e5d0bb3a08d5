"""The accounts database: who holds a token, signing in, and tokens for programs."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import CursorResult, Select, create_engine, delete, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from chassis.database import driver_url
from chassis.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from chassis.model import now
from gateway.accounts import passwords, throttle
from gateway.accounts.model import Account, Kind, Token
from gateway.accounts.remembered import Caller, Remembered, forget_all, version

# A long working day; whoever comes back the next one signs in again.
SESSION_LIFETIME = timedelta(hours=12)
ACCESS_TOKEN_LIFETIME = timedelta(days=366)
ACCESS_TOKENS_PER_ACCOUNT = 50
LAST_USE_STEP = timedelta(minutes=1)
# Each kind of token begins with letters of its own, so that a leaked one is recognised for what it is.
PREFIXES = {Kind.WEB: "aw_", Kind.SESSION: "as_", Kind.PERSONAL: "at_"}


class Store:
    """
    The accounts database.

    Args:
        url: ``postgresql://user:password@host/database``.
        pool_size: Connections, at most; they are opened when first needed.
    """

    def __init__(self, url: str, pool_size: int = 4) -> None:
        self.engine = create_engine(
            driver_url(url, "psycopg"),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            hide_parameters=True,  # an error's text goes into the log; hashes and addresses must not
            connect_args={"connect_timeout": 5, "application_name": "austausch-gateway", "options": "-c timezone=UTC"},
        )
        self._remembered = Remembered()

    def check(self) -> None:
        """
        Look whether the database answers and has its tables.

        Raises:
            Unavailable: It does not; the message is the kind of error.
        """
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1 FROM tokens LIMIT 1"))
        except SQLAlchemyError as error:
            raise Unavailable(type(error).__name__) from error

    def caller(self, token: str, kinds: Sequence[Kind]) -> Caller | None:
        """Return who holds a token of one of the kinds; None when nobody does (any more)."""
        digest = _digest(token)
        caller = self._remembered.get(digest)
        if caller is None:
            seen = version()
            caller = self._ask(digest)
            # Not whoever is about to choose a password: another gateway must know of the choice at once.
            if caller and not caller.must_choose_password:
                self._remembered.keep(digest, caller, seen)
        return caller if caller and caller.kind in kinds else None

    def _ask(self, digest: bytes) -> Caller | None:
        """Return who holds a token; asked once more on a fresh connection when the database was restarted meanwhile."""
        statement = (
            select(Account, Token)
            .join(Token, Token.account_id == Account.id)
            .where(Token.digest == digest, Token.expire_time > now(), Account.disabled.is_(False))
        )
        try:
            return self._read_caller(statement)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            return self._read_caller(statement)

    def _read_caller(self, statement: Select[Account, Token]) -> Caller | None:
        with Session(self.engine) as session:
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

    def sign_in(self, email: str, password: str, address: str, kind: Kind) -> tuple[str, Caller]:
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
        with self.engine.begin() as connection:
            throttle.count_attempt(connection, email, address)
        with Session(self.engine) as session:
            account = session.scalar(select(Account).where(func.lower(Account.email) == email.strip().lower()))
        known = account is not None and not account.disabled
        if not passwords.matches(account.password_hash if account and known else None, password) or account is None:
            raise Unauthenticated("E-mail address or password is wrong.", reason="WRONG_CREDENTIALS")
        if account.must_choose_password and kind is Kind.SESSION:
            with self.engine.begin() as connection:
                throttle.forgive(connection, email, address)
            raise FailedPrecondition(
                "This password was made up for the account. Sign in with a browser and choose an own one first.",
                reason="PASSWORD_NOT_CHOSEN",
            )
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            throttle.forgive(session.connection(), email, address)
            session.execute(delete(Token).where(Token.expire_time < now()))
            if passwords.is_outdated(account.password_hash):
                session.merge(account).password_hash = passwords.hashed(password)
            token, held = _issue(account.id, kind, SESSION_LIFETIME)
            session.add(held)
        return token, _caller(account, held)

    def change_password(self, account_id: str, old: str, new: str, keep_token: str, address: str) -> None:
        """
        Change the password of an account and end its sessions, but for the one it is changed in.

        Raises:
            InvalidArgument: The old password is wrong.
            ResourceExhausted: There were too many attempts; they count as attempts to sign in.
        """
        with Session(self.engine) as session:
            account = session.get_one(Account, account_id)
        with self.engine.begin() as connection:
            throttle.count_attempt(connection, account.email, address)
        if not passwords.matches(account.password_hash, old):
            raise InvalidArgument("old_password", "is not your password")
        password_hash = passwords.hashed(new)
        with Session(self.engine) as session, session.begin():
            throttle.forgive(session.connection(), account.email, address)
            changed = session.get_one(Account, account_id, with_for_update=True)
            _set_password(session, changed, password_hash, keep_token=keep_token)
        forget_all()

    def choose_password(self, caller: Caller, new: str) -> Caller:
        """
        Replace the password that was made up for an account by one of its holder's, and end its other sessions.

        Returns:
            The holder, who may go on.

        Raises:
            InvalidArgument: It is the one that was made up.
            Unauthenticated: The session has ended, as when the password was made up once more meanwhile.
        """
        with Session(self.engine) as session:
            made_up = session.get_one(Account, caller.account_id).password_hash
        if passwords.matches(made_up, new):
            raise InvalidArgument("new_password", "is the one that was made up")
        password_hash = passwords.hashed(new)
        with Session(self.engine) as session, session.begin():
            account = session.get_one(Account, caller.account_id, with_for_update=True)
            if session.get(Token, caller.token_id) is None:
                raise Unauthenticated("The password was made up once more meanwhile, or the session ended.")
            _set_password(session, account, password_hash, keep_token=caller.token_id)
        forget_all()
        return replace(caller, must_choose_password=False)

    def access_tokens(self, account_id: str) -> list[Token]:
        """Return the access tokens of an account that have not expired, newest first."""
        with Session(self.engine) as session:
            return list(
                session.scalars(
                    select(Token)
                    .where(Token.account_id == account_id, Token.kind == Kind.PERSONAL, Token.expire_time > now())
                    .order_by(Token.create_time.desc(), Token.id.desc())
                )
            )

    def create_access_token(self, account_id: str, title: str, expire_time: datetime | None) -> tuple[str, Token]:
        """
        Make a token for a program of an account.

        Returns:
            The token itself, which is not kept, and what is kept of it.

        Raises:
            InvalidArgument: The expiry is past or too far away.
            FailedPrecondition: The account has too many already.
        """
        moment = now()
        lifetime = expire_time - moment if expire_time else ACCESS_TOKEN_LIFETIME
        if not timedelta() < lifetime <= ACCESS_TOKEN_LIFETIME:
            days = ACCESS_TOKEN_LIFETIME.days
            raise InvalidArgument("access_token.expire_time", f"must lie within the next {days} days")
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.get_one(Account, account_id, with_for_update=True)  # two at once must not both be the fiftieth
            count = session.scalar(
                select(func.count()).where(
                    Token.account_id == account_id, Token.kind == Kind.PERSONAL, Token.expire_time > moment
                )
            )
            if (count or 0) >= ACCESS_TOKENS_PER_ACCOUNT:
                raise FailedPrecondition(
                    f"An account can have {ACCESS_TOKENS_PER_ACCOUNT} access tokens; revoke one first.",
                    reason="TOO_MANY_ACCESS_TOKENS",
                )
            token, held = _issue(account_id, Kind.PERSONAL, lifetime)
            held.title = title
            session.add(held)
        return token, held

    def revoke(self, account_id: str, token_id: str, kinds: Sequence[Kind]) -> None:
        """
        Make a token of an account worthless.

        Raises:
            NotFound: The account has no such token of these kinds.
        """
        with self.engine.begin() as connection:
            gone: CursorResult[object] = connection.execute(
                delete(Token).where(Token.id == token_id, Token.account_id == account_id, Token.kind.in_(kinds))
            )
        if not gone.rowcount:
            raise NotFound(token_id)
        forget_all()

    def create_account(
        self,
        email: str,
        display_name: str,
        password: str,
        roles: Sequence[str],
        *,
        city: str = "",
        department: str = "",
        locale: str = "",
        account_id: str = "",
    ) -> str:
        """
        Create an account and return its name.

        Raises:
            AlreadyExists: Another account has this address, or this id.
        """
        account = Account(
            email=email.strip(),
            display_name=display_name,
            password_hash=passwords.hashed(password),
            roles=list(roles),
            city=city,
            department=department,
            locale=locale,
            **({"id": account_id} if account_id else {}),
        )
        try:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                session.add(account)
        except IntegrityError as error:
            raise AlreadyExists(f"There is an account {email} already.") from error
        return account.name

    def emails(self) -> set[str]:
        """Return the addresses of all accounts, in lower case."""
        with Session(self.engine) as session:
            return set(session.scalars(select(func.lower(Account.email))))

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()


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


def _issue(account_id: str, kind: Kind, lifetime: timedelta) -> tuple[str, Token]:
    """Return a new token and the row to keep of it."""
    token = PREFIXES[kind] + secrets.token_urlsafe(32)
    return token, Token(account_id=account_id, kind=kind, digest=_digest(token), expire_time=now() + lifetime)
