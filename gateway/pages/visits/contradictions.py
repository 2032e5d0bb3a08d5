"""Requirements of a programme that contradict each other: what they say to people, and how each is given up."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import schedule_runs_pb2 as runs_pb
from austausch.exchange.v1.scheduling_pb2 import SchedulingRequirement
from babel.lists import format_list
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.convert import date_message
from gateway.i18n.formats import format_duration, format_instant, format_span, format_time, to_local
from gateway.i18n.gettext import translate_later as _l
from gateway.i18n.languages import get_pair_name

Kind = SchedulingRequirement
# What the button says that gives a requirement up; the others lead to where they are entered.
BUTTONS = {
    Kind.FIXED_ROOM: _l("Let the planner choose the room"),
    Kind.ROOMS: _l("Let the planner choose the room"),
    Kind.ROOM_NEEDED: _l("Do without a room"),
    Kind.ADDITIONAL_ROOMS: _l("Do without these rooms"),
    Kind.SEATS: _l("Do without so many seats"),
    Kind.EQUIPMENT: _l("Do without it"),
    Kind.INTERPRETATION: _l("Do without interpretation"),
    Kind.FIXED_START: _l("Let it move"),
    Kind.EARLIEST_START: _l("Let it begin earlier"),
    Kind.LATEST_END: _l("Let it end later"),
    Kind.PRECEDENCE: _l("Give up this order"),
    Kind.REQUIRED_PERSON: _l("Do without this person"),
    Kind.OPENING_HOURS: _l("Plan longer days"),
    Kind.BREAK: _l("Do without this break"),
}


PLACES = (Kind.FIXED_ROOM, Kind.ROOMS)
"""What says where an item can be."""
STEP_FREE = "step-free"
"""As the planner calls a room that is reached without steps."""
EARLY, LATE = "07:00", "22:00"
"""The hours of longer days."""


def say(
    requirement: runs_pb.PlanRequirement, titles: Mapping[str, str], zone: str, programme: Mapping[str, pb.AgendaItem]
) -> str:
    """
    Return what a requirement says, in the reader's language.

    Args:
        titles: Resource name → what people call it.
        programme: Resource name → item, of all items of the visit.
        zone: IANA zone of the host's clocks.
    """
    unnamed = _("an item")
    items = _join(_("“%(title)s”", title=titles.get(name, unnamed)) for name in requirement.agenda_items)
    people = _join(titles.get(name, _("Member of the delegation")) for name in requirement.people)
    rooms = _join(titles.get(name, _("a room")) for name in requirement.rooms)
    venues = _join(titles.get(name, _("a venue")) for name in requirement.venues)
    start, end = (
        format_instant(moment, zone) if requirement.HasField(field) else ""
        for field, moment in (("start_time", requirement.start_time), ("end_time", requirement.end_time))
    )
    when = format_span(requirement.start_time, requirement.end_time, zone)
    minutes = format_duration(requirement.minutes)
    words = _join(_("no steps") if word == STEP_FREE else word for word in requirement.words)
    match requirement.kind:
        case Kind.OPENING_HOURS:
            hours = _say_hours(requirement, zone)
            return _("%(items)s: %(minutes)s %(hours)s.", items=items, minutes=minutes, hours=hours)
        case Kind.BREAK:
            return _("Break (%(label)s): %(when)s.", label=words, when=when)
        case Kind.ABSENCE | Kind.ROOM_CLOSED if requirement.standing_item in titles:
            by = _("“%(title)s”", title=titles[requirement.standing_item])
            if _is_of_delegation(requirement, [requirement.standing_item], programme):
                people = _("the whole delegation")
            return _("%(item)s takes %(what)s: %(when)s.", item=by, what=people or rooms, when=when)
        case Kind.ABSENCE:
            return _("%(who)s is away or taken: %(when)s.", who=people, when=when)
        case Kind.ROOM_CLOSED:
            return _("%(room)s is taken: %(when)s.", room=rooms, when=when)
        case Kind.REQUIRED_PERSON:
            if _is_of_delegation(requirement, requirement.agenda_items, programme):
                people = _("The whole delegation")
            return _("%(who)s has to be at %(items)s: %(minutes)s.", who=people, items=items, minutes=minutes)
        case Kind.VENUE_HOURS if requirement.open_times:
            times = _join(format_span(each.start_time, each.end_time, zone) for each in requirement.open_times)
            return _("%(venue)s is open on these days: %(times)s.", venue=venues, times=times)
        case Kind.VENUE_HOURS:
            return _("%(venue)s is closed on all these days.", venue=venues)
        case Kind.TRAVEL if requirement.estimated:
            return _("The way between %(venues)s takes about %(minutes)s, estimated.", venues=venues, minutes=minutes)
        case Kind.TRAVEL:
            return _("The way between %(venues)s takes %(minutes)s.", venues=venues, minutes=minutes)
        case Kind.ADDITIONAL_ROOMS:
            return _("%(items)s takes these rooms as well: %(rooms)s.", items=items, rooms=rooms)
        case Kind.FIXED_ROOM if venues:
            return _("%(items)s takes place here: %(venue)s.", items=items, venue=venues)
        case Kind.ROOMS if venues:
            return _("%(items)s needs a room in %(venue)s, where none is entered.", items=items, venue=venues)
        case Kind.ROOM_NEEDED if rooms:
            return _("%(items)s: a room is needed, and these would do: %(rooms)s.", items=items, rooms=rooms)
        case Kind.ROOM_NEEDED:
            return _("%(items)s: a room is needed, and none would do.", items=items)
        case Kind.ROOMS | Kind.FIXED_ROOM:
            return _("%(items)s can only be in %(rooms)s.", items=items, rooms=rooms)
        case Kind.SEATS:
            seats = int(words or 0)
            return ngettext("%(items)s needs %(num)s seat.", "%(items)s needs %(num)s seats.", seats, items=items)
        case Kind.EQUIPMENT:
            return _("%(items)s needs: %(equipment)s.", items=items, equipment=words)
        case Kind.INTERPRETATION:
            pair, count = get_pair_name(words), len(requirement.people)
            if not count:
                return _("%(pair)s is to be interpreted at %(items)s, and nobody can.", pair=pair, items=items)
            return ngettext(
                "%(pair)s is to be interpreted at %(items)s; one person can: %(who)s.",
                "%(pair)s is to be interpreted at %(items)s; %(num)s people can: %(who)s.",
                count,
                pair=pair,
                items=items,
                who=people,
            )
        case Kind.FIXED_START:
            return _("%(items)s is fixed: %(when)s.", items=items, when=when)
        case Kind.EARLIEST_START:
            return _("%(items)s cannot begin before %(start)s.", items=items, start=start)
        case Kind.LATEST_END:
            return _(
                "%(items)s takes %(minutes)s and has to be over by %(end)s.", items=items, minutes=minutes, end=end
            )
        case Kind.PRECEDENCE:
            return " ".join(
                filter(None, [_say_order(requirement, titles, minutes), _say_standing(requirement, titles, when)])
            )
    return requirement.text


def _is_of_delegation(
    requirement: runs_pb.PlanRequirement, names: Iterable[str], programme: Mapping[str, pb.AgendaItem]
) -> bool:
    """Return whether a requirement names one member for the whole delegation, which is at each of these items."""
    items = [programme[name] for name in names if name in programme]
    return bool(items and requirement.people) and all(
        item.whole_delegation and name.startswith("visits/") and name not in item.people
        for item in items
        for name in requirement.people
    )


def _say_hours(requirement: runs_pb.PlanRequirement, zone: str) -> str:
    """Return from when to when something can take place, and on how many days where these are several."""
    spans = [(each.start_time, each.end_time) for each in requirement.open_times]
    days = Counter(
        (format_time(start, zone), format_time(end, zone))
        for start, end in spans or [(requirement.start_time, requirement.end_time)]
    )
    if days.total() == 1:
        ((start, end),) = days
        return _("between %(start)s and %(end)s", start=start, end=end)
    return _join(
        ngettext(
            "on %(num)s day between %(start)s and %(end)s",
            "on %(num)s days between %(start)s and %(end)s",
            count,
            start=start,
            end=end,
        )
        for (start, end), count in days.items()
    )


def _say_order(requirement: runs_pb.PlanRequirement, titles: Mapping[str, str], minutes: str) -> str:
    first, second = (_("“%(title)s”", title=titles.get(name, "")) for name in requirement.agenda_items[:2])
    if not requirement.minutes:
        return _("%(first)s comes before %(second)s.", first=first, second=second)
    return _(
        "%(first)s comes before %(second)s, with %(minutes)s between them.",
        first=first,
        second=second,
        minutes=minutes,
    )


def _say_standing(requirement: runs_pb.PlanRequirement, titles: Mapping[str, str], when: str) -> str:
    """Return when the item takes place that is not to be placed; "" where a requirement is about none."""
    if not requirement.standing_item:
        return ""
    return _("“%(title)s” stays where it is: %(when)s.", title=titles.get(requirement.standing_item, ""), when=when)


def _join(names: Iterable[str]) -> str:
    return format_list(list(names), locale=get_locale())


def say_unmet(unmet: runs_pb.UnmetRequirement, titles: Mapping[str, str]) -> str:
    """Return what an item lacks that stays as it is, in the reader's language."""
    subject = unmet.subject
    match unmet.kind:
        case Kind.REQUIRED_PERSON:
            return _("%(who)s is away", who=titles.get(subject, _("Member of the delegation")))
        case Kind.INTERPRETATION if subject:
            return _("%(who)s, who interprets, is away", who=titles.get(subject, ""))
        case Kind.INTERPRETATION:
            return _("still without an interpreter")
        case Kind.ROOM_NEEDED:
            return _("still without a room")
        case Kind.SEATS:
            return _("%(room)s has too few seats", room=titles.get(subject, _("a room")))
        case Kind.EQUIPMENT if subject == STEP_FREE:
            return _("it is not reached without steps")
        case Kind.EQUIPMENT:
            return _("the room lacks: %(equipment)s", equipment=subject)
        case Kind.EARLIEST_START:
            return _("it begins too early")
        case Kind.LATEST_END:
            return _("it ends too late")
        case Kind.PRECEDENCE:
            return _("it has to come after %(first)s", first=_("“%(title)s”", title=titles.get(subject, "")))
    return ""


