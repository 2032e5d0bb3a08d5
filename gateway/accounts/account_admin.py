"""The accounts as administrators manage them: they find, create and change them, and give new passwords."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from austausch.accounts.v1 import accounts_pb2
from sqlalchemy import delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from chassis import page_token
from chassis.errors import AlreadyExists, NotFound, Violation
from chassis.identity import Role
from chassis.paging import read_page_size
from gateway.accounts import passwords
from gateway.accounts.caller_cache import forget_all
from gateway.accounts.database import AccountsDatabase
from gateway.accounts.model import Account, Token

# Raises what speaks against an account as it would be.
AccountCheck = Callable[[Account], None]

# Of 64 letters, digits and signs: more than anybody can try.
MADE_UP_BYTES = 12


def list_accounts(
    database: AccountsDatabase, request: accounts_pb2.ListAccountsRequest
) -> tuple[Sequence[Account], str, int]:
    """
    Return one page of the accounts, by e-mail address.

    Args:
        request: Its ``query`` is a text in e-mail address, name or department of each, in any case of letters.

    Returns:
        The accounts, the token of the next page ("" on the last one), and the number of accounts over all pages.

    Raises:
        InvalidArgument: The token is none that this list gave; reasons as `page_token.decode`.
    """
    size, query = read_page_size(request), request.query.strip()
    email = func.lower(Account.email)
    texts = (Account.email, Account.display_name, Account.department)
    matches = or_(*(text.icontains(query, autoescape=True) for text in texts))
    total = select(func.count()).select_from(Account).where(matches).scalar_subquery()
    statement = select(Account, total).where(matches, email > _read_last_email(request)).order_by(email).limit(size + 1)
    with Session(database.engine) as session:
        rows = session.execute(statement).all()
    accounts = [row[0] for row in rows[:size]]
    next_token = page_token.encode(request, [accounts[-1].email.lower()]) if len(rows) > size else ""
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


def _read_last_email(request: accounts_pb2.ListAccountsRequest) -> str:
    """
    Return the e-mail address after which a page begins; "" for the first.

    Raises:
        InvalidArgument: The token is none that this list gave; reasons as `page_token.decode`.
    """
    if not request.page_token:
        return ""
    match page_token.decode(request):
        case [str(email)] if "\0" not in email:
            return email
    raise page_token.malformed()
