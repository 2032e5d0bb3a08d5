"""Names, versions and states of resources."""

from datetime import UTC, datetime
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.errors import EtagMismatch, IllegalTransition, NotFound
from chassis.model import Resource, Stateful, enum_column, new_id

ids = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1)


class Base(DeclarativeBase):
    """Tables that are never created."""


class State(StrEnum):
    """States of a door."""

    OPEN = "open"
    CLOSED = "closed"
    LOCKED = "locked"


class Door(Base, Resource, Stateful):
    """A thing with a name of two parts and with states."""

    __tablename__ = "doors"
    NAME = "houses/{house_id}/doors/{id}"
    TRANSITIONS = {
        "close": (frozenset({State.OPEN}), State.CLOSED),
        "open": (frozenset({State.CLOSED}), State.OPEN),
        "lock": (frozenset({State.CLOSED}), State.LOCKED),
    }

    house_id: Mapped[str] = mapped_column(Text)
    state: Mapped[State] = enum_column(State)


@given(house=ids, door=ids)
def test_a_name_gives_back_what_it_was_made_of(house: str, door: str) -> None:
    name = Door(house_id=house, id=door).name
    assert Door.parse(name) == {"house_id": house, "id": door}


@given(
    name=st.text()
    | st.sampled_from(["houses/1/doors/", "houses//doors/1", "houses/1/doors/2/x", "doors/1", "Xhouses/1/doors/2"])
)
def test_any_other_name_names_nothing(name: str) -> None:
    try:
        columns = Door.parse(name)
    except NotFound:
        return
    assert Door(**columns).name == name


def test_ids_are_unique_and_sort_by_time() -> None:
    made = [new_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert made == sorted(made)


def test_a_transition_leads_from_its_states_to_its_target() -> None:
    door = Door(state=State.OPEN)
    assert door.allowed_transitions() == ["close"]
    door.transition("close")
    assert door.state is State.CLOSED
    assert door.allowed_transitions() == ["open", "lock"]


def test_an_illegal_transition_says_the_state_and_the_ways_out_of_it() -> None:
    door = Door(state=State.CLOSED)
    with pytest.raises(IllegalTransition) as raised:
        door.transition("close")
    assert door.state is State.CLOSED
    assert raised.value.metadata == {"transition": "close", "state": "CLOSED", "allowed": "open,lock"}
    door.transition("lock")
    with pytest.raises(IllegalTransition, match="nothing"):
        door.transition("open")


@given(verbs=st.lists(st.sampled_from(["close", "open", "lock"])))
def test_no_sequence_of_verbs_leaves_the_table(verbs: list[str]) -> None:
    door = Door(state=State.OPEN)
    for verb in verbs:
        allowed = verb in door.allowed_transitions()
        try:
            door.transition(verb)
        except IllegalTransition:
            assert not allowed
        else:
            assert allowed
            assert door.state is Door.TRANSITIONS[verb][1]


def test_an_old_version_is_refused_with_who_was_faster_and_when() -> None:
    door = Door(version=3, updater="Amt 15", update_time=datetime(2026, 5, 4, 12, 30, tzinfo=UTC))
    door.check_etag("3")
    door.check_etag("")
    with pytest.raises(EtagMismatch) as raised:
        door.check_etag("2")
    assert raised.value.metadata == {"updater": "Amt 15", "update_time": "2026-05-04T12:30:00Z"}
