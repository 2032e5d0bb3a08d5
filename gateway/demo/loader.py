"""
Loads the demo data through the services, as the international office would enter it.

Every create carries a request id that follows from what is created, and every transition is taken only where it is
still to be taken: an interrupted load can be repeated, and adds what is missing.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import exchange_pb2 as exchange
from austausch.exchange.v1 import programme_templates_pb2 as programme_templates
from austausch.exchange.v1 import venues_pb2 as venues
from austausch.forum.v1 import forum_pb2 as forum
from austausch.knowledge.v1 import knowledge_pb2 as knowledge
from google.protobuf.message import Message

from chassis.convert import date_message
from gateway import rpc
from gateway.accounts.account_admin import create_account_with_password, list_emails
from gateway.accounts.database import AccountsDatabase
from gateway.demo.accounts import ACCOUNTS, PASSWORD, get_email
from gateway.demo.cities import CITIES
from gateway.demo.conference import CONFERENCE, CONFERENCE_VISIT
from gateway.demo.examples import EXAMPLES
from gateway.demo.exchanges import HEBRON, PEOPLE, ROOMS, SWANSEA, VENUES, DemoExchange, DemoItem, DemoVisit, Guests
from gateway.demo.forum import (
    ACCEPTED,
    CONCLUSIONS,
    FORUM,
    FORUM_ID,
    FORUM_NAME,
    NODES,
    WORKING_GROUPS,
    DemoConclusion,
    build_panel,
)

MANNHEIM = ZoneInfo("Europe/Berlin")
EXCHANGES = (SWANSEA, HEBRON, CONFERENCE, *EXAMPLES)
# From a visit's debrief to learnings that can be found, at most.
LEARNINGS_SECONDS = 20.0


class ForeignData(Exception):
    """There is something that the demo data did not bring."""


def refuse_foreign() -> None:
    """
    Raise if a service holds anything that is not demo data.

    Raises:
        ForeignData: There is something else; the message names it.
    """
    known = {
        "city": {city.name for city in CITIES},
        "exchange": {demo.exchange.title for demo in EXCHANGES},
        "visit": {visit.title for demo in EXCHANGES for visit in demo.visits},
        "forum": {FORUM_NAME},
        "learning": {entry.title for entry in _list_debrief_entries()}
        | {recommendation.title for demo in CONCLUSIONS.values() for recommendation in demo.recommendations.values()}
        | {demo.conclusion.title for demo in CONCLUSIONS.values()},
    }
    present = {
        "city": [city.name for city in rpc.cities.ListCities(exchange.ListCitiesRequest(page_size=100)).cities],
        "exchange": [
            one.title for one in rpc.exchanges.ListExchanges(exchange.ListExchangesRequest(page_size=100)).exchanges
        ],
        "visit": [visit.title for visit in rpc.visits.ListVisits(exchange.ListVisitsRequest(page_size=100)).visits],
        "forum": [one.name for one in rpc.forums.ListForums(forum.ListForumsRequest(page_size=100)).forums],
        "learning": [
            learning.title
            for learning in rpc.learnings.ListLearnings(knowledge.ListLearningsRequest(page_size=100)).learnings
        ],
    }
    for kind, names in present.items():
        for name in names:
            if name not in known[kind]:
                raise ForeignData(f"there is a {kind} that is not demo data: {name}")


def load() -> None:
    """Load everything but the accounts, and wait until the learnings can be found."""
    for city in CITIES:
        request = exchange.CreateCityRequest(city=city.to_message(), city_id=city.id)
        _create(rpc.cities.CreateCity, request, city.id)
    for venue_id, venue in VENUES.items():
        _create(rpc.venues.CreateVenue, venues.CreateVenueRequest(venue=venue, venue_id=venue_id), venue_id)
    for room_id, room in ROOMS.items():
        _create(rpc.rooms.CreateRoom, exchange.CreateRoomRequest(room=room, room_id=room_id), room_id)
    for person_id, person in PEOPLE.items():
        _create(rpc.people.CreatePerson, exchange.CreatePersonRequest(person=person, person_id=person_id), person_id)
    partnerships = {city.id: _load_partnership(city.name, city.bond) for city in CITIES if city.bond is not None}
    for demo in EXCHANGES:
        _load_exchange(demo, partnerships[demo.city])
    _load_forum()
    _await_learnings(len(_list_debrief_entries()))


def _list_debrief_entries() -> list[exchange.DebriefEntry]:
    """Return what the visits taught, from which the learnings come."""
    visits = [visit for demo in EXCHANGES for visit in demo.visits]
    return [entry for visit in visits if visit.debrief for entry in visit.debrief.entries]


def _create(call: Callable[[Any], Any], request: Any, *key: str) -> Any:
    """Create something once; a repeat returns what the first call created."""
    request.request_id = str(uuid5(NAMESPACE_URL, "/".join(("austausch-demo", type(request).__name__, *key))))
    return call(request)


def _advance(resource: Message, steps: dict[str, Callable[[], Any]]) -> None:
    """Take those of the steps (verb → call), one after the other, that are still to be taken."""
    current: Any = resource
    for verb, take in steps.items():
        if verb in current.allowed_transitions:
            current = take()


def _load_partnership(city: str, kind: int) -> str:
    """Bind Mannheim to a city, and return the partnership's name."""
    wanted = exchange.Partnership(city=city, kind=kind)  # type: ignore[arg-type]
    made = _create(rpc.partnerships.CreatePartnership, exchange.CreatePartnershipRequest(partnership=wanted), city)
    name: str = made.name
    client = rpc.partnerships
    _advance(
        client.GetPartnership(exchange.GetPartnershipRequest(name=name)),
        {
            "approve": lambda: client.ApprovePartnership(exchange.ApprovePartnershipRequest(name=name)),
            "sign": lambda: client.SignPartnership(exchange.SignPartnershipRequest(name=name)),
            "activate": lambda: client.ActivatePartnership(exchange.ActivatePartnershipRequest(name=name)),
        },
    )
    return name


