"""What somebody who subscribes sees: visits with their programmes, and what is due for their department."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from austausch.exchange.v1 import exchange_pb2
from austausch.forum.v1 import forum_pb2
from austausch.knowledge.v1 import knowledge_pb2
from flask import current_app
from flask_babel import gettext as _
from google.type.date_pb2 import Date
from icalendar import Calendar, Event

from chassis.convert import date_message, date_of
from gateway import rpc
from gateway.auth.callers import require_caller
from gateway.auth.permissions import may
from gateway.pages.calendar_files.events import (
    add_zones,
    ask_to_refresh,
    make_calendar,
    make_due_event,
    make_item_event,
    make_visit_event,
)
from gateway.pages.calendar_files.programme import get_street_addresses
from gateway.vocabulary import cities

WEEKS_BACK, WEEKS_AHEAD = 8, 52
# Visits and items, the first ones; recommendations; and learnings, whose texts are long.
MOST, MOST_REVIEWS = 1000, 200
Recommendation, Learning = forum_pb2.Recommendation, knowledge_pb2.Learning
# The states of a recommendation in which its department has something to do.
OPEN_STATES = (
    Recommendation.STATE_ADOPTED,
    Recommendation.STATE_ANSWERED,
    Recommendation.STATE_PLANNED,
    Recommendation.STATE_IN_PROGRESS,
)
STEPS = frozenset({"answer", "plan", "start", "implement"})
SET_ASIDE_STATES = (Learning.STATE_REJECTED, Learning.STATE_SUPERSEDED)


def build_calendar() -> Calendar:
    """Return the calendar of who makes the current request: what lies in the last weeks and in the next year."""
    today = cities.get_home_day()
    first, last = today - timedelta(weeks=WEEKS_BACK), today + timedelta(weeks=WEEKS_AHEAD)
    calendar = make_calendar(_("Visits: %(city)s", city=cities.get_home_city_name()))
    ask_to_refresh(calendar)
    visits = _list_visits(first, last) if may("VisitService.ListVisits") else {}
    zones = {current_app.config["HOME_TIME_ZONE"], *(visit.time_zone for visit in visits.values())}
    starts = [date_of(visit.start_date) for visit in visits.values()]
    ends = [date_of(visit.end_date) for visit in visits.values()]
    add_zones(calendar, zones, min([first, *starts]), max([last, *ends]))
    for visit in visits.values():
        calendar.add_component(make_visit_event(visit))
    for event in (*_list_items(visits, first, last), *_list_due(first, last), *_list_reviews(first, last)):
        calendar.add_component(event)
    return calendar


def _list_visits(first: date, last: date) -> Mapping[str, exchange_pb2.Visit]:
    """Return the visits that take place in a span, by resource name."""
    wanted = exchange_pb2.ListVisitsRequest(
        page_size=MOST, order_by="start_date", from_date=date_message(first), to_date=date_message(last)
    )
    cancelled = exchange_pb2.Visit.STATE_CANCELLED
    return {visit.name: visit for visit in rpc.visits.ListVisits(wanted).visits if visit.state != cancelled}


def _list_items(visits: Mapping[str, exchange_pb2.Visit], first: date, last: date) -> Iterator[Event]:
    """Yield the items of visits that have a time; they keep nobody busy, for who sees a visit need not be on it."""
    if not visits:
        return
    wanted = exchange_pb2.ListAgendaItemsRequest(
        parent="visits/-", page_size=MOST, from_date=date_message(first), to_date=date_message(last)
    )
    items = rpc.agenda_items.ListAgendaItems(wanted).agenda_items
    addresses = get_street_addresses(items)
    for item in items:
        visit = visits.get(item.name.partition("/agendaItems/")[0])
        if visit and item.HasField("start_time"):
            yield make_item_event(item, visit, addresses, busy=False)


def _list_due(first: date, last: date) -> Iterator[Event]:
    """Yield the days in a span on which recommendations are due that the reader may carry out."""
    if not may("RecommendationService.PlanRecommendation"):
        return
    wanted = forum_pb2.ListRecommendationsRequest(parent="forums/-", states=OPEN_STATES, page_size=MOST)
    for each in rpc.recommendations.ListRecommendations(wanted).recommendations:
        if _lies_within(each.due_date, first, last) and not STEPS.isdisjoint(each.allowed_transitions):
            title, lines = _("Due: %(title)s", title=each.title), [each.forum_title, each.owner_department]
            yield make_due_event(each.name, title, date_of(each.due_date), each.update_time, int(each.etag), lines)


def _list_reviews(first: date, last: date) -> Iterator[Event]:
    """Yield the days in a span on which learnings that the reader's department owns are to be looked at again."""
    department = require_caller().identity.department
    if not department or not may("LearningService.ListLearnings"):
        return
    wanted = knowledge_pb2.ListLearningsRequest(owner=department, with_review_date=True, page_size=MOST_REVIEWS)
    for each in rpc.learnings.ListLearnings(wanted).learnings:
        if _lies_within(each.review_date, first, last) and each.state not in SET_ASIDE_STATES:
            title = _("Look at again: %(title)s", title=each.title)
            yield make_due_event(each.name, title, date_of(each.review_date), each.update_time, int(each.etag), [])


def _lies_within(day: Date, first: date, last: date) -> bool:
    return day.year > 0 and first <= date_of(day) <= last
