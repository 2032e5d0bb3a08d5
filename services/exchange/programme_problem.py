"""The programme of a visit as a problem of scheduling."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import cast
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import Range

from chassis.database import Session
from chassis.model import now
from services.exchange.busy_times import list_busy_spans
from services.exchange.model import AgendaItem, Booking, Delegate, Person, Room, Venue, Visit
from services.exchange.programme_places import STEP_FREE, Places, get_own_place
from services.exchange.scheduling import problem as scheduling
from services.exchange.scheduling.fixed_items import can_take_place
from services.exchange.scheduling.plan import Kept
from services.exchange.scheduling.problem import (
    Break,
    Day,
    Interpreter,
    Item,
    Precedence,
    Problem,
    Span,
    Standing,
    Stay,
    get_whole_day,
    normalize_pair,
)
from services.exchange.transfers import list_venues
from services.exchange.unmet_requirements import Circumstances, Unmet, can_be_mended
from services.exchange.ways import Pace, Ways

GRANULARITY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class DailyBreak:
    """
    A time of every day in which nothing takes place, as the clocks of the host show it.

    Attributes:
        except_dates: The days on which there is no such break.
    """

    label: str
    start: time
    end: time
    except_dates: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Options:
    """
    How to plan.

    Attributes:
        day_start: When the days begin, as the clocks of the host show it.
        is_from_scratch: Whether items that have a time may move as they like.
        except_dates: The days on which nothing is placed.
    """

    day_start: time = time(9)
    day_end: time = time(18)
    breaks: tuple[DailyBreak, ...] = ()
    is_from_scratch: bool = False
    except_dates: frozenset[date] = frozenset()


@dataclass(frozen=True)
class Programme:
    """
    All that the programme of a visit depends on.

    Attributes:
        days: Those on which items can still be placed, with their hours.
        items: Those of the visit, by time.
        movable: Those of them that the planner may place.
        people: The host's people whom the items name, and all who interpret.
        places: The rooms of the host city, and the venues.
        bookings: What the items of this visit and of others hold.
        busy: Name of a person → when they are busy by their own calendar.
    """

    visit: Visit
    options: Options
    days: Sequence[Day]
    items: Sequence[AgendaItem]
    delegates: Sequence[Delegate]
    people: Sequence[Person]
    places: Places
    movable: Sequence[AgendaItem]
    bookings: Sequence["_Held"]
    busy: Mapping[str, Sequence[Span]]

    @property
    def participants(self) -> list[Person | Delegate]:
        """The host's people and the delegation."""
        return [*self.people, *self.delegates]

    @cached_property
    def taken(self) -> Mapping[str, Sequence[Span]]:
        """Name of a room or of somebody → when what does not move takes them, or they are busy."""
        movable = {item.name for item in self.movable}
        taken: dict[str, list[Span]] = defaultdict(list)
        for held in self.bookings:
            if held.item not in movable:
                is_here = held.item.startswith(f"{self.visit.name}/")
                taken[held.resource].append(
                    Stay(held.span.start, held.span.end, held.venue, held.item if is_here else "")
                )
        for name, spans in self.busy.items():
            taken[name] += spans
        return taken

    @cached_property
    def circumstances(self) -> Circumstances:
        """What it depends on whether its items have what they ask for."""
        movable = {item.id for item in self.movable}
        away = {each.name: [*map(_make_span, each.absences), *self.busy.get(each.name, ())] for each in self.people}
        return Circumstances(
            keeping={item.id: item for item in self.items if item.fixed or item.id not in movable},
            participants={each.name: each for each in self.participants},
            away=away,
            has_rooms=self.places.has_rooms,
        )

    def list_unmet(self) -> list[Unmet]:
        """Return what the items lack that are not over and that the planner leaves as they are."""
        movable, at = {item.id for item in self.movable}, now()
        staying = (item for item in self.items if item.id not in movable and item.end_time and item.end_time > at)
        return [unmet for item in staying for unmet in self.circumstances.list_unmet(item)]


@dataclass(frozen=True, slots=True)
class _Held:
    """When an item holds a room or somebody, and at which venue; names."""

    resource: str
    span: Span
    venue: str
    item: str


