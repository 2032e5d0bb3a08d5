"""
Programmes with a plan that is known: first the plan is made up, then what it happens to meet is asked.

So each problem has an answer, however tightly it is asked; `contradict` adds something that no plan can meet.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

Json = dict[str, Any]
STEP = 5
DURATIONS = (15, 20, 30, 30, 45, 45, 60, 60, 90, 120)
PAIRS = ("ar-de", "de-uk", "de-zh", "de-tr", "de-he")
EQUIPMENT = ("beamer", "stage", "induction-loop")
FORMAT = "%Y-%m-%dT%H:%M"


@dataclass
class Shape:
    """How large a problem is, and how hard: shares are of the items."""

    items: int = 50
    days: int = 3
    rooms: int = 8
    people: int = 40
    interpreters: int = 0
    venues: int = 1
    fixed: float = 0.1
    windowed: float = 0.3
    related: float = 0.2


@dataclass
class Planted:
    """A problem and the plan that it was made from: item → its start and room."""

    problem: Json
    starts: dict[str, datetime] = field(default_factory=dict)
    rooms: dict[str, str] = field(default_factory=dict)
    interpreter: dict[str, str] = field(default_factory=dict)


def generate(shape: Shape, seed: int) -> Planted:
    """Return a problem of a shape with a plan for it; the same for the same seed."""
    return _Generator(shape, random.Random(seed)).generate()


class _Generator:
    def __init__(self, shape: Shape, chance: random.Random) -> None:
        self.shape, self.chance = shape, chance
        first = datetime.fromisoformat("2030-03-29T09:00")  # clocks change on the 31st
        self.days = [(first + timedelta(days=day), first + timedelta(days=day, hours=10)) for day in range(shape.days)]
        self.venues = [f"venue{number}" for number in range(shape.venues)]
        self.minutes = {
            frozenset((one, other)): chance.choice((10, 15, 25, 40))
            for place, one in enumerate(self.venues)
            for other in self.venues[:place]
        }
        self.rooms = [
            {
                "id": f"room{number}",
                "venue": self.venues[number % shape.venues],
                "seats": chance.choice((12, 20, 30, 60, 120)),
                "equipment": sorted(chance.sample(EQUIPMENT, chance.randrange(1, 3))),
                "closed": [],
            }
            for number in range(shape.rooms)
        ]
        self.interpreters = [
            {"id": f"int{number}", "languagePairs": sorted({PAIRS[number % len(PAIRS)], chance.choice(PAIRS)})}
            for number in range(shape.interpreters)
        ]
        # Of each room and each person when they are taken: start, end, venue.
        self.taken: dict[str, list[tuple[datetime, datetime, str]]] = defaultdict(list)

    def generate(self) -> Planted:
        planted = Planted({})
        items = [self._place(f"v{number:03}", planted) for number in range(self.shape.items)]
        problem: Json = {
            "timeZone": "Europe/Berlin",
            "granularityMinutes": STEP,
            "days": [
                {"id": f"d{number}", "openTime": f"{opens:{FORMAT}}", "closeTime": f"{closes:{FORMAT}}"}
                for number, (opens, closes) in enumerate(self.days)
            ],
            "breaks": [
                {
                    "label": "lunch",
                    "startTime": f"{day + timedelta(hours=3):{FORMAT}}",
                    "endTime": f"{day + timedelta(hours=4):{FORMAT}}",
                    "people": [],
                }
                for day, _ in self.days
            ],
            "rooms": self.rooms,
            "people": [self._make_person(f"p{number}") for number in range(self.shape.people)],
            "interpreters": self.interpreters,
            "travels": [
                {"from": min(pair), "to": max(pair), "minutes": minutes} for pair, minutes in self.minutes.items()
            ],
            "items": items,
        }
        self._relate(problem, planted)
        planted.problem = problem
        return planted

    def _place(self, name: str, planted: Planted) -> Json:
        chance = self.chance
        for attempt in range(2000):
            opens, closes = chance.choice(self.days)
            length = timedelta(minutes=chance.choice(DURATIONS[: max(3, len(DURATIONS) - attempt // 100)]))
            start = opens + STEP * timedelta(minutes=chance.randrange(0, 600 // STEP))
            end = start + length
            if end > closes or (start < opens + timedelta(hours=4) and end > opens + timedelta(hours=3)):
                continue
            room = chance.choice(self.rooms)
            people = [
                f"p{number}" for number in chance.sample(range(self.shape.people), chance.choice((1, 1, 2, 2, 3, 5)))
            ]
            interpreter = chance.choice(self.interpreters) if self.interpreters and chance.random() < 0.3 else None
            busy = [*people, *([interpreter["id"]] if interpreter else [])]
            if not self._is_free(room["id"], start, end, room["venue"]):
                continue
            if not all(self._is_free(each, start, end, room["venue"]) for each in busy):
                continue
            for each in (room["id"], *busy):
                self.taken[each].append((start, end, room["venue"]))
            planted.starts[name], planted.rooms[name] = start, room["id"]
            item: Json = {
                "id": name,
                "title": f"Item {name}",
                "durationMinutes": int(length.total_seconds()) // 60,
                "required": people,
                "optional": [],
                "needsRoom": True,
                "seats": chance.choice((0, room["seats"] // 2, room["seats"])),
                "equipment": chance.sample(room["equipment"], 1) if chance.random() < 0.3 else [],
            }
            if interpreter:
                item["interpretation"] = chance.choice(interpreter["languagePairs"])
                planted.interpreter[name] = interpreter["id"]
            self._narrow(item, start, end, room["id"])
            return item
        raise ValueError(f"no place for item {name}: the shape is too tight")

    def _is_free(self, each: str, start: datetime, end: datetime, venue: str) -> bool:
        for taken_from, taken_to, where in self.taken[each]:
            way = timedelta(minutes=self.minutes.get(frozenset((where, venue)), 0))
            if start < taken_to + way and taken_from < end + way:
                return False
        return True

    def _narrow(self, item: Json, start: datetime, end: datetime, room: str) -> None:
        chance, some = self.chance, self.chance.random()
        if some < self.shape.fixed:
            item["fixedStart"] = f"{start:{FORMAT}}"
        elif some < self.shape.fixed + self.shape.windowed:
            item["earliestStart"] = f"{start - timedelta(minutes=chance.randrange(0, 240)):{FORMAT}}"
            item["latestEnd"] = f"{end + timedelta(minutes=chance.randrange(0, 240)):{FORMAT}}"
        if chance.random() < 0.1:
            item["fixedRoom"] = room
        elif chance.random() < 0.2:
            others = [each["id"] for each in chance.sample(self.rooms, min(3, len(self.rooms)))]
            item["rooms"] = sorted({room, *others})
        if chance.random() < 0.3:
            item["optional"] = [
                person
                for number in chance.sample(range(self.shape.people), 2)
                if (person := f"p{number}") not in item["required"]
            ]

    def _make_person(self, name: str) -> Json:
        absences = []
        if self.chance.random() < 0.3:
            opens, _ = self.chance.choice(self.days)
            start = opens + timedelta(minutes=STEP * self.chance.randrange(0, 100))
            end = start + timedelta(minutes=60)
            if self._is_free(name, start, end, ""):
                absences.append({"startTime": f"{start:{FORMAT}}", "endTime": f"{end:{FORMAT}}"})
        return {"id": name, "absences": absences}

    def _relate(self, problem: Json, planted: Planted) -> None:
        ends = {
            item["id"]: planted.starts[item["id"]] + timedelta(minutes=item["durationMinutes"])
            for item in problem["items"]
        }
        names = list(planted.starts)
        precedences, apart, gaps, avoided = [], [], [], []
        for _ in range(int(self.shape.related * len(names))):
            one, other = sorted(self.chance.sample(names, 2), key=planted.starts.__getitem__)
            if ends[one] <= planted.starts[other]:
                precedences.append({"before": one, "after": other, "gapMinutes": 0})
            one, other = sorted(self.chance.sample(names, 2), key=planted.starts.__getitem__)
            if ends[one] <= planted.starts[other]:
                apart.append([one, other])
                days = (planted.starts[other].date() - planted.starts[one].date()).days
                if self.chance.random() < 0.2:
                    gaps.append({"first": one, "second": other, "minDays": days, "maxDays": days + 1})
            if self.chance.random() < 0.3:
                avoided.append({"items": self.chance.sample(names, 2), "penalty": self.chance.randrange(1, 5)})
        problem.update(precedences=precedences, notParallel=apart, dayGaps=gaps, avoidParallel=avoided)


def contradict(problem: Json, kind: str, seed: int) -> tuple[set[str], set[str]]:
    """
    Add to a problem that has a plan what no plan can meet, and nothing else that is in the way of one.

    Args:
        kind: One of `CONTRADICTIONS`.

    Returns:
        The items and the people that an explanation has to name.
    """
    return _CONTRADICTIONS[kind](problem, random.Random(seed))


def _person_twice(problem: Json, chance: random.Random) -> tuple[set[str], set[str]]:
    one, other = _isolate(problem, chance, 2)
    other["required"] = [*other["required"], *one["required"]]
    for item in (one, other):
        item["fixedStart"] = problem["days"][-1]["openTime"]
    return {one["id"], other["id"]}, set(one["required"])


def _fixed_in_break(problem: Json, chance: random.Random) -> tuple[set[str], set[str]]:
    (item,) = _isolate(problem, chance, 1)
    item["fixedStart"] = problem["breaks"][0]["startTime"]
    return {item["id"]}, set()


def _cycle(problem: Json, chance: random.Random) -> tuple[set[str], set[str]]:
    names = [item["id"] for item in _isolate(problem, chance, 4)]
    for before, after in zip(names, [*names[1:], names[0]], strict=True):
        problem["precedences"].append({"before": before, "after": after, "gapMinutes": 0})
    return set(names), set()


def _too_many_seats(problem: Json, chance: random.Random) -> tuple[set[str], set[str]]:
    (item,) = _isolate(problem, chance, 1)
    item["seats"] = 100_000
    return {item["id"]}, set()


def _no_equipment(problem: Json, chance: random.Random) -> tuple[set[str], set[str]]:
    (item,) = _isolate(problem, chance, 1)
    item["equipment"] = ["aquarium"]
    return {item["id"]}, set()


def _one_interpreter(problem: Json, chance: random.Random) -> tuple[set[str], set[str]]:
    problem["interpreters"].append({"id": "rare", "languagePairs": ["ka-lv"]})
    items = _isolate(problem, chance, 2)
    for item in items:
        item["interpretation"] = "ka-lv"
        item["fixedStart"] = problem["days"][-1]["openTime"]
    return {item["id"] for item in items}, {"rare"}


def _no_interpreter(problem: Json, chance: random.Random) -> tuple[set[str], set[str]]:
    (item,) = _isolate(problem, chance, 1)
    item["interpretation"] = "is-mt"
    return {item["id"]}, set()


def _room_twice(problem: Json, chance: random.Random) -> tuple[set[str], set[str]]:
    items = _isolate(problem, chance, 2)
    for item in items:
        item["fixedRoom"] = problem["rooms"][0]["id"]
        item["fixedStart"] = problem["days"][-1]["openTime"]
    return {item["id"] for item in items}, set()


def _room_closed(problem: Json, chance: random.Random) -> tuple[set[str], set[str]]:
    (item,) = _isolate(problem, chance, 1)
    day = problem["days"][-1]
    problem["rooms"].append({"id": "attic", "closed": [{"startTime": day["openTime"], "endTime": day["closeTime"]}]})
    item["fixedRoom"], item["fixedStart"] = "attic", day["openTime"]
    return {item["id"]}, set()


def _absent(problem: Json, chance: random.Random) -> tuple[set[str], set[str]]:
    (item,) = _isolate(problem, chance, 1)
    day = problem["days"][-1]
    item["fixedStart"] = day["openTime"]
    person = next(each for each in problem["people"] if each["id"] in item["required"])
    person["absences"] = [{"startTime": day["openTime"], "endTime": day["closeTime"]}]
    return {item["id"]}, {person["id"]}


def _short_window(problem: Json, chance: random.Random) -> tuple[set[str], set[str]]:
    (item,) = _isolate(problem, chance, 1)
    start = datetime.fromisoformat(problem["days"][-1]["openTime"])
    item["earliestStart"] = f"{start:{FORMAT}}"
    item["latestEnd"] = f"{start + timedelta(minutes=item['durationMinutes'] - 5):{FORMAT}}"
    return {item["id"]}, set()


def _too_few_days(problem: Json, chance: random.Random) -> tuple[set[str], set[str]]:
    one, other = _isolate(problem, chance, 2)
    problem["dayGaps"].append({"first": one["id"], "second": other["id"], "minDays": 100})
    return {one["id"], other["id"]}, set()


def _overloaded(problem: Json, chance: random.Random) -> tuple[set[str], set[str]]:
    """One person in so many items that no order of them fits into the one day that they may be on."""
    items = _isolate(problem, chance, min(len(problem["items"]), 12))
    person, day = items[0]["required"], problem["days"][-1]
    for item in items:
        item["required"] = person
        item["durationMinutes"] = max(item["durationMinutes"], 60)
        item["earliestStart"], item["latestEnd"] = day["openTime"], day["closeTime"]
    return set(), set(person)


def _too_few_rooms(problem: Json, chance: random.Random) -> tuple[set[str], set[str]]:
    """One item more at one time than there are rooms."""
    items = _isolate(problem, chance, len(problem["rooms"]) + 1)
    for item in items:
        item["fixedStart"] = problem["days"][-1]["openTime"]
    return {item["id"] for item in items}, set()


def _too_far(problem: Json, chance: random.Random) -> tuple[set[str], set[str]]:
    """One person in two venues with less time between than the way takes."""
    one, other = _isolate(problem, chance, 2)
    other["required"] = one["required"]
    pair = problem["travels"][0]
    start = datetime.fromisoformat(problem["days"][-1]["openTime"])
    for item, venue, at in (
        (one, pair["from"], start),
        (other, pair["to"], start + timedelta(minutes=one["durationMinutes"])),
    ):
        item["fixedStart"] = f"{at:{FORMAT}}"
        item["fixedRoom"] = next(room["id"] for room in problem["rooms"] if room["venue"] == venue)
    return {one["id"], other["id"]}, set(one["required"])


def _long_chain(problem: Json, chance: random.Random) -> tuple[set[str], set[str]]:
    """Items that follow each other, the last of them too early."""
    chain = _isolate(problem, chance, 5)
    for before, after in pairwise(chain):
        problem["precedences"].append({"before": before["id"], "after": after["id"], "gapMinutes": 10})
    start = datetime.fromisoformat(problem["days"][-1]["openTime"])
    chain[0]["earliestStart"] = f"{start:{FORMAT}}"
    minutes = sum(item["durationMinutes"] for item in chain) + 40
    chain[-1]["latestEnd"] = f"{start + timedelta(minutes=minutes - 10):{FORMAT}}"
    return {item["id"] for item in chain}, set()


def _isolate(problem: Json, chance: random.Random, count: int) -> list[Json]:
    """Return some items that nothing else is asked of, each with a person of its own, and add a day that is empty."""
    items: list[Json] = chance.sample(problem["items"], count)
    names = {item["id"] for item in items}
    for number, item in enumerate(items):
        for name in ("fixedStart", "earliestStart", "latestEnd", "fixedRoom", "rooms", "interpretation"):
            item.pop(name, None)
        item.update(required=[f"x{number}"], optional=[], seats=0, equipment=[])
        problem["people"].append({"id": f"x{number}", "absences": []})
    problem["precedences"] = [each for each in problem["precedences"] if names.isdisjoint(each.values())]
    problem["notParallel"] = [group for group in problem["notParallel"] if names.isdisjoint(group)]
    problem["dayGaps"] = [gap for gap in problem["dayGaps"] if names.isdisjoint((gap["first"], gap["second"]))]
    opens, closes = (
        f"{datetime.fromisoformat(problem['days'][-1][name]) + timedelta(days=1):{FORMAT}}"
        for name in ("openTime", "closeTime")
    )
    problem["days"].append({"id": "empty", "openTime": opens, "closeTime": closes})
    return items


_CONTRADICTIONS = {
    "person twice": _person_twice,
    "fixed in break": _fixed_in_break,
    "cycle": _cycle,
    "too many seats": _too_many_seats,
    "no equipment": _no_equipment,
    "one interpreter": _one_interpreter,
    "no interpreter": _no_interpreter,
    "room twice": _room_twice,
    "room closed": _room_closed,
    "absent": _absent,
    "short window": _short_window,
    "too few days": _too_few_days,
    "overloaded": _overloaded,
    "too few rooms": _too_few_rooms,
    "too far": _too_far,
    "long chain": _long_chain,
}
CONTRADICTIONS = tuple(_CONTRADICTIONS)
"""Kinds of what no plan can meet; "too far" needs two venues."""
