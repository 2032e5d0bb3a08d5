"""
Who may see and do what, as far as one row decides it; which roles may call an RPC at all is declared in the contract.

Pure functions over the caller and the row: `may_…` tells, `require_…` raises `PermissionDenied` where it may not.
"""

from chassis.errors import PermissionDenied
from chassis.identity import Identity, Role
from services.exchange.model import ConsentStep, Delegate, Exchange, Partnership, Person, Visit, VisitState
from services.exchange.model.consent import list_late, list_missing
from services.exchange.model.partnership import IN_PREPARATION

# Who sees every city's; anyone else who may call sees the city that they work for.
ALL_CITIES = frozenset({Role.ADMINISTRATOR, Role.COORDINATOR, Role.MEMBER, Role.SERVICE})
# Of delegates, administrators see nothing: they are personal data.
ALL_DELEGATES = frozenset({Role.COORDINATOR, Role.MEMBER})

# Who sees whom of the host's people a programme names; administrators see no people.
ALL_HOSTS = frozenset({Role.COORDINATOR, Role.MEMBER, Role.PARTNER})

# What a member may do with a visit that its department is in charge of.
CHARGE_VERBS = frozenset({"plan", "start", "report"})
# What a partner may do with a visit of its city: it consents for its side.
CONSENT_VERBS = frozenset(ConsentStep)
# What a member may do with an idea of its own.
PROPOSER_VERB = "cancel"


def get_own_city_id(caller: Identity) -> str:
    """Return the id of the partner city that the caller works for; "" where it is none."""
    return caller.city.removeprefix("cities/")


def may_see(caller: Identity, row: Partnership | Exchange | Visit, all_cities: frozenset[Role] = ALL_CITIES) -> bool:
    """Return whether the caller may see a row: everyone's with one of `all_cities`, else that of the caller's city."""
    return caller.has(*all_cities) or row.concerns(get_own_city_id(caller))


def may_see_debrief(caller: Identity) -> bool:
    """Return whether the caller may see debriefs: they are the home city's own until a learning is shared."""
    return caller.has(*ALL_CITIES)


def may_edit_exchange(caller: Identity, exchange: Exchange) -> bool:
    """Return whether the caller may change an exchange: coordinators, and members of the department that leads it."""
    return caller.has(Role.COORDINATOR) or _works_in(caller, exchange.department)


def may_edit_visit(caller: Identity, visit: Visit) -> bool:
    """
    Return whether the caller may change a visit and its agenda.

    Coordinators may, members of the department in charge, and who proposed it, as long as it is an idea.
    """
    return caller.has(Role.COORDINATOR) or _works_in(caller, visit.department_in_charge) or _own_idea(caller, visit)


def may_see_delegate(caller: Identity, delegate: Delegate) -> bool:
    """Return whether the caller, who may see the visit, may see a delegate: partners see those of their own city."""
    return caller.has(*ALL_DELEGATES) or delegate.city_id == get_own_city_id(caller)


def may_see_host_people(caller: Identity) -> bool:
    """Return whether the caller, who may see a visit, may see whom of the host's people its programme names."""
    return caller.has(*ALL_HOSTS)


def may_see_notes(caller: Identity) -> bool:
    """Return whether the caller, who may see a visit, may see the notes for its hosts."""
    return caller.has(*ALL_CITIES)


def may_edit_delegation(caller: Identity, visit: Visit, city_id: str) -> bool:
    """Return whether the caller may change the delegation of a city: who may change the visit, and its partners."""
    return may_edit_visit(caller, visit) or (caller.has(Role.PARTNER) and get_own_city_id(caller) == city_id)


def may_edit_some_delegation(caller: Identity, visit: Visit) -> bool:
    """Return whether the caller may change the delegation of one of the cities that travel."""
    fills_in = caller.has(Role.PARTNER) and get_own_city_id(caller) in visit.guest_ids
    return fills_in or may_edit_visit(caller, visit)


def may_use_verb(caller: Identity, verb: str, visit: Visit) -> bool:
    """Return whether the caller may take a visit through a transition, in whatever state it is."""
    return (
        caller.has(Role.COORDINATOR)
        or (verb in CHARGE_VERBS and _works_in(caller, visit.department_in_charge))
        or (verb in CONSENT_VERBS and caller.has(Role.PARTNER) and visit.concerns(get_own_city_id(caller)))
        or (verb == PROPOSER_VERB and _own_idea(caller, visit))
    )


def may_delete_visit(caller: Identity, visit: Visit) -> bool:
    """Return whether the caller may delete a visit as it is now: an idea that it may cancel."""
    return visit.state is VisitState.IDEA and may_use_verb(caller, "cancel", visit)