async def read_programme(session: Session, visit: Visit, options: Options, pace: Pace) -> Programme:
    """
    Return the programme of a visit as it is now.

    Args:
        pace: How ways are estimated that nobody entered.
    """
    of_visit = select(AgendaItem).where(AgendaItem.visit_id == visit.id)
    items = (await session.scalars(of_visit.order_by(AgendaItem.programme_order, AgendaItem.id))).all()
    delegates = (await session.scalars(select(Delegate).where(Delegate.visit_id == visit.id))).all()
    named = {name for item in items for name in (*item.people, *item.optional_people)}
    ids = [name.removeprefix("people/") for name in named]
    people = select(Person).where(or_(Person.id.in_(ids), Person.language_pairs != []))
    days = list_days(visit, options)
    day_of = {day.date: day for day in days}
    open_items = [item for item in items if _is_open(item, day_of, ZoneInfo(visit.time_zone))]
    bookings = await _read_bookings(session, visit)
    hosts = (await session.scalars(people.order_by(Person.id))).all()
    programme = Programme(
        visit=visit,
        options=options,
        days=days,
        items=items,
        delegates=delegates,
        people=hosts,
        places=await _read_places(session, visit, items, bookings, pace),
        movable=[item for item in open_items if not (item.fixed and item.period)],
        bookings=bookings,
        busy=await list_busy_spans(session, [each.name for each in hosts], Span(*visit.bounds())),
    )
    return _add_fixed(programme, open_items)


def _add_fixed(programme: Programme, open_items: Sequence[AgendaItem]) -> Programme:
    """Return a programme that places what is fixed as well, where that can get a room or interpreter that it lacks."""
    movable, list_unmet = {item.id for item in programme.movable}, programme.circumstances.list_unmet
    movable |= {item.id for item in open_items if item.id not in movable and can_be_mended([*list_unmet(item)])}
    while True:
        programme = replace(programme, movable=[item for item in open_items if item.id in movable])
        problem, _places = make_problem(programme)
        stuck = {item.id for item in problem.items if not can_take_place(item, problem)}
        if not stuck:
            return programme
        # What these hold is taken from now on, which may be what another lacks.
        movable -= {item.id for item in programme.movable if item.name in stuck}


async def _read_bookings(session: Session, visit: Visit) -> list[_Held]:
    """Return what is held of rooms and people during a visit, by resource and time."""
    first, last = visit.bounds()
    venue_id = func.coalesce(Room.venue_id, AgendaItem.venue_id)
    bookings = (
        select(Booking.resource, Booking.period, venue_id, AgendaItem.visit_id, AgendaItem.id)
        .join(AgendaItem, AgendaItem.id == Booking.agenda_item_id)
        .outerjoin(Room, Room.id == AgendaItem.room_id)
        .where(Booking.period.overlaps(Range(first, last)))
        .order_by(Booking.resource, Booking.period)
    )
    return [
        _Held(resource, _make_span(period), f"venues/{venue}" if venue else "", f"visits/{of}/agendaItems/{item}")
        for resource, period, venue, of, item in await session.execute(bookings)
    ]


async def _read_places(
    session: Session, visit: Visit, items: Sequence[AgendaItem], bookings: Sequence[_Held], pace: Pace
) -> Places:
    """Return the rooms of the host city, and the venues of rooms, of items, and of what takes somebody's time."""
    of_city = select(Room).where(Room.city_abroad == visit.city_abroad)
    rooms = (await session.scalars(of_city.order_by(Room.id))).all()
    venues = {room.venue.id: room.venue for room in rooms if room.venue}
    venues |= {venue.id: venue for venue in list_venues(items)}
    missing = {Venue.parse(held.venue)["id"] for held in bookings if held.venue} - venues.keys()
    if missing:
        venues |= {venue.id: venue for venue in await session.scalars(select(Venue).where(Venue.id.in_(missing)))}
    return Places(visit, rooms, venues, Ways(pace))


def list_days(visit: Visit, options: Options) -> list[Day]:
    """Return the days of a visit on which items can still be placed, with their hours."""
    zone, begin = ZoneInfo(visit.time_zone), now()
    days = []
    first, last = visit.get_dates()
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if day in options.except_dates:
            continue
        hours = _get_span(day, options.day_start, options.day_end, zone)
        whole = get_whole_day(day, hours, zone)
        hours, whole = (_leave_out_past(span, begin) for span in (hours, whole))
        if hours.start < hours.end:
            days.append(Day(day.isoformat(), day, hours, whole))
    return days


