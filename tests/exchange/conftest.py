"""Who calls the exchange service in its tests."""

import pytest

from chassis.identity import Role
from services.exchange.scheduling import explanation, planner
from tests import factories
from tests.calls import Caller, RunningService

DEPARTMENT = "Dezernatscontrolling"


@pytest.fixture
async def coordinator(exchange: RunningService) -> Caller:
    """The international office; the home city exists."""
    caller = exchange.as_(Role.COORDINATOR, name="International office")
    await factories.home_city(caller)
    return caller


@pytest.fixture
def member(exchange: RunningService) -> Caller:
    """Someone of the department that the factories' exchanges and visits name."""
    return exchange.as_(Role.MEMBER, name="Controlling", department=DEPARTMENT)


@pytest.fixture
def other_member(exchange: RunningService) -> Caller:
    """Someone of another department."""
    return exchange.as_(
        Role.MEMBER, name="Water works", department="Eigenbetrieb Stadtentwässerung", subject="accounts/water-works"
    )


@pytest.fixture
def patient_explanations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let explanations take as long as a busy machine needs."""
    monkeypatch.setattr(planner, "EXPLAIN_SECONDS_PER_ITEM", 60.0)
    monkeypatch.setattr(planner, "MAX_EXPLAIN_SECONDS", 60.0)
    monkeypatch.setattr(explanation, "CHECK_SECONDS", 10.0)
