"""The RPCs of ``austausch.accounts.v1``, which the gateway answers itself."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

from austausch.accounts.v1 import accounts_pb2
from austausch.common.v1 import access_pb2
from flask import current_app
from flask import request as http
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from chassis.errors import FailedPrecondition, InvalidArgument, NotFound
from chassis.field_mask import updated_paths
from chassis.identity import Role
from chassis.validation import validate
from gateway import access
from gateway.accounts import directory
from gateway.accounts.callers import require_caller, store
from gateway.accounts.model import Account, Kind, Token

# What needs nobody to be signed in; everything else needs one of the roles that the contract declares.
WITHOUT_IDENTITY = frozenset({"SessionService.CreateSession"})
# Fields of an account that an administrator sets.
SETTABLE = {"email", "display_name", "roles", "city", "department", "disabled"}


class SessionService:
    """Signs in and out."""

    descriptor = accounts_pb2.DESCRIPTOR.services_by_name["SessionService"]

    def CreateSession(self, request: accounts_pb2.CreateSessionRequest) -> accounts_pb2.Session:
        """Sign in."""
        address = http.remote_addr or ""
        token, caller = store().sign_in(request.email, request.password, address, Kind.SESSION)
        return accounts_pb2.Session(
            name=f"sessions/{caller.token_id}",
            token=token,
            expire_time=caller.expire_time,
            account=caller.identity.subject,
        )

    def DeleteSession(self, request: accounts_pb2.DeleteSessionRequest) -> Empty:
        """End a session of the caller."""
        caller = require_caller()
        token_id = request.name.removeprefix("sessions/")
        try:
            own = caller.token_id if token_id == "current" else token_id
            store().revoke(caller.account_id, own, (Kind.SESSION, Kind.WEB))
        except NotFound:
            raise NotFound(request.name) from None
        return Empty()


class AccountService:
    """Tells who the caller is, and manages who may sign in."""

    descriptor = accounts_pb2.DESCRIPTOR.services_by_name["AccountService"]

    def GetAccount(self, request: accounts_pb2.GetAccountRequest) -> accounts_pb2.Account:
        """Return the caller's account; to an administrator, any."""
        caller = require_caller()
        own = request.name in ("accounts/me", caller.identity.subject)
        if not own and not caller.identity.has(Role.ADMINISTRATOR):
            raise NotFound(request.name)
        return account_message(directory.get(store().engine, caller.identity.subject if own else request.name))

    def ListAccounts(self, request: accounts_pb2.ListAccountsRequest) -> accounts_pb2.ListAccountsResponse:
        """Return a page of accounts."""
        found, token, total = directory.page(
            store().engine, request.query.strip(), request.page_size, request.page_token
        )
        return accounts_pb2.ListAccountsResponse(
            accounts=map(account_message, found), next_page_token=token, total_size=total
        )

    def CreateAccount(self, request: accounts_pb2.CreateAccountRequest) -> accounts_pb2.Account:
        """Create an account; only this answer holds its password."""
        values, updater = _columns(request.account, SETTABLE), require_caller().identity.name
        return account_message(*directory.create(store().engine, values, updater, _check))

    def UpdateAccount(self, request: accounts_pb2.UpdateAccountRequest) -> accounts_pb2.Account:
        """Change an account."""
        wanted, updater = request.account, require_caller().identity.name
        values = _columns(wanted, updated_paths(request.update_mask, wanted, SETTABLE))
        return account_message(directory.update(store().engine, wanted.name, wanted.etag, values, updater, _check))

    def ResetAccountPassword(self, request: accounts_pb2.ResetAccountPasswordRequest) -> accounts_pb2.Account:
        """Give an account a new password; only this answer holds it."""
        updater = require_caller().identity.name
        return account_message(*directory.reset_password(store().engine, request.name, request.etag, updater))


