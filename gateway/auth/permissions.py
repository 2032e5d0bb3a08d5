"""What the reader may do at all, as the contract declares it: pages offer nothing else."""

from functools import cache

from austausch.accounts.v1 import accounts_pb2

from chassis import contract
from chassis.identity import Role
from gateway import rpc
from gateway.auth.callers import current_identity, require_caller

# Who may call one of these RPCs is offered the administration.
ADMINISTRATION_RPCS = ("CityService.CreateCity", "AccountService.ListAccounts")
SERVICES = rpc.SERVICES | dict(accounts_pb2.DESCRIPTOR.services_by_name)


def may(method: str) -> bool:
    """
    Return whether the roles of the reader may call an RPC, such as `VisitService.CreateVisit`.

    What they may do to one resource, its service decides; `allowed_transitions` and `editable` tell.
    """
    identity = current_identity()
    return identity is not None and identity.has(*get_roles(method))


def require(*methods: str) -> None:
    """
    Raise unless the roles of the reader may call an RPC, such as `VisitService.CreateVisit`; of several, any.

    Raises:
        Unauthenticated: Nobody is signed in; reason NOT_SIGNED_IN.
        PermissionDenied: None of the reader's roles may; reason ROLE_MISSING.
    """
    require_caller().identity.require(*sorted(frozenset().union(*map(get_roles, methods))))


@cache
def get_roles(method: str) -> frozenset[Role]:
    """Return the roles that the contract lets call an RPC."""
    service, name = method.split(".")
    return frozenset(map(Role, contract.get_roles(SERVICES[service].methods_by_name[name])))
