"""Visits: their dates, their states, and what is taken down afterwards."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    case,
    cast,
    func,
    literal_column,
    or_,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, Range, array
from sqlalchemy.orm import Mapped, column_property, mapped_column

from chassis.errors import FailedPrecondition, FieldRequired, InvalidArgument
from chassis.folded_names import index_folded_name, map_folded_name
from chassis.model import Resource, Stateful, enum_column
from services.exchange.model.base import Base, shown, shown_of_each
from services.exchange.model.city import CITY_IDS, City
from services.exchange.model.exchange import Exchange
from services.exchange.model.visit_state import BEFORE_RUNNING, OVER, Direction, VisitState
from services.exchange.spans import check_dates

# The first day of a visit whose dates are open, where visits are in order. (The last of 9999 is infinity to asyncpg.)
NO_DAY = "'9999-01-01'::date"
START_ORDER = text(f"coalesce(start_date, {NO_DAY})")
# What an idea may leave open.
OPEN_IN_IDEAS = ("start_date", "end_date", "host_department")


class Visit(Stateful, Resource, Base):
    """
    A stay of a delegation in another city.

    `city_id` is the other city, the exchange's, and `city_abroad` where that is the host, else ""; `other_guest_ids`
    are those that come as guests as well; `time_zone` is the host's. As long as it is an idea, it may have no dates and
    no host department; `start_order` is its place by its first day, after all others without one. `debrief` has the
    fields of the message ``Debrief``. `proposer` is the account that created it; empty where that was not kept.
    `new_dates_due` says that the visit is postponed and still has the dates that it was taken off. `part_change_time`
    and `part_changer` say when its delegation or agenda was last changed, and by whom.
    """

    __tablename__ = "visits"
    __table_args__ = (
        ForeignKeyConstraint(["exchange_id", "city_id"], ["exchanges.id", "exchanges.city_id"]),
        UniqueConstraint("id", "city_abroad"),
        CheckConstraint("end_date BETWEEN start_date AND start_date + 365", name="dates_in_order"),
        CheckConstraint("(start_date IS NULL) = (end_date IS NULL)", name="dates_whole"),
        CheckConstraint("start_date IS NOT NULL OR state IN ('idea', 'cancelled')", name="dates_unless_idea"),
        CheckConstraint(
            "host_department <> '' OR state IN ('idea', 'postponed', 'cancelled')", name="host_department_unless_idea"
        ),
        CheckConstraint("head_count BETWEEN 0 AND 1000", name="head_count_range"),
        CheckConstraint("(state IN ('reported', 'closed')) = (debrief IS NOT NULL)", name="debrief_when_reported"),
        CheckConstraint("state NOT IN ('cancelled', 'postponed') OR reason <> ''", name="reason_when_off"),
        Index(None, "exchange_id"),
        Index("ix_visits_city_id_start_order", "city_id", START_ORDER),
        Index(None, "other_guest_ids", postgresql_using="gin"),
        Index("ix_visits_start_order_id", START_ORDER, "id"),
        Index(None, "state"),
        index_folded_name("visits"),
    )
    NAME = "visits/{id}"
    TRANSITIONS = {
        "agree": (frozenset({VisitState.IDEA, VisitState.POSTPONED}), VisitState.AGREED),
        "plan": (frozenset({VisitState.AGREED}), VisitState.PLANNED),
        "confirm": (frozenset({VisitState.PLANNED}), VisitState.CONFIRMED),
        "start": (frozenset({VisitState.CONFIRMED}), VisitState.RUNNING),
        "report": (frozenset({VisitState.RUNNING}), VisitState.REPORTED),
        "close": (frozenset({VisitState.REPORTED}), VisitState.CLOSED),
        "cancel": (BEFORE_RUNNING | {VisitState.POSTPONED}, VisitState.CANCELLED),
        "postpone": (BEFORE_RUNNING | {VisitState.POSTPONED}, VisitState.POSTPONED),
    }

    title: Mapped[str] = mapped_column(Text)
    exchange_id: Mapped[str] = mapped_column(Text)
    city_id: Mapped[str] = mapped_column(Text)
    home_city_id: Mapped[str] = mapped_column(ForeignKey("cities.id"))
    proposer: Mapped[str] = mapped_column(Text, default="")
    direction: Mapped[Direction] = enum_column(Direction)
    city_abroad: Mapped[str] = mapped_column(
        Text, Computed("CASE WHEN direction = 'outgoing' THEN city_id ELSE '' END", persisted=True)
    )
    start_date: Mapped[date | None] = mapped_column()
    end_date: Mapped[date | None]
    start_order: Mapped[date] = column_property(
        func.coalesce(start_date, literal_column(NO_DAY, Date)), expire_on_flush=False
    )
    host_department: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text, default="")
    head_count: Mapped[int] = mapped_column(default=0)
    other_guest_ids: Mapped[tuple[str, ...]] = mapped_column(CITY_IDS, default=())
    state: Mapped[VisitState] = enum_column(VisitState, default=VisitState.IDEA)
    reason: Mapped[str] = mapped_column(Text, default="")
    debrief: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    consents: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    new_dates_due: Mapped[bool] = mapped_column(default=False)
    part_change_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    part_changer: Mapped[str] = mapped_column(Text, default="", server_default="")
    folded_name: Mapped[str] = map_folded_name("title")

    exchange_title: Mapped[str] = shown(Exchange.title, Exchange.id == exchange_id)
    exchange_department: Mapped[str] = shown(Exchange.department, Exchange.id == exchange_id)
    city_display_name: Mapped[str] = shown(City.display_name, City.id == city_id)
    home_city_display_name: Mapped[str] = shown(City.display_name, City.id == home_city_id)
    other_guest_display_names: Mapped[tuple[str, ...]] = shown_of_each(City.display_name, other_guest_ids, CITY_IDS)
    time_zone: Mapped[str] = shown(
        City.time_zone, City.id == case((direction == Direction.INCOMING, home_city_id), else_=city_id)
    )

    @property
    def incoming(self) -> bool:
        """Whether the home city hosts and the other city travels."""
        return self.direction is Direction.INCOMING

    @property
    def department_in_charge(self) -> str:
        """
        The home city's department that works on it: the one that hosts, or that leads the exchange when it travels.

        Of an outgoing visit, `host_department` is a department of the other city.
        """
        return self.host_department if self.incoming else self.exchange_department

    @property
    def is_over(self) -> bool:
        """Whether nothing about it changes any more, save closing its file."""
        return self.state in OVER

    @property
    def last_change(self) -> tuple[datetime, str]:
        """When it, its delegation or its agenda was last changed, and by whom."""
        if self.part_change_time and self.part_change_time > self.update_time:
            return self.part_change_time, self.part_changer
        return self.update_time, self.updater

    @property
    def guest_city_id(self) -> str:
        """The city that travels."""
        return self.city_id if self.incoming else self.home_city_id

    @property
    def guest_ids(self) -> list[str]:
        """The cities that travel."""
        return [self.guest_city_id, *self.other_guest_ids]

    @property
    def guest_display_names(self) -> dict[str, str]:
        """City that travels → what people call it."""
        name = self.city_display_name if self.incoming else self.home_city_display_name
        return dict(zip(self.guest_ids, (name, *self.other_guest_display_names), strict=True))

    def concerns(self, city_id: str) -> bool:
        """Whether a city besides the home city takes part: the exchange's, or another guest."""
        return city_id == self.city_id or city_id in self.other_guest_ids

    @classmethod
    def concerning(cls, city_id: ColumnElement[str] | str) -> ColumnElement[bool]:
        """Whether `concerns` is true of a row."""
        return or_(cls.city_id == city_id, cls.other_guest_ids.contains(cast(array([city_id]), CITY_IDS)))

    @property
    def dates(self) -> tuple[date, date] | None:
        """Its first and its last day; None while they are open."""
        return (self.start_date, self.end_date) if self.start_date and self.end_date else None

    @property
    def days_away(self) -> Range[date] | None:
        """The days that its delegates are away; None where it takes place on none that are known."""
        if self.state is VisitState.CANCELLED or self.new_dates_due or self.dates is None:
            return None
        first, last = self.dates
        return Range(first, last + timedelta(days=1), bounds="[)")

    @property
    def open_fields(self) -> list[str]:
        """Names of the fields that are still open, and have to be given before the visit can be agreed on."""
        return [field for field in OPEN_IN_IDEAS if not getattr(self, field)]

    def get_dates(self) -> tuple[date, date]:
        """
        Return its first and its last day.

        Raises:
            FailedPrecondition: They are open; reason DATES_OPEN.
        """
        if self.dates is None:
            raise FailedPrecondition("The visit has no dates yet; give it dates first.", reason="DATES_OPEN")
        return self.dates

    def require_idea(self) -> None:
        """
        Raise unless it is no more than an idea, of which nothing needs to be kept.

        Raises:
            FailedPrecondition: It is more; reason NOT_AN_IDEA.
        """
        if self.state is not VisitState.IDEA:
            raise FailedPrecondition(
                f"The visit is {self.state.value}, no idea any more: cancel it instead.",
                reason="NOT_AN_IDEA",
                metadata={"state": self.state.name},
            )

    def require_open(self) -> None:
        """
        Raise unless the visit, its delegation and its agenda may still change.

        Raises:
            FailedPrecondition: It is reported, closed or cancelled; reason VISIT_OVER, metadata `state`.
        """
        if self.is_over:
            raise FailedPrecondition(
                f"The visit is {self.state.value} and can't be changed any more.",
                reason="VISIT_OVER",
                metadata={"state": self.state.name},
            )

    def require_guest(self, city_id: str, field: str) -> None:
        """
        Raise unless a city travels.

        Raises:
            InvalidArgument: It does not; reason NOT_A_GUEST_CITY, metadata `city`.
        """
        if city_id not in self.guest_ids:
            city = f"cities/{city_id}"
            raise InvalidArgument(field, f"{city} is no guest", reason="NOT_A_GUEST_CITY", metadata={"city": city})

    def require_dates(self) -> None:
        """
        Raise unless the visit has dates that hold.

        Raises:
            FailedPrecondition: It was postponed and has no new dates yet; reason NEW_DATES_DUE.
        """
        if self.new_dates_due:
            raise FailedPrecondition("The visit was postponed; give it new dates first.", reason="NEW_DATES_DUE")

    def schedule(self, start_date: date | None, end_date: date | None) -> None:
        """
        Give the visit its dates, meant in the host's time zone; or none, as long as it is an idea.

        Raises:
            FieldRequired: One is given without the other, or none, and it is more than an idea.
            InvalidArgument: As `check_dates`.
        """
        given = {"visit.start_date": start_date, "visit.end_date": end_date}
        missing = [field for field, day in given.items() if day is None]
        if len(missing) == 1 or (missing and self.state is not VisitState.IDEA):
            raise FieldRequired(*missing)
        if start_date is None or end_date is None:
            self.start_date = self.end_date = None
            return
        check_dates(start_date, end_date, "visit.end_date")
        if (start_date, end_date) != (self.start_date, self.end_date):
            self.start_date, self.end_date = start_date, end_date
            self.new_dates_due = False

    def bounds(self) -> tuple[datetime, datetime]:
        """
        Return the instants at which the first day starts and the last day ends, in the host's time zone.

        Raises:
            FailedPrecondition: The dates are open; reason DATES_OPEN.
        """
        first, last = self.get_dates()
        zone = ZoneInfo(self.time_zone)
        return datetime.combine(first, time.min, zone), datetime.combine(last + timedelta(days=1), time.min, zone)

    def allowed_transitions(self) -> list[str]:
        """
        Return the verbs that exist from the present state.

        To be agreed on, it needs what an idea may leave open, and a postponed one new dates; to be postponed, dates.
        """
        lacking = set()
        if self.new_dates_due or self.open_fields:
            lacking.add("agree")
        if self.dates is None:
            lacking.add("postpone")
        return [verb for verb in super().allowed_transitions() if verb not in lacking]

    def require_dates_sought(self) -> None:
        """
        Raise unless the visit is still, or again, to be agreed on.

        Raises:
            FailedPrecondition: Its dates are settled; reason DATES_SETTLED, metadata `state`.
        """
        if self.state not in self.TRANSITIONS["agree"][0]:
            raise FailedPrecondition(
                f"The visit is {self.state.value}; its dates are settled.",
                reason="DATES_SETTLED",
                metadata={"state": self.state.name},
            )

    def require_host(self) -> None:
        """
        Raise unless the visit has a host department, or is still, or again, to be agreed on.

        Raises:
            FieldRequired: It has none.
        """
        if not self.host_department and self.state not in self.TRANSITIONS["agree"][0]:
            raise FieldRequired("visit.host_department")

    def agree(self) -> None:
        """
        Record that both sides want the visit.

        Raises:
            IllegalTransition: It is neither an idea nor postponed.
            FailedPrecondition: It was postponed and has no new dates yet (reason NEW_DATES_DUE), or something that it
                needs is open (VISIT_INCOMPLETE, metadata `fields`, comma-separated).
        """
        if self.state is VisitState.POSTPONED:
            self.require_dates()
        if self.open_fields and self.state in self.TRANSITIONS["agree"][0]:
            fields = [f"visit.{field}" for field in self.open_fields]
            raise FailedPrecondition(
                f"The visit can't be agreed on yet: {', '.join(fields)} are open.",
                reason="VISIT_INCOMPLETE",
                metadata={"fields": ",".join(fields)},
            )
        self.transition("agree")
        self.reason = ""

    def report(self, debrief: dict[str, Any]) -> None:
        """
        Take down the debrief.

        Raises:
            IllegalTransition: The visit is not running.
            FieldRequired: Nothing was learned.
        """
        if not debrief.get("entries"):
            raise FieldRequired("debrief.entries")
        self.transition("report")
        self.debrief = debrief

    def cancel(self, reason: str) -> None:
        """
        Give the visit up.

        Raises:
            IllegalTransition: It runs already, or is over.
        """
        self.transition("cancel")
        self.reason = reason

    def postpone(self, reason: str, dates: tuple[date, date] | None = None) -> None:
        """
        Take the visit off its dates; one that is postponed already off its new ones, or again off those that it had.

        Args:
            dates: The new first and last day; None where they are not known yet.

        Raises:
            IllegalTransition: It runs already, or is over.
            FailedPrecondition: It has no dates; reason DATES_OPEN.
            InvalidArgument: The new dates are those that it has (reason DATES_UNCHANGED), or none that it can have
                (as `schedule`).
        """
        if self.state in BEFORE_RUNNING:
            self.get_dates()
        self.transition("postpone")
        self.reason = reason
        self.new_dates_due = True
        self.consents = []
        if dates == (self.start_date, self.end_date):
            raise InvalidArgument("start_date", "is the day on which it starts now", reason="DATES_UNCHANGED")
        if dates:
            self.schedule(*dates)
