"""The RPCs of ``austausch.accounts.v1``, which the gateway answers itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import Any

from austausch.accounts.v1 import accounts_pb2
from austausch.exchange.v1.exchange_pb2 import GetCityRequest
from google.protobuf.empty_pb2 import Empty

from chassis.contract import role_name, role_number
from chassis.errors import FailedPrecondition, FieldRequired, InvalidArgument, NotFound, Unauthenticated
from chassis.field_mask import updated_paths
from chassis.identity import Role
from gateway import rpc
from gateway.accounts import access_tokens, account_admin, sessions
from gateway.accounts.caller_cache import Caller
from gateway.accounts.database import AccountsDatabase
from gateway.accounts.model import Account, Kind, Scope, Token

# Fields of an account that an administrator sets.
SETTABLE = {"email", "display_name", "roles", "city", "department", "disabled"}


@dataclass(frozen=True)
class Context:
    """
    What a call of these RPCs knows beside its request.

    Attributes:
        database: The accounts.
        address: Network address that the call comes from.
        home_city: Resource name of the home city.
        signed_in: Who makes the call; None where nobody is signed in.
    """

    database: AccountsDatabase
    address: str
    home_city: str
    caller_or_none: Caller | None

    @property
    def caller(self) -> Caller:
        """
        Who makes the call.

        Raises:
            Unauthenticated: Nobody is signed in; reason NOT_SIGNED_IN.
        """
        if self.caller_or_none is None:
            raise Unauthenticated(
                "Sign in first: send a token as `Authorization: Bearer <token>`.", reason="NOT_SIGNED_IN"
            )
        return self.caller_or_none

    @property
    def confirmed_caller(self) -> Caller:
        """
        Who makes a call that makes or changes who may sign in.

        Raises:
            Unauthenticated: Nobody is signed in; reason NOT_SIGNED_IN. The password was given too long ago; reason
                PASSWORD_CONFIRMATION_NEEDED.
            PermissionDenied: The caller uses an access token; reason SESSION_NEEDED.
        """
        caller = self.caller
        sessions.require_confirmation(caller)
        return caller


class SessionService:
    """Signs in and out."""

    descriptor = accounts_pb2.DESCRIPTOR.services_by_name["SessionService"]

    def CreateSession(self, request: accounts_pb2.CreateSessionRequest, context: Context) -> accounts_pb2.Session:
        """Sign in."""
        token, caller = sessions.sign_in(
            context.database, request.email, request.password, context.address, Kind.SESSION
        )
        return accounts_pb2.Session(
            name=f"sessions/{caller.token_id}",
            token=token,
            expire_time=caller.expire_time,
            account=caller.identity.subject,
            kind=accounts_pb2.Session.KIND_PROGRAM,
            create_time=caller.confirm_time,
            current=True,
        )

    def ListSessions(
        self, request: accounts_pb2.ListSessionsRequest, context: Context
    ) -> accounts_pb2.ListSessionsResponse:
        """Return the sessions of the caller's account; to an administrator, of any."""
        held = sessions.list_sessions(context.database, _require_readable_account(request.parent, context))
        current = context.caller.token_id
        return accounts_pb2.ListSessionsResponse(
            sessions=[session_message(token, current=token.id == current) for token in held], total_size=len(held)
        )

    def DeleteSession(self, request: accounts_pb2.DeleteSessionRequest, context: Context) -> Empty:
        """End a session of the caller; for an administrator, anybody's."""
        caller = context.caller
        token_id = request.name.removeprefix("sessions/")
        try:
            if token_id == "current":
                sessions.revoke_token(context.database, caller.account_id, caller.token_id, sessions.SESSION_KINDS)
            else:
                account_id = sessions.ANY_ACCOUNT if _may_manage(caller) else caller.account_id
                sessions.revoke_token(context.database, account_id, token_id, sessions.SESSION_KINDS)
        except NotFound:
            raise NotFound(request.name) from None
        return Empty()