def get_button(
    requirement: runs_pb.PlanRequirement, items: Mapping[str, pb.AgendaItem], run: runs_pb.ScheduleRun
) -> str:
    """Return what the button says that gives a requirement up; "" where somebody has to look after that elsewhere."""
    if requirement.kind == Kind.OPENING_HOURS and _are_days_long(run):
        return _("Plan every day") if run.except_dates else ""
    if not all(_is_own_time(requirement, items[name]) for name in requirement.agenda_items if name in items):
        # It was changed since.
        return ""
    if requirement.kind == Kind.REQUIRED_PERSON:
        concerned = [items[name] for name in requirement.agenda_items if name in items]
        people = set(requirement.people)
        if not any(people & {*item.people, item.interpreter} for item in concerned):
            # They are there with their group.
            return ""
    if _is_about_venue(requirement, items):
        return _("Leave the venue open")
    return str(BUTTONS.get(requirement.kind, ""))


def _are_days_long(run: runs_pb.ScheduleRun) -> bool:
    """Return whether the days of a run begin as early and end as late as longer days do."""
    return (run.day_start_time or "09:00") <= EARLY and (run.day_end_time or "18:00") >= LATE


def _is_own_time(requirement: runs_pb.PlanRequirement, item: pb.AgendaItem) -> bool:
    """Return whether an item still has the earliest start or the latest end that a requirement is about."""
    match requirement.kind:
        case Kind.EARLIEST_START:
            return item.earliest_start_time == requirement.start_time
        case Kind.LATEST_END:
            return item.latest_end_time == requirement.end_time
    return True


