"""States and rules of a learning, without a database."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import FailedPrecondition, IllegalTransition, InvalidArgument, PermissionDenied
from services.knowledge.model import ASSIGNED, SET_ASIDE, Learning, LearningState

VERBS: dict[str, Any] = {
    "analyze": lambda learning: learning.transition("analyze"),
    "identify": lambda learning: learning.identify("Handbuch schreiben", "Controlling"),
    "implement": lambda learning: learning.transition("implement"),
    "validate": lambda learning: learning.validate("accounts/other", "Other"),
    "embed": lambda learning: learning.transition("embed"),
    "reject": lambda learning: learning.reject("Trifft nicht zu"),
    "supersede": lambda learning: learning.supersede(make_learning(id="other")),
    "follow_acceptance": lambda learning: learning.follow_acceptance("Tun", "Controlling", "Gut"),
    "follow_rejection": lambda learning: learning.follow_rejection("Nein"),
}


def make_learning(**fields: Any) -> Learning:
    values = {
        "id": "one", "title": "T", "language": "de", "observation": "O", "discussion": "", "author": "accounts/author",
        "remedial_action": "", "owner": "", "validator": "", "reject_reason": "", "successor": "",
        "state": LearningState.OBSERVATION,
    }  # fmt: skip
    return Learning(**{**values, **fields})


@given(st.lists(st.sampled_from(sorted(VERBS)), max_size=12))
def test_whatever_is_tried_in_whatever_order_a_learning_stays_consistent(tries: list[str]) -> None:
    learning = make_learning()
    for verb in tries:
        before, allowed = learning.state, learning.allowed_transitions()
        try:
            VERBS[verb](learning)
        except IllegalTransition as error:
            assert verb not in allowed
            assert learning.state is before
            told = error.metadata["allowed"].split(",")
            assert [verb for verb in told if verb] == allowed
        else:
            assert verb in allowed or verb in ("follow_acceptance", "follow_rejection")
            assert before not in SET_ASIDE or learning.state is before
        learning.require_complete()
        if learning.state in ASSIGNED:
            assert learning.remedial_action
            assert learning.owner
        assert (learning.state is LearningState.REJECTED) == bool(learning.reject_reason)
        assert (learning.state is LearningState.SUPERSEDED) == bool(learning.successor)
        assert learning.validator != learning.author


def test_a_department_without_a_name_owns_no_lesson() -> None:
    learning = make_learning()
    learning.follow_acceptance("Tun", " ", "Gut")
    assert (learning.state, learning.owner) == (LearningState.INSIGHT, "")


def test_the_way_to_an_embedded_lesson_is_the_one_of_the_lessons_learned_literature() -> None:
    learning = make_learning()
    seen = [learning.state.value]
    for verb in ("analyze", "identify", "implement", "validate", "embed"):
        VERBS[verb](learning)
        seen.append(learning.state.value)
    assert seen == ["observation", "insight", "lesson_identified", "implemented", "validated", "embedded"]


def test_the_author_cannot_validate() -> None:
    learning = make_learning(state=LearningState.IMPLEMENTED, remedial_action="X", owner="Y")
    with pytest.raises(PermissionDenied):
        learning.validate("accounts/author", "Author")
    assert learning.state is LearningState.IMPLEMENTED


def test_a_learning_is_not_superseded_by_itself_nor_by_one_that_is_set_aside() -> None:
    learning = make_learning()
    with pytest.raises(InvalidArgument):
        learning.supersede(learning)
    with pytest.raises(FailedPrecondition):
        learning.supersede(make_learning(id="other", state=LearningState.REJECTED))
    assert learning.state is LearningState.OBSERVATION


def test_a_lesson_identified_keeps_remedial_action_and_owner() -> None:
    learning = make_learning(state=LearningState.LESSON_IDENTIFIED, remedial_action=" ", owner="")
    with pytest.raises(InvalidArgument) as refused:
        learning.require_complete()
    assert [violation.field for violation in refused.value.violations] == ["learning.remedial_action", "learning.owner"]
