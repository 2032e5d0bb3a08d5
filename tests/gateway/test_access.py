"""Every RPC that the gateway answers itself × every role, walked from the contract."""

import pytest
from google.protobuf.message_factory import GetMessageClass

from chassis.errors import DomainError, PermissionDenied, Unauthenticated
from chassis.identity import Role
from gateway.auth import account_rpc
from tests.gateway.conftest import ROLES, Gateway

EVERYBODY = frozenset({None, *ROLES})
SIGNED_IN = frozenset(ROLES)
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})

# Who may call an RPC at all (None: who is not signed in); an RPC that does not stand here fails the test.
MAY_CALL = {
    "SessionService.CreateSession": EVERYBODY,
    "SessionService.ListSessions": SIGNED_IN,
    "SessionService.DeleteSession": SIGNED_IN,
    "AccountService.GetAccount": SIGNED_IN,
    "AccountService.ListAccounts": ADMINISTRATORS,
    "AccountService.CreateAccount": ADMINISTRATORS,
    "AccountService.UpdateAccount": ADMINISTRATORS,
    "AccountService.ResetAccountPassword": ADMINISTRATORS,
    "AccessTokenService.ListAccessTokens": SIGNED_IN,
    "AccessTokenService.CreateAccessToken": SIGNED_IN,
    "AccessTokenService.DeleteAccessToken": SIGNED_IN,
}


def refusal(gateway: Gateway, service: str, method: str, role: Role | None) -> str | None:
    """Return why an empty request is refused for who makes it, or None where that is not what is wrong with it."""
    descriptor = account_rpc.SERVICES[service].methods_by_name[method]
    with gateway.app.test_request_context("/api/v1/accounts", headers=gateway.as_(role).headers):
        try:
            account_rpc.call(descriptor, GetMessageClass(descriptor.input_type)())
        except (PermissionDenied, Unauthenticated) as error:
            return error.reason
        except DomainError:
            return None
    return None


@pytest.mark.parametrize("role", [None, *ROLES])
def test_a_role_may_call_what_the_table_says_and_nothing_else(gateway: Gateway, role: Role | None) -> None:
    wrong = {}
    for service, descriptor in account_rpc.SERVICES.items():
        for method in descriptor.methods_by_name:
            name = f"{service}.{method}"
            expected = None if role in MAY_CALL[name] else "NOT_SIGNED_IN" if role is None else "ROLE_MISSING"
            if (refused := refusal(gateway, service, method, role)) != expected:
                wrong[name] = refused
    assert wrong == {}


def test_an_rpc_that_declares_nobody_is_for_nobody(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_rpc, "WITHOUT_IDENTITY", frozenset())
    assert refusal(gateway, "SessionService", "CreateSession", None) == "NOT_SIGNED_IN"
    assert refusal(gateway, "SessionService", "CreateSession", Role.ADMINISTRATOR) == "ROLE_MISSING"
