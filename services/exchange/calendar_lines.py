"""The lines of an iCalendar text, by component; what tells of nobody's time is left out. Source: RFC 5545, 3.1, 3.6."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from icalendar.parser import Contentline

MAX_QUOTED = 80
LINE = re.compile(r"([A-Za-z0-9-]+)([;:].*)", re.DOTALL)
# What is read of each component, besides its beginning and end; of time zones, all.
READ = {
    "VCALENDAR": frozenset({"METHOD", "X-WR-TIMEZONE"}),
    "VEVENT": frozenset(
        {
            *("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "RRULE", "EXRULE", "RDATE", "EXDATE"),
            *("UID", "SEQUENCE", "STATUS", "TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS"),
        }
    ),
    "VFREEBUSY": frozenset({"FREEBUSY"}),
}
ZONE = "VTIMEZONE"
REPEATABLE = frozenset({"RRULE", "EXRULE", "RDATE", "EXDATE", "FREEBUSY"})


class Unreadable(Exception):
    """
    A calendar cannot be read.

    Attributes:
        reason: CALENDAR_LINE_UNREADABLE; CALENDAR_INCOMPLETE: something begins and does not end, an event has no
            start, or there is no calendar; CALENDAR_ZONE_UNKNOWN; CALENDAR_END_BEFORE_START; CALENDAR_TOO_FREQUENT:
            something repeats several times a day.
        line: Number of the line.
        text: What stands there, as far as it is not too long.
    """

    def __init__(self, reason: str, line: int, description: str, text: str = "") -> None:
        super().__init__(f"line {line}: {description}")
        self.reason = reason
        self.line = line
        self.text = text if len(text) <= MAX_QUOTED else text[:MAX_QUOTED] + "…"


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a component: names of parameters are in capitals."""

    name: str
    parameters: dict[str, str]
    value: str
    line: int
    text: str

    def with_value(self, value: str) -> "Property":
        """Return the same property with one of its values only."""
        return replace(self, value=value)


@dataclass(slots=True)
class Component:
    """A calendar or a part of one; of a time zone its lines as they are."""

    name: str
    line: int
    properties: dict[str, list[Property]] = field(default_factory=dict)
    parts: list["Component"] = field(default_factory=list)
    lines: list[tuple[int, str]] = field(default_factory=list)

    def get(self, name: str) -> Property | None:
        """Return a property; None where there is none, or an empty one."""
        return next(iter(self.list_all(name)), None)

    def list_all(self, name: str) -> list[Property]:
        """Return every property of a name that is not empty."""
        return [each for each in self.properties.get(name, ()) if each.value]

    def get_text(self, name: str) -> str:
        """Return the value of a property in capitals; "" where there is none."""
        found = self.get(name)
        return found.value.upper() if found else ""


def refuse_line(written: Property, description: str) -> Unreadable:
    """Return the refusal of a property's line."""
    return Unreadable("CALENDAR_LINE_UNREADABLE", written.line, description, written.text)


def read_calendars(text: str) -> list[Component]:
    """
    Return the calendars of a text.

    Raises:
        Unreadable: A line cannot be understood (CALENDAR_LINE_UNREADABLE), or something begins and does not end, or
            there is no calendar (CALENDAR_INCOMPLETE).
    """
    calendars: list[Component] = []
    opened: list[Component] = []
    for number, line in _unfold(text):
        match = LINE.fullmatch(line)
        if match is None or ":" not in match[2]:
            raise Unreadable("CALENDAR_LINE_UNREADABLE", number, "is no line of a calendar", line)
        name, rest = match[1].upper(), match[2]
        if name == "BEGIN":
            _begin(Component(rest[1:].strip().upper(), number), opened, calendars)
        elif not opened:
            raise Unreadable("CALENDAR_LINE_UNREADABLE", number, "stands outside of a calendar", line)
        elif name == "END":
            if opened.pop().name != rest[1:].strip().upper():
                raise Unreadable("CALENDAR_LINE_UNREADABLE", number, "ends what did not begin", line)
        else:
            _add(opened[-1], name, number, line)
        zone = next((part for part in opened if part.name == ZONE), None)
        if zone is not None:
            zone.lines.append((number, line))
    if opened:
        raise Unreadable("CALENDAR_INCOMPLETE", opened[-1].line, f"{opened[-1].name} has no end")
    if not calendars:
        raise Unreadable("CALENDAR_INCOMPLETE", 1, "holds no calendar")
    return calendars


def strip_text(text: str) -> str:
    """Return a text that can be read without the lines that are not: titles, places, who takes part."""
    kept: list[str] = []
    opened: list[str] = []
    for _, line in _unfold(text):
        name, value = (part.upper() for part in re.split("[;:]", line, maxsplit=1))
        if name == "BEGIN":
            opened.append(value.strip())
        if name in ("BEGIN", "END") or ZONE in opened or (opened and name in READ.get(opened[-1], ())):
            kept.append(line)
        if name == "END":
            opened.pop()
    return "\r\n".join([*kept, ""])


def _begin(part: Component, opened: list[Component], calendars: list[Component]) -> None:
    if opened:
        opened[-1].parts.append(part)
    elif part.name == "VCALENDAR":
        calendars.append(part)
    else:
        raise Unreadable("CALENDAR_INCOMPLETE", part.line, f"{part.name} is no calendar")
    opened.append(part)


def _add(component: Component, name: str, number: int, line: str) -> None:
    if name not in READ.get(component.name, ()):
        return
    try:
        _, parameters, value = Contentline(line).parts()
    except ValueError as error:
        raise Unreadable("CALENDAR_LINE_UNREADABLE", number, str(error), line) from error
    texts = {key.upper(): each if isinstance(each, str) else each[0] for key, each in parameters.items() if each}
    same = component.properties.setdefault(name, [])
    if same and name not in REPEATABLE and component.name != "VCALENDAR":
        raise Unreadable("CALENDAR_LINE_UNREADABLE", number, f"there is a {name} already", line)
    same.append(Property(name, texts, value.strip(), number, line))


def _unfold(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text as they were before they were folded, each with the number that it begins at."""
    number, parts = 0, [""]
    text = text.removeprefix("\ufeff").rstrip("\x1a\0").replace("\r\n", "\n").replace("\r", "\n")
    for place, line in enumerate(text.split("\n"), 1):
        if line[:1] in (" ", "\t") and parts[0]:
            parts.append(line[1:])
            continue
        if parts[0].strip():
            yield number, "".join(parts)
        number, parts = place, [line]
    if parts[0].strip():
        yield number, "".join(parts)