class AccountService:
    """Tells who the caller is, and manages who may sign in."""

    descriptor = accounts_pb2.DESCRIPTOR.services_by_name["AccountService"]

    def GetAccount(self, request: accounts_pb2.GetAccountRequest, context: Context) -> accounts_pb2.Account:
        """Return the caller's account; to an administrator, any."""
        caller = context.caller
        own = request.name in ("accounts/me", caller.identity.subject)
        if not own and not caller.identity.has(Role.ADMINISTRATOR):
            raise NotFound(request.name)
        return account_message(
            account_admin.get_account(context.database, caller.identity.subject if own else request.name)
        )

    def ListAccounts(
        self, request: accounts_pb2.ListAccountsRequest, context: Context
    ) -> accounts_pb2.ListAccountsResponse:
        """Return a page of accounts."""
        accounts, token, total = account_admin.list_accounts(context.database, request)
        return accounts_pb2.ListAccountsResponse(
            accounts=map(account_message, accounts), next_page_token=token, total_size=total
        )

    def CreateAccount(self, request: accounts_pb2.CreateAccountRequest, context: Context) -> accounts_pb2.Account:
        """Create an account; only this answer holds its password."""
        values, updater = _to_columns(request.account, SETTABLE), context.confirmed_caller.identity.name
        _require_city(values)
        return account_message(
            *account_admin.create_account(context.database, values, updater, partial(_check_account, context))
        )

    def UpdateAccount(self, request: accounts_pb2.UpdateAccountRequest, context: Context) -> accounts_pb2.Account:
        """Change an account."""
        wanted, updater = request.account, context.confirmed_caller.identity.name
        values = _to_columns(wanted, updated_paths(request.update_mask, wanted, SETTABLE))
        _require_city(values)
        return account_message(
            account_admin.update_account(
                context.database, wanted.name, wanted.etag, values, updater, partial(_check_account, context)
            )
        )

    def ResetAccountPassword(
        self, request: accounts_pb2.ResetAccountPasswordRequest, context: Context
    ) -> accounts_pb2.Account:
        """Give an account a new password; only this answer holds it."""
        updater = context.confirmed_caller.identity.name
        return account_message(*account_admin.reset_password(context.database, request.name, request.etag, updater))


class AccessTokenService:
    """Manages the caller's tokens for programs."""

    descriptor = accounts_pb2.DESCRIPTOR.services_by_name["AccessTokenService"]

    def ListAccessTokens(
        self, request: accounts_pb2.ListAccessTokensRequest, context: Context
    ) -> accounts_pb2.ListAccessTokensResponse:
        """Return the access tokens of the caller, to an administrator of anybody; without the tokens themselves."""
        tokens = access_tokens.list_access_tokens(context.database, _require_readable_account(request.parent, context))
        return accounts_pb2.ListAccessTokensResponse(
            access_tokens=[access_token_message(token) for token in tokens], total_size=len(tokens)
        )

    def CreateAccessToken(
        self, request: accounts_pb2.CreateAccessTokenRequest, context: Context
    ) -> accounts_pb2.AccessToken:
        """Make an access token; only this answer holds it."""
        caller, wanted = context.confirmed_caller, request.access_token
        if request.parent not in ("accounts/me", caller.identity.subject):
            raise NotFound(request.parent)
        scope = Scope.WRITE if wanted.scope == accounts_pb2.AccessToken.SCOPE_WRITE else Scope.READ
        expire_time = wanted.expire_time.ToDatetime(UTC) if wanted.HasField("expire_time") else None
        kind = Kind.CALENDAR if wanted.scope == accounts_pb2.AccessToken.SCOPE_CALENDAR else Kind.PERSONAL
        token, held = access_tokens.create_access_token(
            context.database, caller, wanted.title, expire_time, scope, kind
        )
        message = access_token_message(held)
        message.token = token
        return message

    def DeleteAccessToken(self, request: accounts_pb2.DeleteAccessTokenRequest, context: Context) -> Empty:
        """Revoke an access token of the caller; for an administrator, anybody's."""
        account, _, token_id = request.name.rpartition("/accessTokens/")
        try:
            account_id = _require_readable_account(account, context)
            sessions.revoke_token(context.database, account_id, token_id, sessions.ACCESS_KINDS)
        except NotFound:
            raise NotFound(request.name) from None
        return Empty()


