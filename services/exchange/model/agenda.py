"""Programmes, and what they book: rooms, the host's people, and delegates."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, ForeignKeyConstraint, Index, Text, func, select
from sqlalchemy.dialects.postgresql import ARRAY, TSTZRANGE, ExcludeConstraint, Range, aggregate_order_by
from sqlalchemy.orm import (
    Mapped,
    MappedSQLExpression,
    column_property,
    mapped_column,
    relationship,
)

from chassis.errors import InvalidArgument
from chassis.folded_names import index_folded_name, map_folded_name
from chassis.model import Resource, enum_column
from services.exchange.model.base import Base
from services.exchange.model.delegate import Delegate
from services.exchange.model.visit import Direction, Visit

LONGEST_ITEM = timedelta(hours=24)
NO_DOUBLE_BOOKING = "ex_bookings_resource_period"


class Room(Resource, Base):
    """A room that agenda items book."""

    __tablename__ = "rooms"
    __table_args__ = (CheckConstraint("seats >= 0", name="seats_not_negative"), index_folded_name("rooms"))
    NAME = "rooms/{id}"

    display_name: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text, default="")
    seats: Mapped[int] = mapped_column(default=0)
    step_free: Mapped[bool] = mapped_column(default=False)
    folded_name: Mapped[str] = map_folded_name("display_name", "address")


class Person(Resource, Base):
    """Someone on the host's side whose time agenda items book. The name may be missing; the function never is."""

    __tablename__ = "people"
    __table_args__ = (index_folded_name("people"),)
    NAME = "people/{id}"

    function: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text, default="")
    department: Mapped[str] = mapped_column(Text, default="")
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    folded_name: Mapped[str] = map_folded_name("display_name", "function", "department")


def interprets(spoken: Collection[str], wanted: Collection[str]) -> bool:
    """
    Return whether somebody speaks all of the wanted languages, in whatever variety: ``en-GB`` is ``en``.

    Args:
        spoken: BCP 47; none where it is not known.
    """
    return not spoken or {_language(tag) for tag in wanted} <= {_language(tag) for tag in spoken}


def _language(tag: str) -> str:
    return tag.partition("-")[0].lower()


def _functions(people: Mapped[list[str]]) -> MappedSQLExpression[list[str]]:
    """Return a read-only attribute with the function of each of `people`, resource names; "" for a delegate."""
    who = func.unnest(people).table_valued("name", with_ordinality="place", name="who").render_derived()
    # The id of a person follows `people/`; what follows the seventh letter of a delegate's name is nobody's id.
    found = func.coalesce(Person.function, "")
    in_order = func.array_agg(aggregate_order_by(found, who.c.place), type_=ARRAY(Text))
    listed = select(func.coalesce(in_order, [], type_=ARRAY(Text))).select_from(
        who.outerjoin(Person, Person.id == func.substr(who.c.name, len("people/") + 1))
    )
    return column_property(listed.correlate_except(Person, who).scalar_subquery(), expire_on_flush=False)


