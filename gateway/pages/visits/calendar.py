"""The calendar of visits: a year, a quarter or a month, by partner city or department; and what is booked in it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from austausch.exchange.v1 import calendars_pb2, exchange_pb2
from flask import current_app, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from chassis.convert import YEARS, date_message, date_of
from gateway import rpc
from gateway.auth.permissions import may
from gateway.i18n.formats import format_decimal, format_parts, format_short_days, format_weekday
from gateway.pages.visits.choices import list_directions
from gateway.pages.visits.date_reasons import (
    describe_days_off,
    describe_holidays,
    describe_reason,
    list_holidays,
    list_other_cities,
)
from gateway.pages.visits.exports import VISITS
from gateway.pages.visits.timeline import Cell, Timeline, draw_timeline, list_days, stack
from gateway.vocabulary import cities
from gateway.web import exports, list_filters
from gateway.web.links import get_page_url

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
# More are counted instead of drawn.
MOST_VISITS = 500
MOST_UNDATED = 20
PERIODS = {
    "year": exchange_pb2.CountVisitsRequest.PERIOD_MONTH,
    "quarter": exchange_pb2.CountVisitsRequest.PERIOD_WEEK,
    "month": exchange_pb2.CountVisitsRequest.PERIOD_DAY,
}
MOST_CITIES = 200  # as the contract has it
# What is drawn behind the visits, the last one above the others.
DRAWN = {Kind.KIND_DAY_OFF: "off", Kind.KIND_SCHOOL_HOLIDAYS: "school", Kind.KIND_PUBLIC_HOLIDAY: "public"}
WORKING_DAY = timedelta(hours=8)
# From so much on somebody is busy on a day, as for dates that are proposed.
BUSY_DAY = timedelta(hours=4)


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
    """A number in a column, what it says in words, of four how much that is, and where it leads to."""

    number: str
    words: str
    level: int
    address: str = ""


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
        return cities.get_home_day()
    return day if day.year in YEARS else cities.get_home_day()


def _show_visits(timeline: Timeline, rows: str) -> ResponseReturnValue:
    if exports.is_wanted():
        wanted = exchange_pb2.ListVisitsRequest(**_get_span(timeline), **_read_filters(), order_by="start_date")
        return exports.send_list(VISITS, rpc.visits.ListVisits, wanted)
    if rows == "cities" and not request.args.get("city"):
        # In a tenth of the time that it takes to list them.
        counts = _count_visits(timeline)
        if sum(each.visits for each in counts) > MOST_VISITS:
            return _show_counts(timeline, counts)
    answer = _list_visits(**_get_span(timeline), order_by="start_date")
    bars: defaultdict[str, list[tuple[date, date, Bar]]] = defaultdict(list)
    for visit in answer.visits:
        if rows == "cities":
            for city in list_other_cities(visit):
                if city == request.args.get("city", city):
                    bars[city].append(_make_item(timeline, visit))
        elif visit.direction == Visit.DIRECTION_INCOMING:
            bars[visit.host_department].append(_make_item(timeline, visit))
    lanes = {name: stack(timeline, items) for name, items in sorted(bars.items())}
    nearest = None if answer.visits else _list_nearest(timeline)
    home = current_app.config["HOME_CITY"]
    if rows == "departments":
        holidays = _list_holidays(timeline)
        marks = _draw(timeline, holidays, home)
        drawn = [Row(name, "", of_department, marks) for name, of_department in lanes.items()]
        return _render(timeline, rows, holidays, drawn, answer=answer, nearest=nearest)
    drawn, holidays = _make_city_rows(timeline, lanes)
    others = cities.get_city_names().keys() - lanes.keys() - {home} if _sees_all(answer) else ()
    unvisited = [name for name in cities.get_city_names() if name in others]
    return _render(timeline, rows, holidays, drawn, answer=answer, nearest=nearest, unvisited=unvisited)


def _make_city_rows(
    timeline: Timeline, lanes: Mapping[str, Sequence[Sequence[Cell[Any]]]]
) -> tuple[list[Row], Mapping[str, Sequence[calendars_pb2.DateReason]]]:
    """Return the rows of cities, by their names for people, and the holidays that are drawn in them."""
    names = cities.get_city_names()
    if not lanes.keys() <= names.keys():
        names = cities.get_city_names(anew=True)
    of_cities = [name for name in names if name in lanes]
    holidays = _list_holidays(timeline, of_cities) if of_cities else {}
    return [
        Row(names[name], get_page_url(city=name), lanes[name], _draw(timeline, holidays, name)) for name in of_cities
    ], holidays


def _sees_all(answer: exchange_pb2.ListVisitsResponse) -> bool:
    """Return whether a city that is not among the visits has none in this span: nothing is filtered or hidden."""
    return len(answer.visits) > 0 and may("CalendarService.ListOccupancies") and not any(map(request.args.get, FILTERS))


def _list_visits(**fields: Any) -> exchange_pb2.ListVisitsResponse:
    return rpc.visits.ListVisits(
        exchange_pb2.ListVisitsRequest(**{"page_size": MOST_VISITS, **_read_filters(), **fields})
    )


def _list_undated() -> exchange_pb2.ListVisitsResponse:
    """Return the ideas whose dates are open, the newest first: they lie in no span, so that each one shows them."""
    filters = _read_filters()
    filters["state"] = filters["state"] or Visit.STATE_IDEA
    wanted = exchange_pb2.ListVisitsRequest(page_size=MOST_UNDATED, dates_open=True, **filters)
    return rpc.visits.ListVisits(wanted)


def _read_filters() -> dict[str, Any]:
    return {
        "state": list_filters.read_enum(Visit.State, "state"),
        "direction": list_filters.read_enum(Visit.Direction, "direction"),
        "city": request.args.get("city", ""),
    }


def _get_span(timeline: Timeline) -> dict[str, Any]:
    return {"from_date": date_message(timeline.first), "to_date": date_message(timeline.last)}


def _count_visits(timeline: Timeline) -> Sequence[exchange_pb2.VisitCount]:
    wanted = exchange_pb2.CountVisitsRequest(period=PERIODS[timeline.view], **_get_span(timeline), **_read_filters())
    return rpc.visits.CountVisits(wanted).counts


def _show_counts(timeline: Timeline, counts: Sequence[exchange_pb2.VisitCount]) -> ResponseReturnValue:
    """Answer with how many visits begin in each column; a number leads to the visits of its month and city."""
    most = max(each.visits for each in counts)
    loads: defaultdict[str, list[Load | None]] = defaultdict(lambda: [None] * len(timeline.columns))
    for each in counts:
        first = date_of(each.start_date)
        loads[each.city][timeline.find_columns(first, first)[0]] = Load(
            str(each.visits),
            ngettext("One visit", "%(num)s visits", each.visits),
            -(-4 * each.visits // most),
            _link_to_month(first, city=each.city),
        )
    drawn, holidays = _make_city_rows(
        timeline, {name: [[Cell(1, load) for load in of_city]] for name, of_city in loads.items()}
    )
    return _render(timeline, "cities", holidays, drawn, answer=None, counted=sum(each.visits for each in counts))


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


def _list_holidays(
    timeline: Timeline, of_cities: Sequence[str] = ()
) -> Mapping[str, Sequence[calendars_pb2.DateReason]]:
    """Return the holidays of the home city and others in a span; without days off in a year: they are too narrow."""
    found: defaultdict[str, list[calendars_pb2.DateReason]] = defaultdict(list)
    wanted = [current_app.config["HOME_CITY"], *of_cities][:MOST_CITIES]
    for each in list_holidays(wanted, timeline.first, timeline.last, without_days_off=timeline.view == "year"):
        found[each.subject].append(each)
    return found


def _draw(timeline: Timeline, holidays: Mapping[str, Sequence[calendars_pb2.DateReason]], city: str) -> list[Mark]:
    """Return what is drawn behind the row of a city: the home city's days above its own."""
    names = cities.get_city_names()
    return [
        Mark(
            DRAWN[kind],
            *timeline.scale(date_of(each.start_date), date_of(each.end_date)),
            band,
            describe_reason(each, names),
        )
        for band, of_city in enumerate((current_app.config["HOME_CITY"], city))
        for kind in DRAWN
        for each in holidays.get(of_city, ())
        if each.kind == kind
    ]