def _load_exchange(demo: DemoExchange, partnership: str) -> None:
    """Create an exchange with its visits."""
    wanted = exchange.Exchange()
    wanted.CopyFrom(demo.exchange)
    wanted.partnership = partnership
    made = _create(
        rpc.exchanges.CreateExchange, exchange.CreateExchangeRequest(exchange=wanted), demo.city, wanted.title
    )
    present = rpc.visits.ListVisits(exchange.ListVisitsRequest(exchange=made.name, page_size=100)).visits
    # What an interrupted load created keeps its days, though today may be another day.
    there = {visit.title: visit for visit in present}
    for visit in demo.visits:
        loaded = there.get(visit.title) or _create_visit(made.name, visit, demo.city)
        _load_visit(demo.city, visit, loaded)
        if visit.kept_as:
            _keep_programme(loaded, visit.kept_as)


def _create_visit(exchange_name: str, plan: DemoVisit, city: str) -> exchange.Visit:
    """Create a visit as an idea."""
    first_day = plan.first_day(datetime.now(MANNHEIM).date())
    direction = exchange.Visit.DIRECTION_OUTGOING if plan.is_outgoing else exchange.Visit.DIRECTION_INCOMING
    wanted = exchange.Visit(
        title=plan.title,
        exchange=exchange_name,
        direction=direction,
        start_date=date_message(first_day),
        end_date=date_message(first_day and first_day + plan.lasts),
        host_department=plan.host_department,
        purpose=plan.purpose,
        other_guest_cities=[f"cities/{guest}" for guest in plan.other_delegations],
    )
    made: exchange.Visit = _create(rpc.visits.CreateVisit, exchange.CreateVisitRequest(visit=wanted), city, plan.title)
    return made


def _load_visit(city: str, plan: DemoVisit, visit: exchange.Visit) -> None:
    """Give a visit its programme, and take it through its states."""
    name, client = visit.name, rpc.visits
    if "agree" in visit.allowed_transitions:
        _load_programme(visit, plan, city)
    calls: dict[str, Callable[[], Any]] = {
        "agree": lambda: client.AgreeVisit(exchange.AgreeVisitRequest(name=name)),
        "plan": lambda: client.PlanVisit(exchange.PlanVisitRequest(name=name)),
        "confirm": lambda: client.ConfirmVisit(exchange.ConfirmVisitRequest(name=name)),
        "start": lambda: client.StartVisit(exchange.StartVisitRequest(name=name)),
        "report": lambda: client.ReportVisit(exchange.ReportVisitRequest(name=name, debrief=plan.debrief)),
        "close": lambda: client.CloseVisit(exchange.CloseVisitRequest(name=name)),
        "cancel": lambda: client.CancelVisit(exchange.CancelVisitRequest(name=name, reason=plan.reason)),
    }
    _advance(visit, {verb: calls[verb] for verb in plan.course})


