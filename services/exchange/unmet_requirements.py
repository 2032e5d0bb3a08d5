"""What items lack that have a time and keep it: the planner leaves them as they are, and tells that."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.exchange.model import AgendaItem, Delegate, Person
from services.exchange.model.person import interprets, language
from services.exchange.programme_places import STEP_FREE
from services.exchange.scheduling.plan import Kind
from services.exchange.scheduling.problem import Span, normalize_pair


@dataclass(frozen=True, slots=True)
class Unmet:
    """
    Something that an item asks for and does not have.

    Attributes:
        item: Name of the item.
        subject: Name of who is away, of the room that is too small, or of the item that is over too late; the word for
            what a room lacks; else empty.
    """

    item: str
    kind: Kind
    subject: str = ""


@dataclass(frozen=True)
class Circumstances:
    """
    What it depends on whether an item has what it asks for.

    Attributes:
        keeping: Id → item, of those that keep their time.
        participants: Name → who may take part: the host's people and the delegation.
        away: Name of a person → when they are absent, or busy by their own calendar.
        has_rooms: Whether rooms can be chosen.
    """

    keeping: Mapping[str, AgendaItem]
    participants: Mapping[str, Person | Delegate]
    away: Mapping[str, Sequence[Span]]
    has_rooms: bool

    def is_away(self, name: str, item: AgendaItem) -> bool:
        """Return whether somebody is away while an item takes place."""
        start, end = item.start_time, item.end_time
        return bool(start and end and any(each.start < end and start < each.end for each in self.away.get(name, ())))

    def list_required(self, item: AgendaItem) -> list[str]:
        """Return the names of who has to be at an item, its interpreter left out."""
        expected = (
            name for name, each in self.participants.items() if isinstance(each, Delegate) and item.expects(each)
        )
        return [name for name in dict.fromkeys([*item.people, *expected]) if name in self.participants]

    def find_pair(self, item: AgendaItem) -> str:
        """Return the pair of languages that somebody has to interpret; "" where those who are there anyhow can."""
        wanted = item.interpretation_languages
        if not wanted or any(_interprets(self.participants[name], wanted) for name in self.list_required(item)):
            return ""
        return normalize_pair("-".join(map(language, wanted)))

    def list_unmet(self, item: AgendaItem) -> Iterator[Unmet]:
        """Yield what an item that has a time lacks."""
        for kind, subject in (
            *self._list_of_people(item), *self._list_of_place(item), *self._list_of_times(item)
        ):  # fmt: skip
            yield Unmet(item.name, kind, subject)

    def _list_of_people(self, item: AgendaItem) -> Iterator[tuple[Kind, str]]:
        for name in self.list_required(item):
            if self.is_away(name, item):
                yield Kind.REQUIRED_PERSON, name
        pair, interpreter = self.find_pair(item), item.interpreter
        if interpreter and self.is_away(interpreter.name, item):
            yield Kind.INTERPRETATION if pair else Kind.REQUIRED_PERSON, interpreter.name
        elif pair and not interpreter:
            yield Kind.INTERPRETATION, ""

    def _list_of_place(self, item: AgendaItem) -> Iterator[tuple[Kind, str]]:
        room = item.room
        if room is None:
            if item.needs_room and self.has_rooms:
                yield Kind.ROOM_NEEDED, ""
            elif item.other_venue and item.step_free and not item.other_venue.step_free:
                yield Kind.EQUIPMENT, STEP_FREE
            return
        if room.seats and item.seats > room.seats:
            yield Kind.SEATS, room.name
        for word in item.list_missing_equipment(room):
            yield Kind.EQUIPMENT, word
        if item.step_free and not room.step_free:
            yield Kind.EQUIPMENT, STEP_FREE

    def _list_of_times(self, item: AgendaItem) -> Iterator[tuple[Kind, str]]:
        if item.start_time is None or item.end_time is None:
            return
        if item.earliest_start_time and item.start_time < item.earliest_start_time:
            yield Kind.EARLIEST_START, ""
        if item.latest_end_time and item.latest_end_time < item.end_time:
            yield Kind.LATEST_END, ""
        for each in item.after:
            before = self.keeping.get(each.before_id)
            if before and before.end_time and before.end_time + timedelta(minutes=each.gap_minutes) > item.start_time:
                yield Kind.PRECEDENCE, before.name


def _interprets(who: Person | Delegate, wanted: list[str]) -> bool:
    """Return whether somebody can interpret between two languages, or speaks both."""
    return (isinstance(who, Person) and who.has_pair(wanted)) or bool(
        who.languages and interprets(who.languages, wanted)
    )


def can_be_mended(unmet: Collection[Unmet]) -> bool:
    """Return whether an item lacks something, and only what the planner chooses: a room, an interpreter."""
    return bool(unmet) and {each.kind for each in unmet} <= {Kind.ROOM_NEEDED, Kind.INTERPRETATION}
