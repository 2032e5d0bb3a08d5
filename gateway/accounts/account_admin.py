"""The accounts as administrators manage them: they find, create and change them, and give new passwords."""

import base64
import binascii
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from chassis.errors import AlreadyExists, InvalidArgument, NotFound, Violation
from chassis.identity import Role
from chassis.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from gateway.accounts import passwords
from gateway.accounts.caller_cache import forget_all
from gateway.accounts.database import AccountsDatabase
from gateway.accounts.model import Account, Token

# Raises what speaks against an account as it would be.
AccountCheck = Callable[[Account], None]

# Of 64 letters, digits and signs: more than anybody can try.
MADE_UP_BYTES = 12


def list_accounts(database: AccountsDatabase, query: str, size: int, token: str) -> tuple[Sequence[Account], str, int]:
    """
    Return one page of the accounts, by e-mail address.

    Args:
        query: Text in e-mail address, name or department of each, in any case of letters.
        size: Accounts on the page, at most; 0 leaves the choice to us.
        token: The token of the page before; "" for the first.

    Returns:
        The accounts, the token of the next page ("" on the last one), and the number of accounts over all pages.

    Raises:
        InvalidArgument: The token is not one that this list gave; reason PAGE_TOKEN_MALFORMED.
    """
    size = min(size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
    email = func.lower(Account.email)
    texts = (Account.email, Account.display_name, Account.department)
    matches = or_(*(text.icontains(query, autoescape=True) for text in texts))
    total = select(func.count()).select_from(Account).where(matches).scalar_subquery()
    statement = select(Account, total).where(matches, email > _decode_page_token(token)).order_by(email).limit(size + 1)
    with Session(database.engine) as session:
        rows = session.execute(statement).all()
    accounts = [row[0] for row in rows[:size]]
    next_token = _encode_page_token(accounts[-1].email.lower()) if len(rows) > size else ""
    return accounts, next_token, rows[0][1] if rows else 0


def get_account(database: AccountsDatabase, name: str) -> Account:
    """
    Return an account.

    Raises:
        NotFound: There is none of that name.
    """
    with Session(database.engine) as session:
        return _find_account(session, name)


def get_expert(database: AccountsDatabase, email: str) -> Account:
    """
    Return the account with which an expert signs in.

    Raises:
        NotFound: There is no account with that address, in any case of letters, or it is disabled, or nobody's who is
            an expert: it is not said which.
    """
    statement = select(Account).where(func.lower(Account.email) == email.lower(), ~Account.disabled)
    with Session(database.engine) as session:
        account = session.scalars(statement).one_or_none()
    if account is None or Role.EXPERT not in account.roles:
        raise NotFound(email)
    return account


def list_departments(database: AccountsDatabase) -> Sequence[str]:
    """Return the departments of all accounts, each as often as it is spelled differently."""
    with Session(database.engine) as session:
        return session.scalars(select(Account.department).distinct()).all()


def list_emails(database: AccountsDatabase) -> set[str]:
    """Return the addresses of all accounts, in lower case."""
    with Session(database.engine) as session:
        return set(session.scalars(select(func.lower(Account.email))))


def create_account(
    database: AccountsDatabase, values: Mapping[str, Any], updater: str, check: AccountCheck
) -> tuple[Account, str]:
    """
    Create an account; return it and its password, which was made up and is not kept.

    Raises:
        AlreadyExists: Another account has the e-mail address; reason EMAIL_TAKEN.
    """
    account = Account(**values, updater=updater)
    check(account)
    password = secrets.token_urlsafe(MADE_UP_BYTES)
    account.make_up_password(passwords.hash_password(password))
    with Session(database.engine, expire_on_commit=False) as session, session.begin():
        session.add(account)
        _flush(session)
    return account, password


def create_account_with_password(
    database: AccountsDatabase,
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
        AlreadyExists: Another account has this address, or this id; reason EMAIL_TAKEN.
    """
    account = Account(
        email=email.strip(),
        display_name=display_name,
        password_hash=passwords.hash_password(password),
        roles=list(roles),
        city=city,
        department=department,
        locale=locale,
        **({"id": account_id} if account_id else {}),
    )
    try:
        with Session(database.engine, expire_on_commit=False) as session, session.begin():
            session.add(account)
    except IntegrityError as error:
        message = f"There is an account {email} already."
        raise AlreadyExists(message, reason="EMAIL_TAKEN", metadata={"email": email}) from error
    return account.name


def update_account(
    database: AccountsDatabase, name: str, etag: str, values: Mapping[str, Any], updater: str, check: AccountCheck
) -> Account:
    """
    Change an account; one that is disabled by it is signed out everywhere, programs too.

    Raises:
        NotFound: There is none of that name.
        EtagMismatch: Somebody else changed it since.
        AlreadyExists: Another account has the e-mail address; reason EMAIL_TAKEN.
    """
    with Session(database.engine, expire_on_commit=False) as session, session.begin():
        account = _find_account(session, name, lock=True)
        account.check_etag(etag)
        for attribute, value in values.items():
            setattr(account, attribute, value)
        check(account)
        account.note_change(updater)
        _flush(session)
        if account.disabled:
            _revoke_tokens(session, account)
    forget_all()
    return account


def reset_password(database: AccountsDatabase, name: str, etag: str, updater: str) -> tuple[Account, str]:
    """
    Give an account a new password and revoke all its tokens; return it and the password, which is not kept.

    Raises:
        NotFound: There is none of that name.
        EtagMismatch: Somebody else changed it since.
    """
    password = secrets.token_urlsafe(MADE_UP_BYTES)
    password_hash = passwords.hash_password(password)
    with Session(database.engine, expire_on_commit=False) as session, session.begin():
        account = _find_account(session, name, lock=True)
        account.check_etag(etag)
        account.make_up_password(password_hash)
        account.note_change(updater)
        _revoke_tokens(session, account)
    forget_all()
    return account, password


def _find_account(session: Session, name: str, *, lock: bool = False) -> Account:
    """
    Return an account.

    Raises:
        NotFound: There is none of that name.
    """
    account = session.get(Account, name.removeprefix("accounts/"), with_for_update=lock or None)
    if account is None:
        raise NotFound(name)
    return account


def _flush(session: Session) -> None:
    """
    Write what has changed.

    Raises:
        AlreadyExists: Another account has the e-mail address; reason EMAIL_TAKEN.
    """
    try:
        session.flush()
    except IntegrityError as error:
        message = "belongs to another account"
        taken = [Violation("account.email", "EMAIL_TAKEN", message)]
        raise AlreadyExists(f"account.email: {message}", reason="EMAIL_TAKEN", violations=taken) from error


def _revoke_tokens(session: Session, account: Account) -> None:
    session.execute(delete(Token).where(Token.account_id == account.id))


def _encode_page_token(email: str) -> str:
    return base64.urlsafe_b64encode(email.encode()).decode()


def _decode_page_token(token: str) -> str:
    """
    Return the e-mail address at which a page ended.

    Raises:
        InvalidArgument: The token is not one that a list gave; reason PAGE_TOKEN_MALFORMED.
    """
    try:
        email = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        email = "\0"
    if "\0" in email:
        raise InvalidArgument("page_token", "is not one that a list gave", reason="PAGE_TOKEN_MALFORMED")
    return email