class AccessTokenService:
    """Manages the caller's tokens for programs."""

    descriptor = accounts_pb2.DESCRIPTOR.services_by_name["AccessTokenService"]

    def ListAccessTokens(self, request: accounts_pb2.ListAccessTokensRequest) -> accounts_pb2.ListAccessTokensResponse:
        """Return the caller's access tokens, without the tokens themselves."""
        tokens = store().access_tokens(_own_account(request.parent))
        return accounts_pb2.ListAccessTokensResponse(
            access_tokens=[to_message(token) for token in tokens], total_size=len(tokens)
        )

    def CreateAccessToken(self, request: accounts_pb2.CreateAccessTokenRequest) -> accounts_pb2.AccessToken:
        """Make an access token; only this answer holds it."""
        wanted = request.access_token
        expire_time = wanted.expire_time.ToDatetime(UTC) if wanted.HasField("expire_time") else None
        token, held = store().create_access_token(_own_account(request.parent), wanted.title, expire_time)
        message = to_message(held)
        message.token = token
        return message

    def DeleteAccessToken(self, request: accounts_pb2.DeleteAccessTokenRequest) -> Empty:
        """Revoke an access token of the caller."""
        account, _, token_id = request.name.rpartition("/accessTokens/")
        try:
            store().revoke(_own_account(account), token_id, (Kind.PERSONAL,))
        except NotFound:
            raise NotFound(request.name) from None
        return Empty()


class Client:
    """One of these services, called like those behind the gateway: ``api.accounts.ListAccounts(request)``."""

    def __init__(self, implementation: Any) -> None:
        self._implementation = implementation
        self.service: ServiceDescriptor = implementation.descriptor

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        method = self.service.methods_by_name.get(name)
        if method is None:
            raise AttributeError(f"{self.service.full_name} has no RPC {name}")
        return self.bind(method)

    def bind(self, method: MethodDescriptor) -> Callable[[Any], Any]:
        """Return the function that answers one RPC, held to the roles and the field rules of the contract."""
        rpc = f"{self.service.name}.{method.name}"
        answer = getattr(self._implementation, method.name)

        def call(request: Message) -> Any:
            if rpc not in WITHOUT_IDENTITY:
                access.require(rpc)
            validate(request)
            return answer(request)

        return call


accounts = Client(AccountService())
CLIENTS = (Client(SessionService()), accounts, Client(AccessTokenService()))


def account_message(account: Account, password: str = "") -> accounts_pb2.Account:
    """Return an account as a message; with its password, where that was just made up."""
    return accounts_pb2.Account(
        name=account.name,
        email=account.email.lower(),
        display_name=account.display_name,
        roles=[f"ROLE_{role.upper()}" for role in sorted(account.roles)],
        city=account.city,
        department=account.department,
        locale=account.locale,
        disabled=account.disabled,
        password=password,
        must_choose_password=account.must_choose_password,
        create_time=account.create_time,
        update_time=account.update_time,
        updater=account.updater,
        etag=account.etag,
    )


def to_message(token: Token) -> accounts_pb2.AccessToken:
    """Return what may be shown of an access token."""
    return accounts_pb2.AccessToken(
        name=f"accounts/{token.account_id}/accessTokens/{token.id}",
        title=token.title,
        create_time=token.create_time,
        expire_time=token.expire_time,
        last_use_time=token.last_use_time,
    )


def _own_account(name: str) -> str:
    """
    Return the id of the caller's account, which is the only one that it may name.

    Raises:
        NotFound: It names another one.
    """
    caller = require_caller()
    if name not in ("accounts/me", caller.identity.subject):
        raise NotFound(name)
    return caller.account_id


def _columns(wanted: accounts_pb2.Account, fields: set[str]) -> dict[str, Any]:
    """Return the columns that some fields of a message give."""
    values = {field: getattr(wanted, field) for field in fields}
    if "roles" in values:
        values["roles"] = [access_pb2.Role.Name(role).removeprefix("ROLE_").lower() for role in wanted.roles]
    return values


def _check(account: Account) -> None:
    """
    Raise unless an account may be as it is going to be.

    Raises:
        InvalidArgument: Staff of a partner city have no city, or the home city.
        FailedPrecondition: The caller would lose the way back: somebody has to be left who manages accounts.
    """
    if Role.PARTNER in account.roles and not account.city:
        raise InvalidArgument("account.city", "is required")
    if Role.PARTNER in account.roles and account.city == current_app.config["HOME_CITY"]:
        raise InvalidArgument("account.city", "is the home city")
    own = account.name == require_caller().identity.subject
    if own and (account.disabled or Role.ADMINISTRATOR not in account.roles):
        raise FailedPrecondition(
            "You cannot disable your own account or take the role of an administrator from it; another one can.",
            reason="OWN_ACCOUNT",
        )
