"""The states of a recommendation, on the model alone: whatever is tried in whatever order, only one way exists."""

from collections.abc import Callable
from datetime import date
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chassis.errors import FailedPrecondition, IllegalTransition, InvalidArgument, PermissionDenied
from services.forum.model import Recommendation, RecommendationState, Verdict
from services.forum.model.recommendation import MAX_CORRECTIONS

OWNER = "Dezernatscontrolling"
WAY = list(RecommendationState)


def draft(**fields: object) -> Recommendation:
    values = {"evidence": "", "answer_reason": "", "implementer_subject": "", "owner_department": OWNER}
    return Recommendation(**{"state": RecommendationState.DRAFT, **values, **fields})


class FollowUp(RuleBasedStateMachine):
    """Tries every step at any time, and keeps its own account of what should be possible."""

    def __init__(self) -> None:
        super().__init__()
        self.recommendation = draft()
        self.expected = RecommendationState.DRAFT

    def attempt(self, verb: str, start: RecommendationState, step: Callable[[], None]) -> None:
        rejected = self.recommendation.verdict is Verdict.REJECTED
        if self.expected is start and not rejected:
            assert verb == "adopt" or verb in self.recommendation.allowed_transitions()
            step()
            self.expected = WAY[WAY.index(start) + 1]
        else:
            assert verb not in self.recommendation.allowed_transitions()
            with pytest.raises(FailedPrecondition):
                step()

    @rule()
    def adopt(self) -> None:
        self.attempt("adopt", RecommendationState.DRAFT, self.recommendation.adopt)

    @rule(verdict=st.sampled_from(Verdict))
    def answer(self, verdict: Verdict) -> None:
        self.attempt(
            "answer", RecommendationState.ADOPTED, partial(self.recommendation.answer, verdict, "reason", "Member")
        )

    @rule()
    def plan(self) -> None:
        self.attempt("plan", RecommendationState.ANSWERED, partial(self.recommendation.plan, date(2027, 6, 30)))

    @rule()
    def start(self) -> None:
        self.attempt("start", RecommendationState.PLANNED, self.recommendation.start)

    @rule()
    def implement(self) -> None:
        self.attempt(
            "implement",
            RecommendationState.IN_PROGRESS,
            partial(self.recommendation.implement, "Council paper", "Member", "accounts/member"),
        )

    @rule()
    def verify(self) -> None:
        self.attempt(
            "verify",
            RecommendationState.IMPLEMENTED,
            partial(self.recommendation.verify, "Coordinator", "accounts/coordinator", ""),
        )

    @rule(verdict=st.sampled_from(Verdict))
    def correct(self, verdict: Verdict) -> None:
        step = partial(self.recommendation.correct, verdict, "other reason", "Member")
        if self.expected is not RecommendationState.ANSWERED:
            assert "correct" not in self.recommendation.allowed_transitions()
            with pytest.raises(IllegalTransition):
                step()
        elif len(self.recommendation.former_answers or []) < MAX_CORRECTIONS:
            before = self.recommendation.verdict
            step()
            assert self.recommendation.verdict is verdict
            assert self.recommendation.former_answers[-1]["verdict"] == before

    @rule()
    def send_back(self) -> None:
        step = partial(self.recommendation.send_back, "The preamble is missing.", "Coordinator")
        if self.expected is RecommendationState.IMPLEMENTED:
            step()
            self.expected = RecommendationState.IN_PROGRESS
        else:
            assert "return" not in self.recommendation.allowed_transitions()
            with pytest.raises(IllegalTransition):
                step()

    @invariant()
    def is_where_it_should_be(self) -> None:
        assert self.recommendation.state is self.expected

    @invariant()
    def has_a_verdict_once_it_is_answered(self) -> None:
        answered = WAY.index(self.expected) >= WAY.index(RecommendationState.ANSWERED)
        assert (self.recommendation.verdict is not None) == answered

    @invariant()
    def is_never_planned_when_rejected(self) -> None:
        if self.recommendation.verdict is Verdict.REJECTED:
            assert self.expected is RecommendationState.ANSWERED
            assert self.recommendation.allowed_transitions() == ["correct"]


TestFollowUp = FollowUp.TestCase


@given(subject=st.sampled_from(["accounts/a", "accounts/b"]), department=st.sampled_from(["", OWNER, "Kämmerei"]))
def test_neither_the_owner_nor_the_implementer_verifies(subject: str, department: str) -> None:
    recommendation = draft(state=RecommendationState.IMPLEMENTED, implementer_subject="accounts/a")
    if subject == "accounts/a" or department == OWNER:
        with pytest.raises(PermissionDenied):
            recommendation.verify("Someone", subject, department)
        assert recommendation.state is RecommendationState.IMPLEMENTED
    else:
        recommendation.verify("Someone", subject, department)
        assert recommendation.state is RecommendationState.VERIFIED


def test_an_answer_is_corrected_ten_times_at_most() -> None:
    recommendation = draft(state=RecommendationState.ADOPTED)
    recommendation.answer(Verdict.ACCEPTED, "reason", "Member")
    for _ in range(MAX_CORRECTIONS):
        recommendation.correct(Verdict.PARTLY, "reason", "Member")
    with pytest.raises(FailedPrecondition) as caught:
        recommendation.correct(Verdict.PARTLY, "reason", "Member")
    assert caught.value.reason == "ANSWER_CORRECTED_TOO_OFTEN"


def test_an_illegal_step_tells_the_state_and_what_is_possible() -> None:
    recommendation = draft(state=RecommendationState.ADOPTED)
    with pytest.raises(IllegalTransition) as caught:
        recommendation.start()
    assert caught.value.metadata == {"transition": "start", "state": "ADOPTED", "allowed": "answer"}


def test_a_plan_needs_a_day_and_an_implementation_evidence() -> None:
    with pytest.raises(InvalidArgument):
        draft(state=RecommendationState.ANSWERED, verdict=Verdict.PARTLY).plan(None)
    with pytest.raises(InvalidArgument):
        draft(state=RecommendationState.IN_PROGRESS, verdict=Verdict.PARTLY).implement("", "Member", "accounts/m")