def account_message(account: Account, password: str = "") -> accounts_pb2.Account:
    """Return an account as a message; with its password, where that was just made up."""
    return accounts_pb2.Account(
        name=account.name,
        email=account.email.lower(),
        display_name=account.display_name,
        roles=map(role_number, sorted(account.roles)),
        city=account.city,
        department=account.department,
        locale=account.locale,
        disabled=account.disabled,
        password=password,
        must_choose_password=account.must_choose_password,
        first_password_expire_time=account.first_password_expire_time if account.must_choose_password else None,
        create_time=account.create_time,
        update_time=account.update_time,
        updater=account.updater,
        etag=account.etag,
    )


def access_token_message(token: Token) -> accounts_pb2.AccessToken:
    """Return what may be shown of an access token."""
    return accounts_pb2.AccessToken(
        name=f"accounts/{token.account_id}/accessTokens/{token.id}",
        title=token.title,
        create_time=token.create_time,
        expire_time=token.expire_time,
        last_use_time=token.last_use_time,
        scope="SCOPE_CALENDAR" if token.kind is Kind.CALENDAR else f"SCOPE_{token.scope.upper()}",
    )


def session_message(token: Token, *, current: bool) -> accounts_pb2.Session:
    """Return what may be shown of a session."""
    return accounts_pb2.Session(
        name=f"sessions/{token.id}",
        account=f"accounts/{token.account_id}",
        kind="KIND_BROWSER" if token.kind is Kind.WEB else "KIND_PROGRAM",
        create_time=token.create_time,
        last_use_time=token.last_use_time,
        expire_time=token.expire_time,
        current=current,
    )


def _require_readable_account(name: str, context: Context) -> str:
    """
    Return the id of an account whose sessions and tokens the caller may see and end: the own; an administrator's, any.

    Raises:
        NotFound: It is the account of somebody else.
    """
    caller = context.caller
    if name in ("accounts/me", caller.identity.subject):
        return caller.account_id
    if not _may_manage(caller):
        raise NotFound(name)
    return account_admin.get_account(context.database, name).id


def _may_manage(caller: Caller) -> bool:
    """Return whether a caller may see and end what others hold: by an access token nobody does."""
    return caller.identity.has(Role.ADMINISTRATOR) and caller.kind is not Kind.PERSONAL


def _to_columns(wanted: accounts_pb2.Account, fields: set[str]) -> dict[str, Any]:
    """Return the columns that some fields of a message give."""
    values = {field: getattr(wanted, field) for field in fields}
    if "roles" in values:
        values["roles"] = list(map(role_name, wanted.roles))
    return values


def _require_city(values: Mapping[str, Any]) -> None:
    """
    Raise unless the city that is to be written exists; nobody is asked where none is.

    Raises:
        InvalidArgument: It does not; reason REFERENCE_NOT_FOUND.
        Unavailable: The exchange service does not answer; reason SERVICE_AWAY.
    """
    city = values.get("city", "")
    if not city:
        return
    try:
        rpc.cities.GetCity(GetCityRequest(name=city))
    except NotFound:
        words, metadata = f"{city} does not exist", {"resources": city}
        raise InvalidArgument("account.city", words, reason="REFERENCE_NOT_FOUND", metadata=metadata) from None


def _check_account(context: Context, account: Account) -> None:
    """
    Raise unless an account may be as it is going to be.

    Raises:
        FieldRequired: Staff of a partner city have no city.
        InvalidArgument: Staff of a partner city have the home city; reason CITY_IS_HOME.
        FailedPrecondition: The caller would lose the way back: somebody has to be left who manages accounts; reason
            OWN_ACCOUNT.
    """
    if Role.PARTNER in account.roles and not account.city:
        raise FieldRequired("account.city")
    if Role.PARTNER in account.roles and account.city == context.home_city:
        raise InvalidArgument("account.city", "is the home city", reason="CITY_IS_HOME")
    own = account.name == context.caller.identity.subject
    if own and (account.disabled or Role.ADMINISTRATOR not in account.roles):
        raise FailedPrecondition(
            "You cannot disable your own account or take the role of an administrator from it; another one can.",
            reason="OWN_ACCOUNT",
        )


SERVICERS = (SessionService(), AccountService(), AccessTokenService())