def _leave_out_past(span: Span, at: datetime) -> Span:
    """Return what of a time can still be planned: from the next quarter of an hour."""
    steps = max(-((span.start - at) // GRANULARITY), 0)
    return Span(span.start + steps * GRANULARITY, span.end)


def make_problem(programme: Programme) -> tuple[Problem, dict[str, Kept]]:
    """
    Return the problem of placing what is movable in a programme, and where it stands now; ids are resource names.

    What is not movable takes the time of its people and its rooms; to and from where it takes place one has to get.
    """
    visit, options = programme.visit, programme.options
    zone = ZoneInfo(visit.time_zone)
    make = _ItemMaker(programme)
    items = tuple(map(make.make, programme.movable))
    people = [each for each in programme.participants if each.name in make.named]
    interpreters = [person for person in programme.people if person.language_pairs]
    precedences, standing = _list_precedences(programme)
    problem = Problem(
        zone=zone,
        granularity=GRANULARITY,
        days=tuple(programme.days),
        items=items,
        rooms=tuple(programme.places.list_rooms(programme.movable, programme.taken)),
        travels=programme.places.list_travels(),
        people=tuple(scheduling.Person(each.name, _list_absences(each, programme.taken)) for each in people),
        interpreters=tuple(
            Interpreter(
                each.name, _list_absences(each, programme.taken), frozenset(map(normalize_pair, each.language_pairs))
            )
            for each in interpreters
        ),
        breaks=tuple(
            Break(each.label, _get_span(day.date, each.start, each.end, zone))
            for day in programme.days
            for each in options.breaks
            if day.date not in each.except_dates
        ),
        precedences=tuple(precedences),
        standing=tuple(standing),
    )
    return problem, {item.name: place for item in programme.movable if (place := _get_place(item))}


def _list_precedences(programme: Programme) -> tuple[list[Precedence], list[Standing]]:
    """Return the orders in which something is to be placed, and what of them is not to be placed."""
    items = {item.id: item for item in programme.items}
    movable = {item.id for item in programme.movable}
    precedences, standing = [], {}
    for after in programme.items:
        for each in after.after:
            pair = items[each.before_id], after
            if movable.isdisjoint(item.id for item in pair):
                continue
            precedences.append(Precedence(pair[0].name, after.name, timedelta(minutes=each.gap_minutes)))
            for item in pair:
                if item.id not in movable and item.start_time and item.end_time:
                    standing[item.name] = Standing(item.name, item.title, Span(item.start_time, item.end_time))
    return precedences, list(standing.values())


class _ItemMaker:
    """Makes items of the problem; `named` are all who take part in them."""

    def __init__(self, programme: Programme) -> None:
        self._programme = programme
        self._of_name: dict[str, Person | Delegate] = {each.name: each for each in programme.participants}
        self.named: set[str] = set()

    def make(self, item: AgendaItem) -> Item:
        required = self._programme.circumstances.list_required(item)
        interpretation = self._programme.circumstances.find_pair(item)
        if item.interpreter and not (item.period and interpretation):
            required.append(item.interpreter.name)
            interpretation = ""
        required = [name for name in dict.fromkeys(required) if name in self._of_name]
        welcome = [*item.optional_people, *(each.name for each in self._programme.delegates if item.welcomes(each))]
        optional = [name for name in dict.fromkeys(welcome) if name in self._of_name and name not in required]
        self.named |= {*required, *optional}
        own_place = get_own_place(item)
        # What there is at a venue outside its rooms nobody has entered.
        equipment = () if own_place else item.equipment
        return Item(
            id=item.name,
            title=item.title,
            duration=timedelta(minutes=item.duration_minutes),
            required=tuple(required),
            optional=tuple(optional),
            needs_room=item.room is not None or (item.needs_room and self._programme.places.has_rooms),
            rooms=self._programme.places.list_fit_rooms(item),
            fixed_room=own_place,
            also_rooms=frozenset(item.additional_rooms),
            seats=item.seats,
            equipment=frozenset({*equipment, *([STEP_FREE] if item.step_free else [])}),
            interpretation=interpretation,
            earliest_start=item.earliest_start_time,
            latest_end=item.latest_end_time,
            fixed_start=item.start_time if item.fixed else None,
        )


def _is_open(item: AgendaItem, days: Mapping[date, Day], zone: ZoneInfo) -> bool:
    """Return whether an item can be placed or mended: it has no time, or one within the hours that can be planned."""
    if item.start_time is None or item.end_time is None:
        return True
    day = days.get(item.start_time.astimezone(zone).date())
    return day is not None and day.hours.start <= item.start_time and item.end_time <= day.hours.end


def _get_place(item: AgendaItem) -> Kept | None:
    if item.start_time is None:
        return None
    room, interpreter = item.room, item.interpreter
    return Kept(item.start_time, room.name if room else "", interpreter.name if interpreter else "")


def _list_absences(who: Person | Delegate, taken: Mapping[str, Sequence[Span]]) -> tuple[Span, ...]:
    away = who.absences if isinstance(who, Person) else []
    return (*map(_make_span, away), *taken.get(who.name, ()))


def _make_span(period: Range[datetime]) -> Span:
    """Return a period, which has a beginning and an end."""
    return Span(cast(datetime, period.lower), cast(datetime, period.upper))


def _get_span(day: date, start: time, end: time, zone: ZoneInfo) -> Span:
    first, last = (datetime.combine(day, clock, zone).astimezone(UTC) for clock in (start, end))
    return Span(first, last)