def may_delete_partnership(caller: Identity, partnership: Partnership) -> bool:
    """Return whether the caller may delete a partnership as it is now: coordinators, what has never been active."""
    return caller.has(Role.COORDINATOR) and partnership.state in IN_PREPARATION


def may_keep_calendars(caller: Identity, person: Person) -> bool:
    """Return whether the caller may keep calendars of a person: coordinators, and members of the same department."""
    return caller.has(Role.COORDINATOR) or _works_in(caller, person.department)


def may_publish(caller: Identity) -> bool:
    """Return whether the caller may make what was learned readable for anyone."""
    return caller.has(Role.COORDINATOR)


def require_exchange_editor(caller: Identity, exchange: Exchange) -> None:
    """
    Raise unless the caller may change an exchange.

    Raises:
        PermissionDenied: Another department leads it; reason NOT_LEADING_DEPARTMENT.
    """
    if not may_edit_exchange(caller, exchange):
        message = "Only the department that leads the exchange may change or delete it."
        raise PermissionDenied(message, reason="NOT_LEADING_DEPARTMENT")


def require_visit_editor(caller: Identity, visit: Visit) -> None:
    """
    Raise unless the caller may change a visit and its agenda.

    Raises:
        PermissionDenied: Another department is in charge of it; reason NOT_DEPARTMENT_IN_CHARGE.
    """
    if not may_edit_visit(caller, visit):
        message = "Only the department in charge of the visit may change it and its agenda."
        raise PermissionDenied(message, reason="NOT_DEPARTMENT_IN_CHARGE")


def require_delegation_editor(caller: Identity, visit: Visit, city_id: str = "") -> None:
    """
    Raise unless the caller may change the delegation of a city on a visit; without a city, that of any.

    Raises:
        PermissionDenied: Others are in charge of it; reason NOT_IN_CHARGE_OF_DELEGATION.
    """
    may_edit = may_edit_delegation(caller, visit, city_id) if city_id else may_edit_some_delegation(caller, visit)
    if not may_edit:
        message = "Only the department in charge and the city that travels may change the delegation."
        raise PermissionDenied(message, reason="NOT_IN_CHARGE_OF_DELEGATION")


def require_verb(caller: Identity, verb: str, visit: Visit) -> None:
    """
    Raise unless the caller may take a visit through a transition.

    Raises:
        PermissionDenied: Another department is in charge of it; reason NOT_DEPARTMENT_IN_CHARGE.
    """
    if not may_use_verb(caller, verb, visit):
        message = "Only the department in charge of the visit may do this."
        raise PermissionDenied(message, reason="NOT_DEPARTMENT_IN_CHARGE")


def require_calendar_keeper(caller: Identity, person: Person) -> None:
    """
    Raise unless the caller may keep calendars of a person, and see which there are.

    Raises:
        PermissionDenied: The person is of another department; reason NOT_DEPARTMENT_OF_PERSON.
    """
    if not may_keep_calendars(caller, person):
        message = "Only the department of a person may see and change their calendars."
        raise PermissionDenied(message, reason="NOT_DEPARTMENT_OF_PERSON")


def require_publisher(caller: Identity) -> None:
    """
    Raise unless the caller may make what was learned readable for anyone.

    Raises:
        PermissionDenied: The caller does not coordinate; reason PUBLIC_BY_COORDINATORS_ONLY.
    """
    if not may_publish(caller):
        raise PermissionDenied("Only a coordinator makes a learning public.", reason="PUBLIC_BY_COORDINATORS_ONLY")


def visit_verbs(caller: Identity, visit: Visit) -> list[str]:
    """
    Return the transitions that are open to the caller now, and the steps that can still be consented to; not what its
    city has consented to already.
    """
    open_verbs = [*visit.allowed_transitions(), *list_late(visit)]
    verbs = [str(verb) for verb in open_verbs if may_use_verb(caller, verb, visit)]
    if caller.has(Role.COORDINATOR):
        return verbs
    own = get_own_city_id(caller)
    return [verb for verb in verbs if verb not in CONSENT_VERBS or own in list_missing(visit, ConsentStep(verb))]


def partnership_verbs(caller: Identity, partnership: Partnership) -> list[str]:
    """Return the transitions that are open to the caller now."""
    return partnership.allowed_transitions() if caller.has(Role.COORDINATOR) else []


def _own_idea(caller: Identity, visit: Visit) -> bool:
    return caller.has(Role.MEMBER) and visit.state is VisitState.IDEA and visit.proposer == caller.subject


def _works_in(caller: Identity, department: str) -> bool:
    return caller.has(Role.MEMBER) and caller.works_in(department)