def _show_occupancies(timeline: Timeline, rows: str) -> ResponseReturnValue:
    answer = rpc.calendars.ListOccupancies(
        calendars_pb2.ListOccupanciesRequest(
            **list_filters.read_paging(),
            kind=OCCUPANCIES[rows],
            **_get_span(timeline),
        )
    )
    holidays = _list_holidays(timeline)
    marks = _draw(timeline, holidays, current_app.config["HOME_CITY"])
    return _render(
        timeline,
        rows,
        holidays,
        [
            Row(each.title, "", [_fill(timeline, each.days)], [*marks, *_draw_busy(timeline, each.days)])
            for each in answer.occupancies
        ],
        answer=answer,
    )


def _draw_busy(timeline: Timeline, days: Iterable[calendars_pb2.DayOccupancy]) -> list[Mark]:
    """Return the days on which somebody is busy by their own calendar, drawn in both halves of the row."""
    busy = [date_of(each.date) for each in days if timedelta(minutes=each.busy_minutes) >= BUSY_DAY]
    return [Mark("busy", *timeline.scale(day, day), band, _("Busy (own calendar)")) for day in busy for band in (0, 1)]


def _fill(timeline: Timeline, days: Iterable[calendars_pb2.DayOccupancy]) -> list[Cell[Load]]:
    """Return what is booked in each column, and on how many of its days somebody is busy."""
    minutes, items, busy = ([0] * len(timeline.columns) for _number in range(3))
    for day in days:
        column, _column = timeline.find_columns(date_of(day.date), date_of(day.date))
        minutes[column] += day.minutes
        items[column] += day.items
        busy[column] += timedelta(minutes=day.busy_minutes) >= BUSY_DAY
    return [
        Cell(1, _weigh(timeline, each, minutes[column], items[column], busy[column]))
        for column, each in enumerate(timeline.columns)
    ]