def _is_about_venue(requirement: runs_pb.PlanRequirement, items: Mapping[str, pb.AgendaItem]) -> bool:
    """Return whether a requirement holds items to a venue, none of whose rooms they are in yet."""
    return requirement.kind in PLACES and all(
        items[name].venue and not items[name].room for name in requirement.agenda_items if name in items
    )


def relax_run(requirement: runs_pb.PlanRequirement, run: runs_pb.ScheduleRun, zone: str) -> runs_pb.ScheduleRun:
    """Return how to plan anew: as a run did, and without a requirement that is one of its own."""
    options = runs_pb.ScheduleRun(
        time_limit_seconds=run.time_limit_seconds,
        from_scratch=run.from_scratch,
        day_start_time=run.day_start_time,
        day_end_time=run.day_end_time,
        breaks=run.breaks,
        except_dates=run.except_dates,
    )
    if requirement.kind == Kind.BREAK:
        start, end = (to_local(moment, zone) for moment in (requirement.start_time, requirement.end_time))
        said = ("".join(requirement.words), f"{start:%H:%M}", f"{end:%H:%M}")
        for each in options.breaks:
            if (each.label, each.start_time, each.end_time) == said:
                each.except_dates.append(date_message(start.date()))
    if requirement.kind == Kind.OPENING_HOURS and _are_days_long(run):
        del options.except_dates[:]
    elif requirement.kind == Kind.OPENING_HOURS:
        options.day_start_time = min(run.day_start_time or EARLY, EARLY)
        options.day_end_time = max(run.day_end_time, LATE)
    return options


