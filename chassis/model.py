"""
What every stored resource has: a name, a version, who changed it and when; and, for some, states.

Imports SQLAlchemy and the standard library only, so a service's model stays free of gRPC, NATS and messages.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar

import uuid_utils
from sqlalchemy import DateTime, Enum, Integer, Text
from sqlalchemy.orm import Mapped, MappedColumn, declared_attr, mapped_column

from chassis.errors import EtagMismatch, IllegalTransition, NotFound

# Verb → states that it starts from, state that it leads to.
Transitions = dict[str, tuple[frozenset[Any], Any]]

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def snake_case(name: str) -> str:
    """Return ``subject_node`` for ``SubjectNode``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def new_id() -> str:
    """Return a new UUIDv7 (RFC 9562): unique, and sorted by time."""
    return str(uuid_utils.uuid7())


def now() -> datetime:
    """Return the present instant, in UTC."""
    return datetime.now(UTC)


def enum_column(kind: type[StrEnum], **options: Any) -> MappedColumn[Any]:
    """Return a text column that holds the members' values and refuses anything else by a check constraint."""
    return mapped_column(
        Enum(
            kind,
            native_enum=False,
            create_constraint=True,
            name=snake_case(kind.__name__),
            values_callable=lambda members: [member.value for member in members],
        ),
        **options,
    )


_PART = re.compile(r"\{(\w+)\}")


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """Return the pattern of names such as ``visits/{visit_id}/delegates/{id}``."""
    return re.compile(_PART.sub(r"(?P<\1>[^/]+)", template))


@cache
def _parts(template: str) -> tuple[str, Callable[[Any], Any]]:
    """Return the template for the operator ``%``, and what gets a resource's values for it."""
    return _PART.sub("%s", template), attrgetter(*_PART.findall(template))


class Versioned:
    """Something with a version (aip.dev/154); a mapped class has the columns."""

    version: Mapped[int]
    update_time: Mapped[datetime]
    updater: Mapped[str]

    @property
    def etag(self) -> str:
        """The version, as callers send it back."""
        return str(self.version)

    def check_etag(self, etag: str) -> None:
        """
        Raise unless the caller saw the current version; an empty etag skips the check.

        Raises:
            EtagMismatch: Someone changed the resource since.
        """
        if etag and etag != self.etag:
            raise EtagMismatch(self.updater, self.update_time)


class Resource(Versioned):
    """
    A resource with a name (aip.dev/122), a version (aip.dev/154), and who changed it last.

    A mapped class sets `NAME` to the template of its names; each ``{part}`` is one of its columns.
    """

    NAME: ClassVar[str]

    id: Mapped[str] = mapped_column(Text, primary_key=True, default=new_id)
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)
    update_time: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now, onupdate=now)
    updater: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(Integer, nullable=False)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}

    @property
    def name(self) -> str:
        """The resource name, e.g. ``visits/018f…``."""
        template, values = _parts(self.NAME)
        return template % values(self)

    @classmethod
    def parse(cls, name: str) -> dict[str, str]:
        """
        Return the columns that a name gives, e.g. ``{"visit_id": …, "id": …}``.

        Raises:
            NotFound: The name is not one of this kind.
        """
        match = _pattern(cls.NAME).fullmatch(name)
        if match is None:
            raise NotFound(name)
        return match.groupdict()

    def assign(self, values: Mapping[str, Any]) -> None:
        """Set attributes, by their names."""
        for attribute, value in values.items():
            setattr(self, attribute, value)

    def list_changes(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of new values, by their attributes, that are other than what stands there."""
        return {attribute: value for attribute, value in values.items() if value != getattr(self, attribute)}


class Stateful:
    """
    Something with states, changed only by the transitions of its table.

    A mapped class declares ``state: Mapped[...]`` and `TRANSITIONS`: verb → (states it starts from, state it leads to).
    """

    TRANSITIONS: ClassVar[Transitions]
    state: Any

    @property
    def transitions(self) -> Transitions:
        """The table that holds for this one; a mapped class may have another for some of its kinds."""
        return self.TRANSITIONS

    def allowed_transitions(self) -> list[str]:
        """Return the verbs that exist from the present state, in the order of the table."""
        state = self.state
        return [verb for verb, (sources, _) in self.transitions.items() if state in sources]

    def transition(self, verb: str) -> None:
        """
        Change the state.

        Raises:
            IllegalTransition: The verb does not start from the present state.
        """
        sources, target = self.transitions[verb]
        if self.state not in sources:
            raise IllegalTransition(verb, self.state.value.upper(), self.allowed_transitions())
        self.state = target