class AgendaItem(Resource, Base):
    """
    One item of a programme (Programmpunkt).

    `people` holds resource names, ``people/…`` and ``visits/…/delegates/…``. Room and people say what the programme
    shows; the bookings say what is held, and go when the visit is cancelled. `direction` is the visit's: the rooms are
    the home city's, so that on a visit abroad none is booked.
    """

    __tablename__ = "agenda_items"
    __table_args__ = (
        ForeignKeyConstraint(["visit_id", "direction"], ["visits.id", "visits.direction"]),
        CheckConstraint("end_time > start_time", name="times_in_order"),
        CheckConstraint("room_id IS NULL OR direction = 'incoming'", name="home_room_at_home"),
        Index(None, "visit_id", "start_time", "id"),
        Index(None, "room_id"),
    )
    NAME = "visits/{visit_id}/agendaItems/{id}"

    visit_id: Mapped[str] = mapped_column(Text)
    direction: Mapped[Direction] = enum_column(Direction)
    title: Mapped[str] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text, default="")
    start_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    end_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    room_id: Mapped[str | None] = mapped_column(ForeignKey("rooms.id"))
    place: Mapped[str] = mapped_column(Text, default="")
    people: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    interpretation_languages: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)

    people_functions: Mapped[list[str]] = _functions(people)
    visit: Mapped[Visit] = relationship(lazy="raise")
    room: Mapped[Room | None] = relationship(lazy="joined")

    @property
    def period(self) -> Range[datetime]:
        """The time it takes: its start belongs to it, its end does not."""
        return Range(self.start_time, self.end_time, bounds="[)")

    @property
    def resources(self) -> list[str]:
        """Resource names of what it books."""
        return ([self.room.name] if self.room else []) + self.people

    def check_room(self) -> None:
        """
        Raise unless its room is where the visit is.

        Raises:
            InvalidArgument: It books a room of the home city for a visit abroad; reason ROOM_NOT_AT_HOST.
        """
        if self.room and self.direction is Direction.OUTGOING:
            field, words = "agenda_item.room", f"{self.room.display_name} is in the home city, and the visit is abroad"
            raise InvalidArgument(
                field,
                words,
                reason="ROOM_NOT_AT_HOST",
                metadata={"room": self.room.name, "room_title": self.room.display_name},
            )

    def check_interpreter(self, booked: Sequence[Person | Delegate]) -> None:
        """
        Raise unless somebody whom it books can interpret; as long as it books nobody, that is still to be arranged.

        Args:
            booked: Who its `people` are. Whose languages are not known may speak any.

        Raises:
            InvalidArgument: None of them speaks both languages; reason INTERPRETER_LANGUAGES.
        """
        wanted = self.interpretation_languages
        if not wanted or not booked or any(interprets(each.languages, wanted) for each in booked):
            return
        field = "agenda_item.interpretation_languages"
        who = ", ".join(each.display_name or each.function for each in booked)
        words = f"nobody who is booked speaks both {' and '.join(wanted)}: {who}"
        raise InvalidArgument(
            field,
            words,
            reason="INTERPRETER_LANGUAGES",
            metadata={"languages": ",".join(wanted), "people": who},
        )

    def check_times(self, visit: Visit) -> None:
        """
        Raise unless it takes some time, at most 24 hours, and lies within the visit's dates.

        Raises:
            InvalidArgument: It does not; reason END_NOT_AFTER_START, AGENDA_ITEM_TOO_LONG or OUTSIDE_VISIT_DATES.
        """
        first, last = visit.bounds()
        if self.end_time <= self.start_time:
            raise InvalidArgument("agenda_item.end_time", "is not after the start", reason="END_NOT_AFTER_START")
        if self.end_time - self.start_time > LONGEST_ITEM:
            raise InvalidArgument(
                "agenda_item.end_time", "is more than 24 hours after the start", reason="AGENDA_ITEM_TOO_LONG"
            )
        outside = f"is not within the visit's dates, {visit.start_date} to {visit.end_date} in {visit.time_zone}"
        dates = {
            "start_date": visit.start_date.isoformat(),
            "end_date": visit.end_date.isoformat(),
            "time_zone": visit.time_zone,
        }
        if not first <= self.start_time < last:
            raise InvalidArgument("agenda_item.start_time", outside, reason="OUTSIDE_VISIT_DATES", metadata=dates)
        if self.end_time > last:
            raise InvalidArgument("agenda_item.end_time", outside, reason="OUTSIDE_VISIT_DATES", metadata=dates)


class Booking(Base):
    """What an agenda item holds of one room's, person's or delegate's time; the database refuses an overlap."""

    __tablename__ = "bookings"
    __table_args__ = (
        ExcludeConstraint(("resource", "="), ("period", "&&"), using="gist", name=NO_DOUBLE_BOOKING),
        CheckConstraint("NOT isempty(period)", name="period_not_empty"),
    )

    agenda_item_id: Mapped[str] = mapped_column(ForeignKey("agenda_items.id", ondelete="CASCADE"), primary_key=True)
    resource: Mapped[str] = mapped_column(Text, primary_key=True)
    period: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
