"""
Checks a plan against its problem, both as the API's JSON; shares no code with the planner.

Everything is checked minute by minute on plain numbers, so that it is slow, and obvious.
"""

from collections import defaultdict
from datetime import datetime
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]


def list_faults(problem: Json, answer: Json) -> list[str]:
    """Return what is wrong with the plan of an answer, a line each; nothing where it meets all that is required."""
    return Validator(problem, answer).check()


class Validator:
    """A problem with one plan for it."""

    def __init__(self, problem: Json, answer: Json) -> None:
        self.problem = problem
        self.zone = ZoneInfo(problem["timeZone"])
        self.items = {item["id"]: item for item in problem["items"]}
        self.rooms = {room["id"]: room for room in problem.get("rooms", [])}
        self.interpreters = {each["id"]: each for each in problem.get("interpreters", [])}
        self.people = {person["id"]: person for person in problem.get("people", [])}
        self.plan = {each["item"]: each for each in answer["assignments"]}
        self.repeated = len(answer["assignments"]) - len(self.plan)
        self.faults: list[str] = []

    def minute(self, text: str) -> int:
        return int(datetime.fromisoformat(text).replace(tzinfo=self.zone).timestamp()) // 60

    def span(self, thing: Json) -> tuple[int, int]:
        return self.minute(thing["startTime"]), self.minute(thing["endTime"])

    def time(self, item: str) -> tuple[int, int]:
        start = self.minute(self.plan[item]["startTime"])
        return start, start + self.items[item]["durationMinutes"]

    def day(self, item: str) -> int:
        start, end = self.time(item)
        for day in self.problem["days"]:
            if self.minute(day["openTime"]) <= start and end <= self.minute(day["closeTime"]):
                return datetime.fromisoformat(day["openTime"]).date().toordinal()
        self.faults.append(f"{item} lies outside the hours of all days")
        return 0

    def check(self) -> list[str]:
        if self.repeated or self.plan.keys() != self.items.keys():
            return [f"placed {sorted(self.plan)}, asked {sorted(self.items)}, twice {self.repeated}"]
        for item in self.items:
            self.check_item(item)
        self.check_presence()
        self.check_relations()
        return self.faults

    def check_item(self, name: str) -> None:
        item, placed = self.items[name], self.plan[name]
        start, end = self.time(name)
        self.day(name)
        given = [*item.get("allowedStarts", []), *([item["fixedStart"]] if item.get("fixedStart") else [])]
        step = self.problem.get("granularityMinutes") or 5
        if not given and all((start - self.minute(day["openTime"])) % step for day in self.problem["days"]):
            self.faults.append(f"{name} starts off the grid")
        if item.get("fixedStart") and start != self.minute(item["fixedStart"]):
            self.faults.append(f"{name} does not start when it has to")
        if item.get("allowedStarts") and start not in map(self.minute, item["allowedStarts"]):
            self.faults.append(f"{name} starts when it may not")
        if item.get("earliestStart") and start < self.minute(item["earliestStart"]):
            self.faults.append(f"{name} starts too early")
        if item.get("latestEnd") and end > self.minute(item["latestEnd"]):
            self.faults.append(f"{name} ends too late")
        room = placed.get("room", "")
        if item.get("fixedRoom") and room != item["fixedRoom"]:
            self.faults.append(f"{name} is not in its room")
        if not room:
            if item.get("needsRoom"):
                self.faults.append(f"{name} has no room")
        elif room not in self.rooms:
            self.faults.append(f"{name} is in {room}, which is no room")
        else:
            self.check_room(name, self.rooms[room])
        wanted, interpreter = item.get("interpretation", ""), placed.get("interpreter", "")
        if bool(wanted) != bool(interpreter):
            self.faults.append(f"{name} needs {wanted!r} and has {interpreter!r}")
        elif wanted:
            pairs = {frozenset(pair.split("-")) for pair in self.interpreters[interpreter]["languagePairs"]}
            if frozenset(wanted.split("-")) not in pairs:
                self.faults.append(f"{interpreter} does not interpret {wanted}")
        attending = placed.get("attending", [])
        if not set(item.get("required", [])) <= set(attending):
            self.faults.append(f"{name} lacks {set(item['required']) - set(attending)}")
        if not set(attending) <= {*item.get("required", []), *item.get("optional", [])}:
            self.faults.append(f"{name} has uninvited {attending}")

    def check_room(self, name: str, room: Json) -> None:
        item = self.items[name]
        if item.get("rooms") and room["id"] not in item["rooms"]:
            self.faults.append(f"{name} is in a room that it must not be in")
        if room.get("seats") is not None and item.get("seats", 0) > room["seats"]:
            self.faults.append(f"{name} has too few seats")
        if not set(item.get("equipment", [])) <= set(room.get("equipment", [])):
            self.faults.append(f"{name} lacks equipment")
        if any(overlap(self.time(name), self.span(span)) for span in room.get("closed", [])):
            self.faults.append(f"{name} is in a closed room")

    def check_presence(self) -> None:
        """Nobody and no room in two places at once, nor when away; time to travel between venues."""
        at: dict[str, list[str]] = defaultdict(list)
        in_room: dict[str, list[str]] = defaultdict(list)
        for name, placed in self.plan.items():
            for person in {*placed.get("attending", []), placed.get("interpreter") or None} - {None}:
                at[person].append(name)
            if placed.get("room"):
                in_room[placed["room"]].append(name)
        for room, names in in_room.items():
            for one, other in combinations(names, 2):
                if overlap(self.time(one), self.time(other)):
                    self.faults.append(f"{one} and {other} are both in {room}")
        for person, names in at.items():
            for one, other in combinations(sorted(names, key=self.time), 2):
                if self.time(one)[1] + self.travel(one, other) > self.time(other)[0]:
                    self.faults.append(f"{person} is at {one} and {other}")
            absences = (self.people.get(person) or self.interpreters[person]).get("absences", [])
            away = [self.span(span) for span in absences]
            away += [self.span(each) for each in self.problem.get("breaks", []) if person in each.get("people", [])]
            for name in names:
                if any(overlap(self.time(name), span) for span in away):
                    self.faults.append(f"{person} is away from {name}")
        for each in self.problem.get("breaks", []):
            if not each.get("people"):
                for name in self.plan:
                    if overlap(self.time(name), self.span(each)):
                        self.faults.append(f"{name} lies in {each.get('label')}")

    def travel(self, one: str, other: str) -> int:
        venues = [self.rooms.get(self.plan[name].get("room", ""), {}).get("venue", "") for name in (one, other)]
        if venues[0] == venues[1] or not all(self.plan[name].get("room") for name in (one, other)):
            return 0
        return max(
            (each["minutes"] for each in self.problem.get("travels", []) if {each["from"], each["to"]} == set(venues)),
            default=0,
        )

    def check_relations(self) -> None:
        for each in self.problem.get("precedences", []):
            if self.time(each["before"])[1] + each.get("gapMinutes", 0) > self.time(each["after"])[0]:
                self.faults.append(f"{each['before']} is not before {each['after']}")
        for group in self.problem.get("notParallel", []):
            for one, other in combinations(group, 2):
                if overlap(self.time(one), self.time(other)):
                    self.faults.append(f"{one} and {other} overlap")
        for gap in self.problem.get("dayGaps", []):
            days = self.day(gap["second"]) - self.day(gap["first"])
            if days < gap.get("minDays", 0) or days > gap.get("maxDays", days):
                self.faults.append(f"{gap['first']} and {gap['second']} are {days} days apart")


def overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether two spans have a moment in common."""
    return one[0] < other[1] and other[0] < one[1] and other[0] < other[1]