def _load_programme(visit: exchange.Visit, plan: DemoVisit, city: str) -> None:
    """Name the delegations of a visit, and its agenda."""
    delegates = [
        *_list_delegates(visit.guest_city, plan.delegates),
        *(
            each
            for guest, guests in plan.other_delegations.items()
            for each in _list_delegates(f"cities/{guest}", guests)
        ),
    ]
    _create(
        rpc.delegates.BatchCreateDelegates,
        exchange.BatchCreateDelegatesRequest(parent=visit.name, delegates=delegates),
        city,
        plan.title,
    )
    if plan.agenda:
        _create(
            rpc.agenda_items.BatchCreateAgendaItems,
            exchange.BatchCreateAgendaItemsRequest(
                parent=visit.name, agenda_items=[_make_item(visit, plan, item) for item in plan.agenda]
            ),
            city,
            plan.title,
        )
    before: list[str] = []
    for title, minutes in plan.wishes:
        # All come after the first, and the last comes after all.
        after = before if title == plan.wishes[-1][0] else before[:1]
        wish = exchange.AgendaItem(
            title=title,
            duration_minutes=minutes,
            whole_delegation=True,
            needs_room=True,
            interpretation_languages=plan.interpretation,
            after=[exchange.AgendaItem.Predecessor(agenda_item=name) for name in after],
        )
        request = exchange.CreateAgendaItemRequest(parent=visit.name, agenda_item=wish)
        before.append(_create(rpc.agenda_items.CreateAgendaItem, request, city, plan.title, title).name)


def _list_delegates(city: str, guests: Guests) -> list[exchange.Delegate]:
    """Return the delegation of a city, which the first of its members heads."""
    return [
        exchange.Delegate(city=city, function=function, languages=languages, rank=rank, head=rank == 1)
        for rank, (function, languages) in enumerate(guests, start=1)
    ]


def _make_item(visit: exchange.Visit, plan: DemoVisit, item: DemoItem) -> exchange.AgendaItem:
    first = datetime(visit.start_date.year, visit.start_date.month, visit.start_date.day)  # noqa: DTZ001 - of the host
    start = (first + timedelta(days=item.day, hours=item.hour)).replace(tzinfo=ZoneInfo(visit.time_zone))
    return exchange.AgendaItem(
        title=item.title,
        start_time=start.astimezone(UTC),
        duration_minutes=item.minutes,
        room=f"rooms/{item.room}" if item.room else "",
        place=item.place,
        whole_delegation=not item.delegations,
        delegations=[f"cities/{city}" for city in item.delegations],
        interpretation_languages=plan.interpretation,
        interpreter=f"people/{plan.interpreter}" if plan.interpreter else "",
    )


def _keep_programme(visit: exchange.Visit, title: str) -> None:
    """Keep the programme of a visit as a template."""
    template = programme_templates.ProgrammeTemplate(title=title)
    request = programme_templates.CreateProgrammeTemplateRequest(programme_template=template, source=visit.name)
    _create(rpc.programme_templates.CreateProgrammeTemplate, request, title)


def _load_forum() -> None:
    """Create the forum with all that it holds."""
    meeting = forum.Forum(visit=_get_visit_name(CONFERENCE_VISIT))
    meeting.MergeFrom(FORUM)
    _create(rpc.forums.CreateForum, forum.CreateForumRequest(forum=meeting, forum_id=FORUM_ID))
    for node_id, node in NODES.items():
        wanted = forum.SubjectNode()
        wanted.CopyFrom(node)
        wanted.parent = _get_node_name(node.parent) if node.parent else ""
        wanted.fulfils[:] = [_get_node_name(commitment) for commitment in node.fulfils]
        request = forum.CreateSubjectNodeRequest(parent=FORUM_NAME, subject_node=wanted, subject_node_id=node_id)
        _create(rpc.subject_nodes.CreateSubjectNode, request, node_id)
    for panelist_id, panelist in build_panel().items():
        _load_panelist(panelist_id, panelist)
    for group_id, (group, nodes, cities) in WORKING_GROUPS.items():
        members = [f"{city}-{kind}" for city in cities for kind in ("verwaltung", "universitaet")]
        wanted_group = forum.WorkingGroup(
            title=group.title,
            nodes=[_get_node_name(node) for node in nodes],
            members=[f"{FORUM_NAME}/panelists/{member}" for member in members],
        )
        _create(
            rpc.working_groups.CreateWorkingGroup,
            forum.CreateWorkingGroupRequest(parent=FORUM_NAME, working_group=wanted_group, working_group_id=group_id),
            group_id,
        )
    for conclusion_id, demo in CONCLUSIONS.items():
        _load_conclusion(conclusion_id, demo)