def relax_items(
    requirement: runs_pb.PlanRequirement, items: Mapping[str, pb.AgendaItem]
) -> list[pb.UpdateAgendaItemRequest]:
    """Return the changes of items with which a requirement is given up; none where it is not one of theirs."""
    give_up = _CHANGES.get(requirement.kind)
    if give_up is None:
        return []
    names = list(requirement.agenda_items)
    if requirement.kind == Kind.PRECEDENCE:
        names = names[1:2]
    return [
        pb.UpdateAgendaItemRequest(agenda_item=changed, update_mask=FieldMask(paths=paths))
        for name in names
        if name in items
        for changed, paths in [give_up(items[name], requirement)]
    ]


Change: TypeAlias = tuple[pb.AgendaItem, Sequence[str]]


def _empty(*paths: str) -> Callable[[pb.AgendaItem, runs_pb.PlanRequirement], Change]:
    """Return what empties fields of an item."""
    return lambda item, _requirement: (pb.AgendaItem(name=item.name, etag=item.etag), paths)


def _choose_room(item: pb.AgendaItem, _requirement: runs_pb.PlanRequirement) -> Change:
    if item.venue and not item.room:
        return pb.AgendaItem(name=item.name, etag=item.etag), ("venue",)
    return pb.AgendaItem(name=item.name, etag=item.etag, needs_room=True), ("room", "needs_room")


def _drop_predecessor(item: pb.AgendaItem, requirement: runs_pb.PlanRequirement) -> Change:
    kept = [each for each in item.after if each.agenda_item != requirement.agenda_items[0]]
    return pb.AgendaItem(name=item.name, etag=item.etag, after=kept), ("after",)


def _do_without_equipment(item: pb.AgendaItem, requirement: runs_pb.PlanRequirement) -> Change:
    """Give up what the room has to be equipped with; only where nothing else was asked, that there are no steps."""
    field = "step_free" if list(requirement.words) == [STEP_FREE] else "equipment"
    return pb.AgendaItem(name=item.name, etag=item.etag), (field,)


def _make_optional(item: pb.AgendaItem, requirement: runs_pb.PlanRequirement) -> Change:
    """Let somebody who has to be there be one who may; of a group, all others have to be there by name no more."""
    gone = set(requirement.people)
    changed = pb.AgendaItem(
        name=item.name,
        etag=item.etag,
        people=[name for name in item.people if name not in gone],
        optional_people=dict.fromkeys([*item.optional_people, *(name for name in item.people if name in gone)]),
        interpreter="" if item.interpreter in gone else item.interpreter,
    )
    return changed, ("people", "optional_people", "interpreter")


_CHANGES: Mapping[int, Callable[[pb.AgendaItem, runs_pb.PlanRequirement], Change]] = {
    Kind.FIXED_ROOM: _choose_room,
    Kind.ROOMS: _choose_room,
    Kind.ROOM_NEEDED: _empty("room", "venue", "needs_room"),
    Kind.ADDITIONAL_ROOMS: _empty("additional_rooms"),
    Kind.SEATS: _empty("seats"),
    Kind.EQUIPMENT: _do_without_equipment,
    Kind.INTERPRETATION: _empty("interpretation_languages", "interpreter"),
    Kind.FIXED_START: _empty("fixed"),
    Kind.EARLIEST_START: _empty("earliest_start_time"),
    Kind.LATEST_END: _empty("latest_end_time"),
    Kind.PRECEDENCE: _drop_predecessor,
    Kind.REQUIRED_PERSON: _make_optional,
}
