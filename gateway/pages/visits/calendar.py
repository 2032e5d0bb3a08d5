"""The calendar of visits: a year, a quarter or a month, by partner city or department; and what is booked in it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import calendars_pb2, exchange_pb2
from flask import current_app, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from chassis.convert import YEARS, date_message, date_of
from gateway import rpc
from gateway.auth.permissions import may
from gateway.i18n.formats import format_decimal, format_parts, format_short_days, format_weekday
from gateway.pages.visits.choices import list_directions
from gateway.pages.visits.date_reasons import (
    describe_days_off,
    describe_holidays,
    describe_reason,
    get_other_city,
    list_holidays,
)
from gateway.pages.visits.timeline import Cell, Timeline, draw_timeline, stack
from gateway.vocabulary import cities
from gateway.web import list_filters
from gateway.web.links import get_page_url, href

Visit = exchange_pb2.Visit
Kind = calendars_pb2.DateReason
OccupancyKind = calendars_pb2.ListOccupanciesRequest
# How a span is called: the parts of a day that name it.
VIEWS = {"year": "y", "quarter": "yQQQ", "month": "yMMMM"}
FILTERS = ("state", "direction", "city")
OCCUPANCIES = {
    "rooms": OccupancyKind.KIND_ROOM,
    "interpreters": OccupancyKind.KIND_INTERPRETER,
    "people": OccupancyKind.KIND_PERSON,
}
MOST_VISITS = 1000
MOST_CITIES = 200  # as the contract has it
# What is drawn behind the visits, the last one above the others.
DRAWN = {Kind.KIND_DAY_OFF: "off", Kind.KIND_SCHOOL_HOLIDAYS: "school", Kind.KIND_PUBLIC_HOLIDAY: "public"}
WORKING_DAY = timedelta(hours=8)


class Mark(NamedTuple):
    """
    Days that are drawn behind a row.

    Attributes:
        start, length: In columns.
        band: 0 for the home city, in the upper half; 1 for the city of the row.
    """

    kind: str
    start: float
    length: float
    band: int
    title: str


class Bar(NamedTuple):
    """A visit; `start` and `length` are its days to scale, in columns, `start` from the first column of the bar."""

    visit: exchange_pb2.Visit
    days: str
    start: float
    length: float


class Load(NamedTuple):
    """What is booked in a column: the hours, and of four how full that makes its working days."""

    hours: str
    items: int
    level: int


@dataclass(frozen=True)
class Row:
    """A city, department, room or person, with what lies in each lane."""

    title: str
    address: str
    lanes: Sequence[Sequence[Cell[Any]]]
    marks: Sequence[Mark]


def show() -> ResponseReturnValue:
    """Answer with the span that the address names; without one, with this year."""
    view = request.args.get("view", "")
    timeline = draw_timeline(view if view in VIEWS else "year", _read_day())
    rows = request.args.get("rows", "")
    if rows in OCCUPANCIES:
        return _show_occupancies(timeline, rows)
    return _show_visits(timeline, "departments" if rows == "departments" else "cities")


def _read_day() -> date:
    """Return the day that the address names, else today at home."""
    try:
        day = date.fromisoformat(request.args.get("from", ""))
    except ValueError:
        return _get_today()
    return day if day.year in YEARS else _get_today()


def _get_today() -> date:
    return datetime.now(ZoneInfo(current_app.config["HOME_TIME_ZONE"])).date()


def _show_visits(timeline: Timeline, rows: str) -> ResponseReturnValue:
    answer = _list_visits(
        from_date=date_message(timeline.first), to_date=date_message(timeline.last), order_by="start_date"
    )
    visits: defaultdict[str, list[Visit]] = defaultdict(list)
    for visit in answer.visits:
        if rows == "cities":
            visits[get_other_city(visit)].append(visit)
        elif visit.direction == Visit.DIRECTION_INCOMING:
            visits[visit.host_department].append(visit)
    names = cities.get_city_names()
    home = current_app.config["HOME_CITY"]
    of_cities = [name for name in names if name in visits] if rows == "cities" else []
    holidays = _list_holidays(timeline, [home, *of_cities])
    return _render(
        timeline,
        rows,
        holidays,
        [
            Row(
                names.get(name, name),
                get_page_url(city=name) if rows == "cities" else "",
                stack(timeline, [_make_item(timeline, visit) for visit in visits[name]]),
                [*_draw(timeline, holidays, home, 0), *_draw(timeline, holidays, name if of_cities else home, 1)],
            )
            for name in (of_cities or sorted(visits))
        ],
        answer=answer,
        nearest=None if answer.visits else _list_nearest(timeline),
        unvisited=[name for name in names if name not in visits and name != home] if _sees_all(answer, rows) else [],
    )


def _sees_all(answer: exchange_pb2.ListVisitsResponse, rows: str) -> bool:
    """Return whether a city that is not among the visits has none in this span: nothing is filtered or cut off."""
    whole = answer.total_size == len(answer.visits) > 0
    return rows == "cities" and whole and may("RoomService.ListRooms") and not any(map(request.args.get, FILTERS))


def _list_visits(**fields: Any) -> exchange_pb2.ListVisitsResponse:
    wanted = exchange_pb2.ListVisitsRequest(
        state=list_filters.read_enum(Visit.State, "state"),
        direction=list_filters.read_enum(Visit.Direction, "direction"),
        city=request.args.get("city", ""),
        **{"page_size": MOST_VISITS, **fields},
    )
    return rpc.visits.ListVisits(wanted)


def _list_nearest(timeline: Timeline) -> list[exchange_pb2.Visit]:
    """Return the last visit before a span and the first after it, as far as there are any."""
    before, after = timeline.first - timedelta(days=1), timeline.last + timedelta(days=1)
    nearest: list[exchange_pb2.Visit] = []
    if before.year in YEARS:
        nearest += _list_visits(page_size=1, to_date=date_message(before), order_by="start_date desc").visits
    if after.year in YEARS:
        nearest += _list_visits(page_size=1, from_date=date_message(after), order_by="start_date").visits
    return nearest


def _make_item(timeline: Timeline, visit: exchange_pb2.Visit) -> tuple[date, date, Bar]:
    first, last = date_of(visit.start_date), date_of(visit.end_date)
    start, length = timeline.scale(first, last)
    return first, last, Bar(visit, format_short_days(first, last), start - int(start), length)


def _list_holidays(timeline: Timeline, of_cities: Sequence[str]) -> Mapping[str, Sequence[calendars_pb2.DateReason]]:
    """Return city → its holidays in a span; without days off in a year, where a weekend is too narrow to be seen."""
    found: defaultdict[str, list[calendars_pb2.DateReason]] = defaultdict(list)
    without_days_off = timeline.view == "year"
    for holiday in list_holidays(
        of_cities[:MOST_CITIES], timeline.first, timeline.last, without_days_off=without_days_off
    ):
        found[holiday.subject].append(holiday)
    return found


def _draw(
    timeline: Timeline, holidays: Mapping[str, Sequence[calendars_pb2.DateReason]], city: str, band: int
) -> list[Mark]:
    names = cities.get_city_names()
    drawn = [each for kind in DRAWN for each in holidays.get(city, ()) if each.kind == kind]
    return [
        Mark(
            DRAWN[each.kind],
            *timeline.scale(date_of(each.start_date), date_of(each.end_date)),
            band,
            describe_reason(each, names),
        )
        for each in drawn
    ]


def _show_occupancies(timeline: Timeline, rows: str) -> ResponseReturnValue:
    answer = rpc.calendars.ListOccupancies(
        calendars_pb2.ListOccupanciesRequest(
            **list_filters.read_paging(),
            kind=OCCUPANCIES[rows],
            from_date=date_message(timeline.first),
            to_date=date_message(timeline.last),
        )
    )
    home = current_app.config["HOME_CITY"]
    holidays = _list_holidays(timeline, [home])
    marks = [mark for band in (0, 1) for mark in _draw(timeline, holidays, home, band)]
    return _render(
        timeline,
        rows,
        holidays,
        [Row(each.title, href(each.resource), [_fill(timeline, each.days)], marks) for each in answer.occupancies],
        answer=answer,
    )


def _fill(timeline: Timeline, days: Iterable[calendars_pb2.DayOccupancy]) -> list[Cell[Load]]:
    """Return what is booked in each column."""
    minutes, items = [0] * len(timeline.columns), [0] * len(timeline.columns)
    for day in days:
        column, _column = timeline.find_columns(date_of(day.date), date_of(day.date))
        minutes[column] += day.minutes
        items[column] += day.items
    return [
        Cell(1, _weigh(timeline.columns[column], minutes[column], items[column]) if items[column] else None)
        for column in range(len(timeline.columns))
    ]


def _weigh(column: tuple[date, date], minutes: int, items: int) -> Load:
    first, last = column
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    working = sum(day.weekday() < 5 for day in days) or 1
    level = -(-4 * timedelta(minutes=minutes) // (WORKING_DAY * working))
    return Load(format_decimal(round(minutes / 60, 1)), items, min(4, level))


def _render(
    timeline: Timeline,
    rows: str,
    holidays: Mapping[str, Sequence[calendars_pb2.DateReason]],
    drawn: Sequence[Row],
    **more: Any,
) -> ResponseReturnValue:
    today = _get_today()
    said = [each for of_city in holidays.values() for each in of_city]
    return render_template(
        "visits/calendar.html",
        timeline=timeline,
        shown_rows=rows,
        title=format_parts(VIEWS[timeline.view], timeline.first),
        before=_link_to(timeline, timeline.first - timedelta(days=1)),
        after=_link_to(timeline, timeline.last + timedelta(days=1)),
        headers=[_describe_column(timeline, *column) for column in timeline.columns],
        today=timeline.scale(today, today) if timeline.first <= today <= timeline.last else None,
        rows=drawn,
        kinds={mark.kind for row in drawn for mark in row.marks},
        row_choices=_list_row_choices(),
        holidays=describe_holidays(each for each in said if each.kind in DRAWN and each.kind != Kind.KIND_DAY_OFF),
        unknown=describe_holidays(each for each in said if each.kind == Kind.KIND_HOLIDAYS_UNKNOWN),
        days_off=describe_days_off(said),
        cities=cities.get_city_names(),
        directions=list_directions(),
        filtered=any(map(request.args.get, FILTERS)),
        **{"unvisited": [], "nearest": None, **more},
    )


def _link_to(timeline: Timeline, day: date) -> tuple[str, str] | None:
    """Return address and name of the span as long that a day lies in; None where no visit can be."""
    if day.year not in YEARS:
        return None
    return get_page_url(**{"from": day.isoformat(), "page_token": ""}), format_parts(VIEWS[timeline.view], day)


def _describe_column(timeline: Timeline, first: date, last: date) -> dict[str, str]:
    """Return the text above a column, what is said below it, and the address of its month; "" in a month."""
    if timeline.view == "month":
        return {"text": str(first.day), "below": format_weekday(first.weekday(), "short"), "address": ""}
    address = get_page_url(view="month", **{"from": first.isoformat(), "page_token": ""})
    if timeline.view == "quarter":
        return {"text": format_short_days(first, last), "below": "", "address": address}
    return {"text": format_parts("MMM", first), "below": "", "address": address}


def _list_row_choices() -> list[tuple[str, str]]:
    """Return what the rows can be, as far as the reader may see it."""
    choices = [("", _("Partner cities")), ("departments", _("Departments"))]
    if may("CalendarService.ListOccupancies"):
        choices.append(("rooms", _("Rooms")))
    if may("PersonService.ListPeople"):
        choices += [("interpreters", _("Interpreters")), ("people", _("People"))]
    return choices
