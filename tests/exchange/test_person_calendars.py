"""Calendars of people: who keeps them, what is kept of them, and what their readings say."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from austausch.exchange.v1 import exchange_pb2
from austausch.exchange.v1 import person_calendars_pb2 as pb
from austausch.exchange.v1.exchange_pb2 import Person
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import func, select, text, update

from chassis.model import now
from services.exchange import calendar_refresh
from services.exchange.calendar_lines import strip_text
from services.exchange.calendar_process import CalendarReader
from services.exchange.model import Calendar as Row
from tests import factories
from tests.calls import Caller, Keys, RunningService
from tests.conftest import Nats, run_service
from tests.exchange.calendar_server import CalendarServer, serve
from tests.exchange.calendars import BROKEN, SOON, at, list_busy, make_calendar, upload
from tests.exchange.conftest import DEPARTMENT
from tests.refusals import refused

State, Kind = pb.Calendar.State, pb.Calendar.Kind
SECRET = "s3cret"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CalendarServer]:
    """A server of calendars on this machine."""
    with serve(tmp_path) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.crt"))
        yield running


@pytest.fixture
async def exchange(_exchange_url: str, nats_server: Nats, keys: Keys) -> AsyncIterator[RunningService]:
    """The exchange service, which may fetch calendars from this machine."""
    more = {"EXCHANGE_CALENDARS_ALLOWED": "localhost"}
    async with run_service("exchange", _exchange_url, nats_server, keys, **more) as running:
        yield running


@pytest.fixture
async def mayor(coordinator: Caller) -> Person:
    """Somebody of the department."""
    return await factories.person(coordinator, "mayor", function="Mayor", department=DEPARTMENT)


async def subscribe(caller: Caller, person: Person, url: str, **fields: str) -> pb.Calendar:
    """Give a person a calendar by URL."""
    calendar = pb.Calendar(display_name="Outlook", url=url)
    return await caller.CreateCalendar(pb.CreateCalendarRequest(parent=person.name, calendar=calendar, **fields))


async def refresh(caller: Caller, calendar: pb.Calendar) -> pb.Calendar:
    """Read a calendar again."""
    return await caller.RefreshCalendar(pb.RefreshCalendarRequest(name=calendar.name))


async def get(caller: Caller, calendar: pb.Calendar) -> pb.Calendar:
    """Return a calendar as it is now."""
    return await caller.GetCalendar(pb.GetCalendarRequest(name=calendar.name))


async def read_after(caller: Caller, calendar: pb.Calendar) -> None:
    """Wait until a calendar is read once more."""
    for _ in range(600):
        if (await get(caller, calendar)).try_time != calendar.try_time:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{calendar.name} is not read")


async def test_of_a_text_it_is_kept_when_somebody_is_busy_and_nothing_else(
    coordinator: Caller, exchange: RunningService, mayor: Person
) -> None:
    ics = make_calendar(
        (at(9), at(10)),
        *("SUMMARY:Dinner with Rhiannon", "LOCATION:At home", "ATTENDEE;CN=Rhiannon Price:mailto:r@example.org"),
        "DESCRIPTION:Folded over\r\n  two lines",
    )
    calendar = await upload(coordinator, mayor, ics)
    assert (calendar.kind, calendar.state, calendar.host) == (Kind.KIND_UPLOADED, State.STATE_CURRENT, "")
    assert calendar.HasField("read_time")
    assert (calendar.ics, calendar.url) == ("", "")
    assert await list_busy(coordinator, mayor) == [(at(9), at(10))]
    async with exchange.database.read() as session:
        kept = str((await session.execute(text("SELECT calendars::text FROM calendars"))).scalars().all())
    assert "DTSTART" in kept
    for told in ("Rhiannon", "home", "example.org", "lines"):
        assert told not in kept


def test_what_is_stripped_of_a_calendar_does_not_change_what_is_read_of_it() -> None:
    ics = make_calendar((at(9), at(10)), "SUMMARY:Dinner", "X-SOMETHING;A=b:c", zone=True)
    assert "Dinner" not in strip_text(ics)
    assert strip_text(strip_text(ics)) == strip_text(ics)
    assert "TZOFFSETTO:+0200" in strip_text(ics)


async def test_a_text_that_cannot_be_read_is_refused_with_its_line(coordinator: Caller, mayor: Person) -> None:
    with refused("INVALID_ARGUMENT", "CALENDAR_LINE_UNREADABLE") as refusal:
        await upload(coordinator, mayor, BROKEN)
    (violation,) = refusal.error.violations
    assert (violation.field, violation.metadata["line"]) == ("calendar.ics", "6")
    assert not (await coordinator.ListCalendars(pb.ListCalendarsRequest(parent=mayor.name))).calendars


async def test_what_stands_at_a_url_is_read_at_once(coordinator: Caller, mayor: Person, server: CalendarServer) -> None:
    url = server.put(f"/mayor.ics?key={SECRET}", make_calendar((at(9), at(10))))
    for given in (url, url.replace("https://", "webcal://")):
        calendar = await subscribe(coordinator, mayor, given)
        assert (calendar.kind, calendar.state, calendar.host) == (
            Kind.KIND_SUBSCRIBED,
            State.STATE_CURRENT,
            "localhost",
        )
    assert await list_busy(coordinator, mayor) == [(at(9), at(10))]


async def test_the_last_good_reading_is_used_while_a_later_one_fails(
    coordinator: Caller, mayor: Person, server: CalendarServer
) -> None:
    calendar = await subscribe(coordinator, mayor, server.put("/mayor.ics", make_calendar((at(9), at(10)))))
    read = calendar.read_time
    server.put("/mayor.ics", BROKEN)
    broken = await refresh(coordinator, calendar)
    assert (broken.state, broken.read_time) == (State.STATE_OUTDATED, read)
    assert (broken.failure.reason, broken.failure.line) == ("CALENDAR_LINE_UNREADABLE", 6)
    server.put("/mayor.ics", "gone", 503)
    away = await refresh(coordinator, calendar)
    assert (away.failure.reason, away.failure.line, away.failure.http_status) == ("CALENDAR_ANSWER_UNUSABLE", 0, 503)
    assert await list_busy(coordinator, mayor) == [(at(9), at(10))]
    server.put("/mayor.ics", make_calendar((at(14), at(15))))
    again = await refresh(coordinator, calendar)
    assert (again.state, again.HasField("failure")) == (State.STATE_CURRENT, False)
    assert again.etag == calendar.etag, "to read it is no change"
    assert await list_busy(coordinator, mayor) == [(at(14), at(15))]


async def test_a_url_that_was_never_read_says_why(coordinator: Caller, mayor: Person, server: CalendarServer) -> None:
    page = await subscribe(coordinator, mayor, server.put("/page.html", "<!doctype html>\n<title>Sign in</title>"))
    assert (page.state, page.failure.reason, page.failure.line) == (
        State.STATE_UNREADABLE,
        "CALENDAR_LINE_UNREADABLE",
        1,
    )
    inner = await subscribe(coordinator, mayor, server.put("/x.ics", "").replace("localhost", "127.0.0.1"))
    assert (inner.state, inner.failure.reason) == (State.STATE_UNREADABLE, "CALENDAR_ADDRESS_FORBIDDEN")
    assert await list_busy(coordinator, mayor) == []


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({}, "required", "calendar.url"),
        ({"url": "https://a.example/x", "ics": "BEGIN:VCALENDAR"}, "CALENDAR_OF_TWO_SOURCES", "calendar.ics"),
        ({"url": "http://a.example/x.ics"}, "CALENDAR_SCHEME_FORBIDDEN", "calendar.url"),
        ({"url": "file:///etc/passwd"}, "CALENDAR_URL_MALFORMED", "calendar.url"),
        ({"url": "https://a.example:port/x.ics"}, "CALENDAR_URL_MALFORMED", "calendar.url"),
        ({"url": "https:///x.ics"}, "CALENDAR_URL_MALFORMED", "calendar.url"),
    ],
)
async def test_a_calendar_has_one_source_that_can_be_fetched(
    coordinator: Caller, mayor: Person, fields: dict[str, str], reason: str, field: str
) -> None:
    calendar = pb.Calendar(display_name="Outlook", **fields)
    with refused("INVALID_ARGUMENT") as refusal:
        await coordinator.CreateCalendar(pb.CreateCalendarRequest(parent=mayor.name, calendar=calendar))
    assert refusal.reasons == {field: reason}


async def test_nobody_is_told_the_url_again(
    coordinator: Caller,
    exchange: RunningService,
    mayor: Person,
    server: CalendarServer,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[object] = []
    for path, answer in (("/a", make_calendar((at(9), at(10)))), ("/b", BROKEN), ("/c", "")):
        url = server.put(f"{path}?{SECRET}", answer, 200 if answer else 404).replace("://", f"://mayor:{SECRET}@")
        calendar = await subscribe(coordinator, mayor, url)
        told += [calendar, await refresh(coordinator, calendar), await get(coordinator, calendar)]
    told.append(await coordinator.ListCalendars(pb.ListCalendarsRequest(parent=mayor.name)))
    for url in (f"http://a.example/{SECRET}", f"https://a.example:{SECRET}/x", f"{SECRET}://x"):
        with refused("INVALID_ARGUMENT") as refusal:
            await subscribe(coordinator, mayor, url)
        told += [refusal.error, refusal.error.metadata, refusal.error.violations]
    async with exchange.database.read() as session:
        told += (await session.execute(text("SELECT outbox::text FROM outbox"))).scalars()
        told += (await session.execute(text("SELECT encode(answer, 'escape') FROM request_ids"))).scalars()
    told += [caplog.text, *capfd.readouterr()]
    assert all(SECRET not in str(each) for each in told)
    assert server.asked[0][0].endswith(SECRET)


async def test_a_department_keeps_the_calendars_of_its_own_people(
    coordinator: Caller, member: Caller, other_member: Caller, mayor: Person
) -> None:
    calendar = await upload(member, mayor, make_calendar((at(9), at(10))))
    renamed = pb.UpdateCalendarRequest(calendar=pb.Calendar(name=calendar.name, display_name="Exchange"))
    for call in (
        other_member.GetCalendar(pb.GetCalendarRequest(name=calendar.name)),
        other_member.ListCalendars(pb.ListCalendarsRequest(parent=mayor.name)),
        upload(other_member, mayor, make_calendar((at(9), at(10)))),
        other_member.UpdateCalendar(renamed),
        other_member.RefreshCalendar(pb.RefreshCalendarRequest(name=calendar.name)),
        other_member.DeleteCalendar(pb.DeleteCalendarRequest(name=calendar.name)),
    ):
        with refused("PERMISSION_DENIED", "NOT_DEPARTMENT_OF_PERSON"):
            await call
    # When somebody is busy all may know who plan.
    assert await list_busy(other_member, mayor) == [(at(9), at(10))]
    asked = exchange_pb2.GetPersonRequest(name=mayor.name)
    editable = [(await each.GetPerson(asked)).calendars_editable for each in (coordinator, member, other_member)]
    assert editable == [True, True, False]
    assert (await member.UpdateCalendar(renamed)).display_name == "Exchange"


async def test_another_source_takes_the_place_of_the_one_before(
    coordinator: Caller, mayor: Person, server: CalendarServer
) -> None:
    url = server.put("/mayor.ics", make_calendar((at(9), at(10))))
    calendar = await subscribe(coordinator, mayor, url)

    async def change(**fields: str) -> pb.Calendar:
        wanted = pb.Calendar(name=calendar.name, **fields)
        return await coordinator.UpdateCalendar(
            pb.UpdateCalendarRequest(calendar=wanted, update_mask=FieldMask(paths=fields.keys() - {"etag"}))
        )

    uploaded = await change(ics=make_calendar((at(11), at(12))))
    assert (uploaded.kind, uploaded.state, uploaded.host) == (Kind.KIND_UPLOADED, State.STATE_CURRENT, "")
    assert await list_busy(coordinator, mayor) == [(at(11), at(12))]
    with refused("INVALID_ARGUMENT", "CALENDAR_LINE_UNREADABLE"):
        await change(ics=BROKEN)
    assert await list_busy(coordinator, mayor) == [(at(11), at(12))]
    subscribed = await change(url=server.put("/gone.ics", "", 404), display_name="New")
    assert (subscribed.state, subscribed.display_name) == (State.STATE_UNREADABLE, "New")
    assert await list_busy(coordinator, mayor) == []
    assert (await change(url=url)).state == State.STATE_CURRENT
    with refused("INVALID_ARGUMENT") as refusal:
        await change(url="")
    assert refusal.reasons == {"calendar.url": "required"}
    with refused("ABORTED", "ETAG_MISMATCH"):
        await change(display_name="Outlook", etag=calendar.etag)


async def test_a_person_has_so_many_calendars_at_most(coordinator: Caller, mayor: Person) -> None:
    for _ in range(10):
        await upload(coordinator, mayor, make_calendar((at(9), at(10))))
    with refused("FAILED_PRECONDITION", "TOO_MANY_CALENDARS") as refusal:
        await upload(coordinator, mayor, make_calendar((at(9), at(10))))
    assert refusal.metadata == {"max": "10"}


async def test_the_same_request_makes_one_calendar(coordinator: Caller, mayor: Person, server: CalendarServer) -> None:
    request_id = "7b0e0d2e-1f0c-4b5e-9d5c-0f1a2b3c4d5e"
    url = server.put("/mayor.ics", make_calendar((at(9), at(10))))
    first, second = [await subscribe(coordinator, mayor, url, request_id=request_id) for _ in range(2)]
    assert first == second
    assert len(server.asked) == 1
    await coordinator.DeleteCalendar(pb.DeleteCalendarRequest(name=first.name))
    assert (await subscribe(coordinator, mayor, url, request_id=request_id)).name == first.name
    assert not (await coordinator.ListCalendars(pb.ListCalendarsRequest(parent=mayor.name))).calendars


async def test_calendars_go_with_the_person(coordinator: Caller, exchange: RunningService, mayor: Person) -> None:
    await upload(coordinator, mayor, make_calendar((at(9), at(10))))
    await coordinator.DeletePerson(exchange_pb2.DeletePersonRequest(name=mayor.name))
    async with exchange.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Row)) == 0


async def test_what_is_due_is_read_again_by_one_process(
    coordinator: Caller,
    exchange: RunningService,
    mayor: Person,
    server: CalendarServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calendar_refresh, "IDLE_SECONDS", 0.2)
    fetched = await subscribe(coordinator, mayor, server.put("/mayor.ics", make_calendar((at(9), at(10)))))
    uploaded = await upload(coordinator, mayor, make_calendar((at(11), at(12))))
    server.put("/mayor.ics", make_calendar((at(14), at(15))))
    server.asked.clear()
    build = calendar_refresh.CalendarRefresh
    fetcher = calendar_refresh.CalendarFetcher("localhost", allows_http=False)
    others = [build(exchange.database, factories.HOME_CITY, fetcher, CalendarReader()) for _ in range(2)]
    async with exchange.database.begin() as session:
        await session.execute(update(Row).values(next_read_time=now()))
    tasks = [asyncio.create_task(each.work()) for each in others]
    for calendar in (fetched, uploaded):
        await read_after(coordinator, calendar)
    await asyncio.sleep(1)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=60)
    assert all(task.cancelled() for task in tasks)
    assert [path for path, _ in server.asked] == ["/mayor.ics"]
    assert await list_busy(coordinator, mayor) == [(at(11), at(12)), (at(14), at(15))]
    async with exchange.database.read() as session:
        due = {row.url != "": row.next_read_time - now() for row in await session.scalars(select(Row))}
    assert timedelta(minutes=47) < due[True] < timedelta(minutes=73)
    assert timedelta(hours=19) < due[False] < timedelta(hours=29)


async def test_a_reading_of_what_stood_there_before_is_dropped(
    coordinator: Caller, exchange: RunningService, mayor: Person, server: CalendarServer
) -> None:
    url = server.put("/mayor.ics", make_calendar((at(9), at(10))))
    calendar = await subscribe(coordinator, mayor, url)
    fetcher = calendar_refresh.CalendarFetcher("localhost", allows_http=False)
    refresh = calendar_refresh.CalendarRefresh(exchange.database, factories.HOME_CITY, fetcher, CalendarReader())
    due = await refresh._take(Row.id == calendar.name.rpartition("/")[2])
    assert due is not None
    wanted = pb.Calendar(name=calendar.name, ics=make_calendar((at(11), at(12))))
    await coordinator.UpdateCalendar(pb.UpdateCalendarRequest(calendar=wanted))
    await refresh._read(due)
    assert await list_busy(coordinator, mayor) == [(at(11), at(12))]


async def test_what_repeats_is_known_for_twenty_months(coordinator: Caller, mayor: Person) -> None:
    daily = make_calendar((at(9), at(10)), "RRULE:FREQ=WEEKLY")
    await upload(coordinator, mayor, daily)
    weeks = list(itertools.islice(itertools.count(0, 4), 20))
    for week in weeks:
        later = timedelta(weeks=week)
        assert len(await list_busy(coordinator, mayor, start=SOON + later, days=7)) == 1
    assert await list_busy(coordinator, mayor, start=datetime.now(SOON.tzinfo) + timedelta(days=615), days=30) == []


async def test_who_is_busy_is_listed_by_pages_and_for_so_long_at_most(coordinator: Caller) -> None:
    for function in ("Driver", "Mayor", "Zoo keeper"):
        person = await factories.person(coordinator, function=function)
        if function != "Mayor":
            await upload(coordinator, person, make_calendar((at(9), at(10))))
    # Days of 24 hours, whether or not the clocks change in between.
    end = at(0) + timedelta(days=62)
    request = pb.ListBusySpansRequest(start_time=factories.moment(at(0)), end_time=factories.moment(end), page_size=1)
    first = await coordinator.ListBusySpans(request)
    request.page_token = first.next_page_token
    second = await coordinator.ListBusySpans(request)
    assert (len(first.people), len(second.people), first.total_size, second.next_page_token) == (1, 1, 2, "")
    assert first.people[0].person != second.people[0].person
    request.end_time.FromDatetime(end + timedelta(days=1))
    with refused("INVALID_ARGUMENT", "SPAN_TOO_LONG") as refusal:
        await coordinator.ListBusySpans(request)
    assert refusal.fields == ["end_time"]