def _weigh(timeline: Timeline, column: tuple[date, date], minutes: int, items: int, busy: int) -> Load | None:
    """Return the number of a column; None where there is nothing to tell."""
    first, last = column
    working = sum(day.weekday() < 5 for day in list_days(first, last)) or 1
    level = -(-4 * timedelta(minutes=minutes) // (WORKING_DAY * working))
    number = round(minutes / 60, 1)
    hours = format_decimal(number)
    words = []
    if items:
        booked = ngettext("%(hours)s hour", "%(hours)s hours", 1 if number == 1 else 2, hours=hours)
        words.append(ngettext("%(hours)s in one item", "%(hours)s in %(num)s items", items, hours=booked))
    if busy:
        words.append(
            ngettext(
                "busy on one day (own calendar)",
                "busy on %(num)s days (own calendar)",
                busy,
            )
        )
    address = "" if timeline.view == "month" or not items else _link_to_month(first)
    return Load(hours if items else "–", "; ".join(words), min(4, level), address) if words else None


def _render(
    timeline: Timeline,
    rows: str,
    holidays: Mapping[str, Sequence[calendars_pb2.DateReason]],
    drawn: Sequence[Row],
    **more: Any,
) -> ResponseReturnValue:
    today = cities.get_home_day()
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
        undated=None if rows in OCCUPANCIES else _list_undated(),
        **{"unvisited": [], "nearest": None, "counted": 0, **more},
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
    text = format_short_days(first, last) if timeline.view == "quarter" else format_parts("MMM", first)
    return {"text": text, "below": "", "address": _link_to_month(first)}


def _link_to_month(day: date, **more: str) -> str:
    return get_page_url(view="month", page_token="", **{"from": day.isoformat(), **more})


def _list_row_choices() -> list[tuple[str, str]]:
    """Return what the rows can be, as far as the reader may see it."""
    choices = [("", _("Partner cities")), ("departments", _("Departments"))]
    if may("CalendarService.ListOccupancies"):
        choices.append(("rooms", _("Rooms")))
    if may("PersonService.ListPeople"):
        choices += [("interpreters", _("Interpreters")), ("people", _("People"))]
    return choices