def _get_visit_name(plan: DemoVisit) -> str:
    """Return the name of a visit that is loaded."""
    visits = rpc.visits.ListVisits(exchange.ListVisitsRequest(page_size=100)).visits
    return next(visit.name for visit in visits if visit.title == plan.title)


def _load_panelist(panelist_id: str, panelist: forum.Panelist) -> None:
    """Invite an expert, who accepts."""
    made = _create(
        rpc.panelists.CreatePanelist,
        forum.CreatePanelistRequest(parent=FORUM_NAME, panelist=panelist, panelist_id=panelist_id),
        panelist_id,
    )
    current = rpc.panelists.GetPanelist(forum.GetPanelistRequest(name=made.name))
    accept = forum.AcceptPanelistRequest(name=made.name)
    _advance(current, {"accept": lambda: rpc.panelists.AcceptPanelist(accept)})


def _load_conclusion(conclusion_id: str, demo: DemoConclusion) -> None:
    """Draft a conclusion with its recommendations, adopt it, and answer what is answered."""
    wanted = forum.Conclusion(
        title=demo.conclusion.title,
        text=demo.conclusion.text,
        language="de",
        working_groups=[f"{FORUM_NAME}/workingGroups/{group}" for group in demo.groups],
        nodes=[_get_node_name(node) for node in demo.nodes],
    )
    name = _create(
        rpc.conclusions.CreateConclusion,
        forum.CreateConclusionRequest(parent=FORUM_NAME, conclusion=wanted, conclusion_id=conclusion_id),
        conclusion_id,
    ).name
    for recommendation_id, recommendation in demo.recommendations.items():
        draft = forum.Recommendation(
            conclusion=name,
            title=recommendation.title,
            text=recommendation.text,
            language="de",
            owner_department=recommendation.owner_department,
        )
        _create(
            rpc.recommendations.CreateRecommendation,
            forum.CreateRecommendationRequest(
                parent=FORUM_NAME, recommendation=draft, recommendation_id=recommendation_id
            ),
            recommendation_id,
        )
    if not demo.adopted:
        return
    adopt = forum.AdoptConclusionRequest(name=name)
    current = rpc.conclusions.GetConclusion(forum.GetConclusionRequest(name=name))
    _advance(current, {"adopt": lambda: rpc.conclusions.AdoptConclusion(adopt)})
    for recommendation_id in demo.recommendations:
        if reason := ACCEPTED.get(recommendation_id):
            answer = forum.AnswerRecommendationRequest(
                name=f"{FORUM_NAME}/recommendations/{recommendation_id}",
                verdict=forum.Recommendation.Answer.VERDICT_ACCEPTED,
                reason=reason,
            )
            present = rpc.recommendations.GetRecommendation(forum.GetRecommendationRequest(name=answer.name))
            _advance(present, {"answer": partial(rpc.recommendations.AnswerRecommendation, answer)})


def _await_learnings(count: int) -> None:
    """Wait until the debriefs have become learnings; events bring them, so it takes a moment."""
    until = time.monotonic() + LEARNINGS_SECONDS
    request = knowledge.ListLearningsRequest(page_size=1)
    while rpc.learnings.ListLearnings(request).total_size < count and time.monotonic() < until:
        time.sleep(0.1)


def _get_node_name(node_id: str) -> str:
    return f"{FORUM_NAME}/subjectNodes/{node_id}"


def create_accounts(database: AccountsDatabase) -> None:
    """Create the demo accounts that are missing."""
    present = list_emails(database)
    for account in ACCOUNTS:
        if get_email(account) not in present:
            create_account_with_password(
                database,
                get_email(account),
                account.name,
                PASSWORD,
                sorted(account.roles),
                city=account.city,
                department=account.department,
                account_id=account.subject.removeprefix("accounts/"),
            )
