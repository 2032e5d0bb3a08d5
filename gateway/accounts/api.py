"""The RPCs of ``austausch.accounts.v1``, which the gateway answers itself."""

from datetime import UTC

from austausch.accounts.v1 import accounts_pb2
from flask import request as http
from google.protobuf.empty_pb2 import Empty

from chassis.errors import NotFound
from gateway.accounts.callers import require_caller, store
from gateway.accounts.model import Kind, Token


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
    """Tells who the caller is."""

    descriptor = accounts_pb2.DESCRIPTOR.services_by_name["AccountService"]

    def GetAccount(self, request: accounts_pb2.GetAccountRequest) -> accounts_pb2.Account:
        """Return the caller's account."""
        _own_account(request.name)
        caller = require_caller()
        who = caller.identity
        return accounts_pb2.Account(
            name=who.subject,
            email=caller.email.lower(),
            display_name=who.name,
            roles=[f"ROLE_{role.upper()}" for role in sorted(who.roles)],
            city=who.city,
            department=who.department,
            locale=caller.locale,
        )


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


SERVICES = (SessionService(), AccountService(), AccessTokenService())


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
