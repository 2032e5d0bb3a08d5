"""Programmes, and what they book: rooms, the host's people, and delegates."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    func,
    literal,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import (
    Mapped,
    mapped_column,
    relationship,
)

from chassis.errors import FieldRequired, InvalidArgument
from chassis.model import Resource, enum_column
from services.exchange.model.base import Base, shown_of_each
from services.exchange.model.delegate import Delegate
from services.exchange.model.person import Person, interprets
from services.exchange.model.room import Room
from services.exchange.model.venue import Venue
from services.exchange.model.visit import Visit

LONGEST_ITEM = timedelta(hours=24)
# Items without a time come after all others.
NO_TIME = datetime(9999, 1, 1, tzinfo=UTC)
NAMES: ARRAY[str] = ARRAY(Text)
# Who does more than attend.
PARTS = ("receiving_people", "speaking_people")
NO_DOUBLE_BOOKING = "ex_bookings_resource_period"


class Transport(StrEnum):
    """How one gets from one place to another."""

    WALK = "walk"
    BUS = "bus"
    TRAIN = "train"
    FERRY = "ferry"
    CAR = "car"


class Precedence(Base):
    """An item that has to have ended before another starts, by so many minutes at least."""

    __tablename__ = "precedences"
    __table_args__ = (
        CheckConstraint("before_id <> after_id", name="of_two_items"),
        CheckConstraint("gap_minutes >= 0", name="gap_not_negative"),
    )

    after_id: Mapped[str] = mapped_column(ForeignKey("agenda_items.id", ondelete="CASCADE"), primary_key=True)
    before_id: Mapped[str] = mapped_column(
        ForeignKey("agenda_items.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    gap_minutes: Mapped[int] = mapped_column(default=0)


class AgendaItem(Resource, Base):
    """
    One item of a programme (Programmpunkt).

    `people` and `optional_people` hold resource names, ``people/…`` and ``visits/…/delegates/…``, and
    `receiving_people` and `speaking_people` those of them who do more than attend. Room and people say what the
    programme shows; the bookings say what is held, and go when the visit is cancelled. `city_abroad` is the
    visit's, and that of the room and of the venue: what takes place in a city is booked there. `venue_id` is a venue's
    that is not that of the room. `additional_rooms` holds resource names. `delegation_ids` are the guest cities whose
    delegations have to be there. An item without times is still to be placed, and holds nothing; `duration_minutes` is
    kept for both.
    """

    __tablename__ = "agenda_items"
    __table_args__ = (
        ForeignKeyConstraint(["visit_id", "city_abroad"], ["visits.id", "visits.city_abroad"]),
        ForeignKeyConstraint(["room_id", "city_abroad"], ["rooms.id", "rooms.city_abroad"]),
        ForeignKeyConstraint(["venue_id", "city_abroad"], ["venues.id", "venues.city_abroad"]),
        CheckConstraint("end_time > start_time", name="times_in_order"),
        CheckConstraint("(start_time IS NULL) = (end_time IS NULL)", name="times_whole"),
        CheckConstraint("duration_minutes BETWEEN 1 AND 1440", name="duration_range"),
        CheckConstraint("room_id IS NULL OR venue_id IS NULL", name="venue_of_room"),
        CheckConstraint(
            "(receiving_people || speaking_people) <@ (people || optional_people)", name="parts_of_present"
        ),
        Index(None, "visit_id", "start_time", "id"),
        Index(None, "room_id"),
        Index(None, "venue_id"),
        Index(None, "interpreter_id"),
    )
    NAME = "visits/{visit_id}/agendaItems/{id}"

    visit_id: Mapped[str] = mapped_column(Text)
    city_abroad: Mapped[str] = mapped_column(Text, default="", server_default="")
    title: Mapped[str] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text, default="")
    start_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    end_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    duration_minutes: Mapped[int]
    room_id: Mapped[str | None] = mapped_column(Text)
    additional_rooms: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    venue_id: Mapped[str | None] = mapped_column(Text)
    place: Mapped[str] = mapped_column(Text, default="")
    rain_place: Mapped[str] = mapped_column(Text, default="")
    people: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    optional_people: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    whole_delegation: Mapped[bool] = mapped_column(default=False)
    receiving_people: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    speaking_people: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    groups: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    optional_groups: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    delegation_ids: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    interpretation_languages: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    interpreter_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    fixed: Mapped[bool] = mapped_column(default=False)
    earliest_start_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    latest_end_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    needs_room: Mapped[bool] = mapped_column(default=False)
    seats: Mapped[int] = mapped_column(default=0)
    step_free: Mapped[bool] = mapped_column(default=False)
    equipment: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    open_end: Mapped[bool] = mapped_column(default=False)
    transport: Mapped[Transport | None] = enum_column(Transport)

    people_functions: Mapped[list[str]] = shown_of_each(Person.function, people, NAMES, "people/")
    optional_people_functions: Mapped[list[str]] = shown_of_each(Person.function, optional_people, NAMES, "people/")
    additional_room_titles: Mapped[list[str]] = shown_of_each(Room.display_name, additional_rooms, NAMES, "rooms/")
    visit: Mapped[Visit] = relationship(lazy="raise", foreign_keys=visit_id, primaryjoin=Visit.id == visit_id)
    room: Mapped[Room | None] = relationship(lazy="joined", foreign_keys=room_id, primaryjoin=Room.id == room_id)
    other_venue: Mapped[Venue | None] = relationship(
        lazy="joined", foreign_keys=venue_id, primaryjoin=Venue.id == venue_id
    )
    interpreter: Mapped[Person | None] = relationship(lazy="joined")
    after: Mapped[list[Precedence]] = relationship(
        foreign_keys=Precedence.after_id, order_by=Precedence.before_id, lazy="selectin", cascade="all, delete-orphan"
    )

    @hybrid_property
    def programme_order(self) -> datetime:
        """Place in the programme: by time, and without a time after all others."""
        return self.start_time or NO_TIME

    @programme_order.inplace.expression
    @classmethod
    def _programme_order(cls) -> ColumnElement[datetime]:
        return func.coalesce(cls.start_time, literal(NO_TIME, DateTime(timezone=True)))

    @property
    def period(self) -> Range[datetime] | None:
        """The time it takes: its start belongs to it, its end does not. None as long as it has no place."""
        return Range(self.start_time, self.end_time, bounds="[)") if self.start_time else None

    @property
    def venue(self) -> Venue | None:
        """Where it takes place, as far as that is a venue."""
        return self.room.venue if self.room else self.other_venue

    @property
    def named_resources(self) -> set[str]:
        """Resource names of what it books by name: rooms, people and interpreter."""
        return {each.name for each in (self.room, self.interpreter) if each} | {*self.additional_rooms, *self.people}

    def settle_parts(self, given: Collection[str]) -> None:
        """
        Let who has a part take part, and leave none to who takes part no more.

        Args:
            given: Fields that were just written: who stands in one of `PARTS` and is not present yet has to be.
        """
        for field in PARTS:
            if field in given:
                present = {*self.people, *self.optional_people}
                self.people = [*self.people, *(name for name in getattr(self, field) if name not in present)]
        present = {*self.people, *self.optional_people}
        for field in PARTS:
            setattr(self, field, [name for name in getattr(self, field) if name in present])
        self.optional_groups = [group for group in self.optional_groups if group not in self.groups]

    def release(self, name: str) -> None:
        """Let somebody take part no more."""
        self.people = [each for each in self.people if each != name]
        self.optional_people = [each for each in self.optional_people if each != name]
        self.settle_parts(())

    def expects(self, delegate: Delegate) -> bool:
        """Return whether a delegate has to be there with all others, with a group, or with its city's delegation."""
        in_group = delegate.group is not None and delegate.group.value in self.groups
        return self.whole_delegation or in_group or delegate.city_id in self.delegation_ids

    def welcomes(self, delegate: Delegate) -> bool:
        """Return whether a delegate may be there with a group."""
        return delegate.group is not None and delegate.group.value in self.optional_groups

    def place_at(self, start: datetime | None, end: datetime | None, minutes: int) -> None:
        """
        Give it its time, or none.

        Args:
            end: None where it follows from the duration.
            minutes: How long it takes; 0 where that follows from the end.

        Raises:
            FieldRequired: There is neither an end nor a duration.
            InvalidArgument: It has an end and no start (reason END_WITHOUT_START), or a duration that is another than
                its times say (DURATION_OTHER_THAN_TIMES).
        """
        if start is None:
            if end is not None:
                raise InvalidArgument("agenda_item.end_time", "has no start", reason="END_WITHOUT_START")
            if not minutes:
                raise FieldRequired("agenda_item.duration_minutes")
        elif end is None:
            if not minutes:
                raise FieldRequired("agenda_item.end_time")
            end = start + timedelta(minutes=minutes)
        elif minutes and minutes != _count_minutes(start, end):
            raise InvalidArgument(
                "agenda_item.duration_minutes",
                "is not the time from start to end; give the one or the other",
                reason="DURATION_OTHER_THAN_TIMES",
            )
        self.start_time, self.end_time = start, end
        self.duration_minutes = min(max(_count_minutes(start, end), 1), 1440) if start and end else minutes

    def fits_in(self, room: Room) -> bool:
        """
        Return whether a room is where the visit is, and has the seats and the equipment that it needs.

        Seats that nobody counted suffice.
        """
        if room.city_abroad != self.city_abroad or room.name in self.additional_rooms:
            return False
        has_seats = not room.seats or self.seats <= room.seats
        return has_seats and not self.list_missing_equipment(room) and (room.step_free or not self.step_free)

    def list_missing_equipment(self, room: Room) -> list[str]:
        """Return what it needs that a room does not have, however that is typed there."""
        present = {word.casefold() for word in room.equipment}
        return [word for word in self.equipment if word.casefold() not in present]

    def check_rooms(self, rooms: Iterable[Room]) -> None:
        """
        Raise unless its rooms and its venue are where the visit is.

        Args:
            rooms: Its additional rooms.

        Raises:
            InvalidArgument: One is in another city (reason ROOM_NOT_AT_HOST, VENUE_NOT_AT_HOST), or its room is among
                the additional ones (ROOM_NAMED_TWICE).
        """
        for field, room in (("room", self.room), *(("additional_rooms", each) for each in rooms)):
            if room and room.city_abroad != self.city_abroad:
                raise InvalidArgument(
                    f"agenda_item.{field}",
                    f"{room.display_name} is not in the city that hosts the visit",
                    reason="ROOM_NOT_AT_HOST",
                    metadata={"room": room.name, "room_title": room.display_name},
                )
        if self.room and self.room.name in self.additional_rooms:
            field, words = "agenda_item.additional_rooms", f"{self.room.display_name} is its room already"
            raise InvalidArgument(
                field, words, reason="ROOM_NAMED_TWICE", metadata={"room_title": self.room.display_name}
            )
        if self.other_venue and self.other_venue.city_abroad != self.city_abroad:
            title = self.other_venue.display_name
            raise InvalidArgument(
                "agenda_item.venue",
                f"{title} is not in the city that hosts the visit",
                reason="VENUE_NOT_AT_HOST",
                metadata={"venue": self.other_venue.name, "venue_title": title},
            )

    def check_interpreter(self, booked: Sequence[Person | Delegate], of_groups: Sequence[Delegate] = ()) -> None:
        """
        Raise unless its interpreter, or somebody whom it books, can interpret.

        As long as it has no time, or books nobody, that is still to be arranged.

        Args:
            booked: Who its `people` are. Whose languages are not known may speak any.
            of_groups: Who is there with a group of the delegation.

        Raises:
            InvalidArgument: The interpreter does not have the pair (reason INTERPRETER_PAIR), or none of the people
                speaks both languages (INTERPRETER_LANGUAGES).
        """
        wanted = self.interpretation_languages
        if self.interpreter:
            if not self.interpreter.has_pair(wanted):
                title = self.interpreter.display_name or self.interpreter.function
                raise InvalidArgument(
                    "agenda_item.interpreter",
                    f"{title} is no interpreter between {' and '.join(wanted) or 'no languages'}",
                    reason="INTERPRETER_PAIR",
                    metadata={
                        "person": self.interpreter.name,
                        "person_title": title,
                        "languages": ",".join(wanted),
                        "language_pairs": ",".join(self.interpreter.language_pairs),
                    },
                )
            return
        if not (wanted and booked and self.start_time) or any(
            interprets(each.languages, wanted) for each in (*booked, *of_groups)
        ):
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
        Raise unless it takes some time, at most 24 hours, and lies within the visit's dates; or has no time yet.

        Raises:
            InvalidArgument: It does not; reason END_NOT_AFTER_START, AGENDA_ITEM_TOO_LONG, OUTSIDE_VISIT_DATES, or
                TIME_WITHOUT_DATES where the visit has none.
        """
        if self.start_time is None or self.end_time is None:
            return
        if visit.dates is None:
            raise InvalidArgument("agenda_item.start_time", "the visit has no dates yet", reason="TIME_WITHOUT_DATES")
        first, last = visit.bounds()
        if self.end_time <= self.start_time:
            raise InvalidArgument("agenda_item.end_time", "is not after the start", reason="END_NOT_AFTER_START")
        if self.end_time - self.start_time > LONGEST_ITEM:
            raise InvalidArgument(
                "agenda_item.end_time", "is more than 24 hours after the start", reason="AGENDA_ITEM_TOO_LONG"
            )
        start, end = (day.isoformat() for day in visit.dates)
        outside = f"is not within the visit's dates, {start} to {end} in {visit.time_zone}"
        dates = {"start_date": start, "end_date": end, "time_zone": visit.time_zone}
        if not first <= self.start_time < last:
            raise InvalidArgument("agenda_item.start_time", outside, reason="OUTSIDE_VISIT_DATES", metadata=dates)
        if self.end_time > last:
            raise InvalidArgument("agenda_item.end_time", outside, reason="OUTSIDE_VISIT_DATES", metadata=dates)


def _count_minutes(start: datetime, end: datetime) -> int:
    """Return how long something takes: times may have seconds, a duration has none and is not shorter than these."""
    return -((start - end) // timedelta(minutes=1))


class Booking(Base):
    """
    What an agenda item holds of one room's, person's or delegate's time; the database refuses an overlap.

    `home_day` is that on which it begins in the visit's home city, so that a year can be added up by days. The release
    before does not write it.
    """

    __tablename__ = "bookings"
    __table_args__ = (
        Index(None, "resource", "home_day", postgresql_include=["period"]),
        ExcludeConstraint(("resource", "="), ("period", "&&"), using="gist", name=NO_DOUBLE_BOOKING),
        CheckConstraint("NOT isempty(period)", name="period_not_empty"),
    )

    agenda_item_id: Mapped[str] = mapped_column(ForeignKey("agenda_items.id", ondelete="CASCADE"), primary_key=True)
    resource: Mapped[str] = mapped_column(Text, primary_key=True)
    period: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    home_day: Mapped[date | None] = mapped_column(Date)
