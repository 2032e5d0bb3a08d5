"""
What must hold after a run, found out over REST alone, by somebody who knows nothing but the notes of those who wrote.
"""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

import nats
from nats.js.errors import NotFoundError

from chassis.jetstream import DEAD_LETTERS
from tests.bench.client import Client
from tests.chaos.work import ITEM, OBSERVATION, SPAN, Notes

# After the last fault, everything is in step again without a hand.
LEVEL_SECONDS = 60.0


def check(url: str, nats_url: str, notes: Notes) -> list[str]:
    """Return what does not hold, in sentences; nothing where all is well."""
    client = Client(url)
    late = [*_await_level(client, notes)]
    return [*notes.defects, *late, *_check_learnings(client, notes), *_check_visits(client, notes),
            *_check_bookings(client, notes), *_check_forums(client, notes), *_check_dead_letters(nats_url)]  # fmt: skip


def is_ready(url: str) -> bool:
    """Return whether the platform says that every part works."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def find(client: Client, title: str) -> list[str]:
    """Return the names of the learnings that are found by the last word of a title, which no other text has."""
    word = title.rpartition(" ")[2]
    results = client.get("/api/v1/learnings:search", query=f'"{word}"')["results"]
    return [result["learning"]["name"] for result in results]


def _await_level(client: Client, notes: Notes) -> Iterator[str]:
    """Wait until every part works and each learning of the notes is found; say which are not."""
    until = time.monotonic() + LEVEL_SECONDS
    while not is_ready(client.url):
        if time.monotonic() > until:
            yield f"the platform is not ready: {_readiness(client.url)}"
            return
        time.sleep(0.2)
    titles = {*notes.learnings, *notes.reports}
    while (wrong := _list_not_found_once(client, titles)) and time.monotonic() < until:
        time.sleep(0.5)
    yield from (f"a search finds {title!r} {times} times" for title, times in wrong.items())


def _list_not_found_once(client: Client, titles: Iterable[str]) -> dict[str, int]:
    """Return of the titles of learnings that a search does not find once how often it finds them."""
    results = client.list_all("learnings:search", "results", query=f'"{OBSERVATION}"')
    found = Counter(result["learning"]["title"] for result in results)
    return {title: found[title] for title in titles if found[title] != 1}


def _readiness(url: str) -> str:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return json.dumps(json.load(error))
    except OSError as error:
        return str(error)


def _check_learnings(client: Client, notes: Notes) -> Iterator[str]:
    learnings = list(client.list_all("learnings"))
    copies = Counter(learning["title"] for learning in learnings)
    by_title = {learning["title"]: learning for learning in learnings}
    by_source = defaultdict(list)
    for learning in learnings:
        by_source[learning.get("source", "")].append(learning["title"])
    for title, name in notes.learnings.items():
        if copies[title] != 1:
            yield f"{name} was recorded, and is there {copies[title]} times"
        elif by_title[title]["name"] != name:
            yield f"{name} was recorded, and is {by_title[title]['name']}"
    for title, visit in notes.reports.items():
        if by_source[visit] != [title]:
            yield f"{visit} was reported with {title!r}; its learnings are {by_source[visit]}"
    known = {*notes.learnings, *notes.reports}
    for title in copies:
        if title.startswith(("Learning w", "Report w")) and title not in known:
            yield f"{title!r} is there, and nobody was told so"


def _check_visits(client: Client, notes: Notes) -> Iterator[str]:
    visits = list(client.list_all("visits"))
    by_name = {visit["name"]: visit for visit in visits}
    for title, times in Counter(visit["title"] for visit in visits if visit["title"].startswith("Visit w")).items():
        if times != 1:
            yield f"{title!r} is there {times} times"
    for name in notes.reports.values():
        if by_name[name]["state"] != "STATE_REPORTED":
            yield f"{name} was reported, and is {by_name[name]['state']}"
        for parts in ("delegates", "agendaItems"):
            count = len(list(client.list_all(f"{name}/{parts}", parts)))
            if count != 1:
                yield f"{name} has {count} {parts}, and was given one"
    for (name, who), far in notes.counted.items():
        counts = dict(part.split("=") for part in by_name[name]["title"].split())
        if int(counts[who]) != far:
            yield f"{who} counted to {far} in {name}, which says {counts[who]}"


def _check_bookings(client: Client, notes: Notes) -> Iterator[str]:
    """Every room was booked once, for an hour: by the list of bookings, and by what is added up for the day."""
    booked = defaultdict(list)
    for booking in client.list_all("bookings", **ITEM):
        booked[booking["resource"]].append(booking["agendaItem"].partition("/agendaItems/")[0])
    rooms = client.list_all("occupancies", kind="KIND_ROOM", **SPAN)
    minutes = {each["resource"]: [day["minutes"] for day in each["days"]] for each in rooms}
    for room, visit in notes.rooms.items():
        if booked[room] != [visit]:
            yield f"{room} was booked for {visit}, and is listed for {booked[room]}"
        if minutes.get(room) != [60]:
            yield f"{room} was booked for 60 minutes, which are added up to {minutes.get(room)}"


def _check_forums(client: Client, notes: Notes) -> Iterator[str]:
    forums = list(client.list_all("forums"))
    copies = Counter(forum["title"] for forum in forums)
    for title, name in notes.forums.items():
        if copies[title] != 1:
            yield f"{name} was opened, and is there {copies[title]} times"


def _check_dead_letters(nats_url: str) -> Iterator[str]:
    async def count() -> int:
        connection = await nats.connect(nats_url)
        try:
            info = await connection.jetstream().stream_info(DEAD_LETTERS)
            return int(info.state.messages)
        except NotFoundError:
            return 0
        finally:
            await connection.close()

    if dead := asyncio.run(count()):
        yield f"{dead} events were given up"
