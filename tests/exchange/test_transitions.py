"""The two tables of states, walked at random: nothing happens that the domain does not know."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chassis.errors import FailedPrecondition, IllegalTransition, InvalidArgument
from services.exchange.model import Direction, Partnership, PartnershipKind, PartnershipState, Visit, VisitState

WAY = ["idea", "agreed", "planned", "confirmed", "running", "reported", "closed"]
STEPS = dict(zip(["agree", "plan", "confirm", "start", "report", "close"], pairwise(WAY), strict=True))


class VisitMachine(RuleBasedStateMachine):
    """Tries every verb in every state; `state`, `dated` and `open` are what the domain expects."""

    def __init__(self) -> None:
        super().__init__()
        self.visit = Visit(
            title="Controllers",
            direction=Direction.INCOMING,
            state=VisitState.IDEA,
            start_date=date(2031, 5, 12),
            end_date=date(2031, 5, 16),
            host_department="Controlling",
            new_dates_due=False,
        )
        self.state = "idea"
        self.dated = True
        self.open: set[str] = set()

    def expect(self, verb: str) -> str | None:
        """Return the state that a verb leads to now; None where it must be refused."""
        before_running = self.state in WAY[:4]
        if verb == "agree" and self.open:
            return None
        if verb == "agree" and self.state == "postponed":
            return "agreed" if self.dated else None
        if verb == "cancel":
            return "cancelled" if before_running or self.state == "postponed" else None
        if verb == "postpone":
            off_its_dates = before_running or self.state == "postponed"
            return "postponed" if off_its_dates and "dates" not in self.open else None
        source, target = STEPS[verb]
        return target if self.state == source else None

    def use(self, verb: str) -> None:
        match verb:
            case "agree":
                self.visit.agree()
            case "report":
                self.visit.report({"entries": [{"title": "Reports are monthly"}]})
            case "cancel":
                self.visit.cancel("Ill")
            case "postpone":
                self.visit.postpone("Ill")
            case _:
                self.visit.transition(verb)

    @rule(verb=st.sampled_from([*STEPS, "cancel", "postpone"]))
    def a_verb_does_what_the_domain_says_or_is_refused(self, verb: str) -> None:
        target = self.expect(verb)
        assert (verb in self.visit.allowed_transitions()) == (target is not None)
        if target is None:
            before = self.visit.state
            with pytest.raises(FailedPrecondition):
                self.use(verb)
            assert self.visit.state is before
            return
        self.use(verb)
        self.state = target
        if verb == "postpone":
            self.dated = False

    @rule(days=st.integers(0, 3))
    def new_dates_make_a_postponed_visit_ready(self, days: int) -> None:
        start = (self.visit.start_date or date(2031, 5, 12)) + timedelta(days=days)
        self.visit.schedule(start, start + timedelta(days=2 + days))
        self.open.discard("dates")
        self.dated = self.dated or days > 0 or self.visit.new_dates_due is False

    @rule()
    def dates_are_open_in_an_idea_only(self) -> None:
        before = self.visit.dates
        if self.state == "idea":
            self.visit.schedule(None, None)
            self.open.add("dates")
            assert (self.visit.dates, self.visit.days_away) == (None, None)
            return
        with pytest.raises(InvalidArgument):
            self.visit.schedule(None, None)
        assert self.visit.dates == before

    @rule(name=st.sampled_from(["", "Controlling"]))
    def a_host_department_is_open_until_the_visit_is_agreed_on(self, name: str) -> None:
        before = self.visit.host_department
        self.visit.host_department = name
        if name or self.state in ("idea", "postponed"):
            self.visit.require_host()
            self.open = self.open - {"host"} if name else self.open | {"host"}
            return
        with pytest.raises(InvalidArgument):
            self.visit.require_host()
        self.visit.host_department = before

    @precondition(lambda self: self.state == "running")
    @rule()
    def a_debrief_without_entries_is_refused(self) -> None:
        with pytest.raises(InvalidArgument):
            self.visit.report({"summary": "It went well.", "entries": []})

    @invariant()
    def the_state_is_the_expected_one(self) -> None:
        assert self.visit.state.value == self.state

    @invariant()
    def what_is_more_than_an_idea_has_dates_and_a_host(self) -> None:
        assert self.visit.dates or self.state in ("idea", "cancelled")
        assert self.visit.host_department or self.state in ("idea", "postponed", "cancelled")

    @invariant()
    def a_debrief_is_there_once_reported_and_never_before(self) -> None:
        assert (self.visit.debrief is not None) == (self.state in ("reported", "closed"))

    @invariant()
    def what_is_off_says_why(self) -> None:
        assert self.state not in ("cancelled", "postponed") or self.visit.reason

    @invariant()
    def what_is_over_can_not_be_changed(self) -> None:
        if self.state in ("reported", "closed", "cancelled"):
            with pytest.raises(FailedPrecondition):
                self.visit.require_open()
        else:
            self.visit.require_open()


STATES = [state.value for state in PartnershipState]
AFTER_THE_DECISION = {
    ("dormant", "activate"): "active",
    ("active", "suspend"): "dormant",
    **{(state, "end"): "ended" for state in STATES if state != "ended"},
}


class PartnershipMachine(RuleBasedStateMachine):
    """Tries every verb in every state."""

    KIND = PartnershipKind.FRIENDSHIP
    WAYS = {
        ("initiated", "approve"): "council_approved",
        ("council_approved", "sign"): "signed",
        ("signed", "activate"): "active",
        **AFTER_THE_DECISION,
    }

    def __init__(self) -> None:
        super().__init__()
        self.partnership = Partnership(kind=self.KIND, state=PartnershipState.INITIATED)
        self.state = "initiated"

    @rule(verb=st.sampled_from(["approve", "sign", "activate", "suspend", "end"]))
    def a_verb_does_what_the_domain_says_or_is_refused(self, verb: str) -> None:
        target = self.WAYS.get((self.state, verb))
        assert (verb in self.partnership.allowed_transitions()) == (target is not None)
        if target is None:
            with pytest.raises(IllegalTransition) as refusal:
                self.partnership.transition(verb)
            assert refusal.value.metadata["state"] == self.state.upper()
        else:
            self.partnership.transition(verb)
            self.state = target

    @invariant()
    def the_state_is_the_expected_one(self) -> None:
        assert self.partnership.state.value == self.state


class ContactMachine(PartnershipMachine):
    """A mere contact needs no council."""

    KIND = PartnershipKind.CONTACT
    WAYS = {("initiated", "activate"): "active", **AFTER_THE_DECISION}


@pytest.mark.parametrize("state", ["council_approved", "signed"])
def test_a_contact_that_a_council_once_approved_is_taken_up_or_ended(state: str) -> None:
    contact = Partnership(kind=PartnershipKind.CONTACT, state=PartnershipState(state))
    assert contact.allowed_transitions() == ["activate", "end"]


TestVisitStates = VisitMachine.TestCase
TestVisitStates.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestPartnershipStates = PartnershipMachine.TestCase
TestPartnershipStates.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestContactStates = ContactMachine.TestCase
TestContactStates.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
