"""What went wrong, said to a person in their language: by the reason of a refusal, or of what is wrong with a field."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from babel.dates import format_skeleton
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from chassis.error_metadata import read_indexed
from chassis.errors import DomainError, Violation
from gateway.auth.callers import is_reader
from gateway.errors.reasons import FIELDS, REFUSALS
from gateway.vocabulary.enum_labels import TERMS, get_verb_label


@dataclass(frozen=True)
class Explanation:
    """
    Why a request was not carried out.

    Attributes:
        title: What happened, in a few words.
        text: The same with its particulars, a line each.
        advice: What to do now, beside the form that was sent; may be empty.
        links: (resource name, its title) of what the text is about, to be linked.
        complaints: (field path, complaint) of the fields with which one can change it.
    """

    title: str
    text: str
    advice: str
    links: list[tuple[str, str]] = field(default_factory=list)
    complaints: list[tuple[str, str]] = field(default_factory=list)


CHOOSE_ONE = _l("Please choose at least one.")
TRY_LATER = _l("Please try again in a moment.")
# Canonical code → title, and advice beside the form.
TITLE_AND_ADVICE_BY_CODE: dict[str, tuple[LazyString, LazyString | str]] = {
    "UNAUTHENTICATED": (_l("You are not signed in"), ""),
    "PERMISSION_DENIED": (
        _l("You may not do this"),
        _l("Ask the international office if you need it for your work."),
    ),
    "NOT_FOUND": (_l("There is nothing here"), ""),
    "ALREADY_EXISTS": (_l("This exists already"), ""),
    "ABORTED": (_l("Changed meanwhile"), TRY_LATER),
    "RESOURCE_EXHAUSTED": (_l("Too often"), TRY_LATER),
    "UNAVAILABLE": (_l("Part of the platform does not answer"), TRY_LATER),
    "DEADLINE_EXCEEDED": (_l("This takes too long"), TRY_LATER),
    "INTERNAL": (_l("Something went wrong"), TRY_LATER),
}
OTHER_TITLE_AND_ADVICE = (_l("This was not possible"), "")


def explain(error: DomainError, zone: tzinfo) -> Explanation:
    """Return what to say about a refusal: of an unknown reason by its code, of times as clocks in `zone` show them."""
    if say := EXPLAINERS.get(error.reason):
        with suppress(KeyError):  # a service of another release has other particulars
            return say(error, zone)
    title, advice = TITLE_AND_ADVICE_BY_CODE.get(error.code, OTHER_TITLE_AND_ADVICE)
    return Explanation(str(title), _fill_text(error), str(advice))


def explain_field(violation: Violation) -> str:
    """Return what to say about a bad field; general words for a reason that is not known here."""
    return _fill(FIELDS.get(violation.reason, FIELDS["string.pattern"]), violation.metadata)


def _fill_text(error: DomainError) -> str:
    if error.violations:
        return "\n".join(dict.fromkeys(explain_field(violation) for violation in error.violations))
    known = REFUSALS.get(error.code, {})
    return _fill(known[error.reason], error.metadata) if error.reason in known else ""


def _fill(text: str, metadata: Mapping[str, str]) -> str:
    """Return a text in the reader's language; a particular that did not come is an ellipsis."""
    return _(text) % _Particulars(metadata)


class _Particulars(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "…"


def _format_instant(text: str, zone: tzinfo) -> str:
    """Return an RFC 3339 instant in the reader's format, as clocks in `zone` show it; anything else as it is."""
    local = _parse_local(text, zone)
    return f"{_format('yMMMEd', local)}, {_format('Hm', local)}" if local else text


def _format_span(start: str, end: str, zone: tzinfo) -> str:
    """Return the time between two RFC 3339 instants like `_format_instant`; a day that both share is said once."""
    first, last = _parse_local(start, zone), _parse_local(end, zone)
    if first and last and first.date() == last.date():
        return f"{_format_instant(start, zone)}–{_format('Hm', last)}"
    return f"{_format_instant(start, zone)} – {_format_instant(end, zone)}"


def _parse_local(text: str, zone: tzinfo) -> datetime | None:
    """Return an RFC 3339 instant as clocks in `zone` show it; None for anything else."""
    try:
        return datetime.fromisoformat(text).astimezone(zone)
    except ValueError:
        return None


def _format(skeleton: str, value: datetime) -> str:
    return format_skeleton(skeleton, value, locale=get_locale())


def _explain_etag_mismatch(error: DomainError, zone: tzinfo) -> Explanation:
    updater, time = error.metadata.get("updater", ""), _format_instant(error.metadata["update_time"], zone)
    return Explanation(
        _("Changed meanwhile"),
        _("You changed this in another window: %(time)s.", time=time)
        if updater and is_reader(updater)
        else _(
            "%(updater)s changed this on %(time)s, while you were working on it.",
            updater=updater or _("Somebody"),
            time=time,
        ),
        _("Nothing is overwritten. Look at it again, then press the button once more if you still want this."),
    )


def _explain_double_booking(error: DomainError, zone: tzinfo) -> Explanation:
    clashes = list(read_indexed(error.metadata, "clashes").values())
    taken: defaultdict[str, list[str]] = defaultdict(list)
    # What takes several at once is said once.
    concerned: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for clash in clashes:
        resource = clash.get("resource", "")
        title = clash.get("resource_title") or resource
        when = _format_span(clash.get("start_time", ""), clash.get("end_time", ""), zone)
        concerned[clash.get("conflict_title") or clash.get("conflict", ""), when].append(title)
        taken["agenda_item.room" if resource.startswith("rooms/") else "agenda_item.people"].append(title)
    sentences = [_describe_clash(titles, conflict, when) for (conflict, when), titles in concerned.items()]
    if (more := int(error.metadata["clashes"]) - len(clashes)) > 0:
        sentences.append(ngettext("There is one more clash.", "There are %(num)s more clashes.", more))
    return Explanation(
        _("Already taken at that time"),
        "\n".join(sentences),
        _("Choose another time, room or person."),
        list(
            dict.fromkeys((at, clash.get("conflict_title") or at) for clash in clashes if (at := clash.get("conflict")))
        ),
        [
            (path, _("Taken at that time: %(names)s.", names=", ".join(dict.fromkeys(titles))))
            for path, titles in taken.items()
        ],
    )


def _describe_clash(titles: Sequence[str], conflict: str, when: str) -> str:
    """Return who or what is taken, and by which item; "" where the reader may not see that."""
    different = dict.fromkeys(titles)
    names, count = ", ".join(different), len(different)
    if not conflict:
        return ngettext(
            "%(names)s is taken: %(when)s.", "%(names)s are taken: %(when)s.", count, names=names, when=when
        )
    return ngettext(
        "%(names)s is taken by “%(conflict)s”: %(when)s.",
        "%(names)s are taken by “%(conflict)s”: %(when)s.",
        count,
        names=names,
        conflict=conflict,
        when=when,
    )


def _explain_person_absent(error: DomainError, zone: tzinfo) -> Explanation:
    absences = list(read_indexed(error.metadata, "absences").values())
    titles = [absence["resource_title"] for absence in absences]
    return Explanation(
        _("Away at that time"),
        "\n".join(
            _(
                "%(resource)s is away: %(when)s.",
                resource=absence["resource_title"],
                when=_format_span(absence["start_time"], absence["end_time"], zone),
            )
            for absence in absences
        ),
        _("Choose another time or person."),
        complaints=[("agenda_item.people", _("Away at that time: %(names)s.", names=", ".join(dict.fromkeys(titles))))],
    )


def _explain_programme_changed(error: DomainError, _zone: tzinfo) -> Explanation:
    say = {
        "ADDED": lambda title: _("“%(title)s” is new.", title=title),
        "CHANGED": lambda title: _("“%(title)s” was changed.", title=title),
        "REMOVED": lambda title: _("“%(title)s” was removed.", title=title),
    }
    items = list(read_indexed(error.metadata, "items").values())
    return Explanation(
        _("The programme has changed since it was planned"),
        "\n".join(say[item["change"]](item["title"]) for item in items if item["title"]),
        _("Plan it again."),
    )


def _explain_agenda_outside_dates(error: DomainError, zone: tzinfo) -> Explanation:
    items = list(read_indexed(error.metadata, "items").values())
    names = []
    for item in items:
        start = _parse_local(item["start_time"], zone)
        when = _format("yMMMEd", start) if start else item["start_time"]
        names.append((item["name"], _("“%(title)s”, %(day)s", title=item["title"], day=when)))
    more = int(error.metadata["items"]) - len(items)
    return Explanation(
        _("Items of the programme would lie outside the new days"),
        ngettext("There is one more item.", "There are %(num)s more items.", more) if more > 0 else "",
        _("Move or remove them first, or choose other days."),
        names,
        [
            (path, _("The programme has items outside these days."))
            for path in dict.fromkeys(item["field"] for item in items)
        ],
    )


def _explain_illegal_transition(error: DomainError, _zone: tzinfo) -> Explanation:
    allowed = [get_verb_label(verb) for verb in error.metadata["allowed"].split(",") if verb]
    return Explanation(
        _("Not possible in this state"),
        _("Somebody has moved this on meanwhile, or a step before this one is missing."),
        _("Possible now: %(verbs)s.", verbs=", ".join(allowed)) if allowed else _("No further step is possible."),
    )


def _explain_visit_incomplete(error: DomainError, _zone: tzinfo) -> Explanation:
    labels = {
        "visit.start_date": _("First day"),
        "visit.end_date": _("Last day"),
        "visit.host_department": _("Host department"),
    }
    fields = error.metadata["fields"].split(",")
    return Explanation(
        _("Something is still open"),
        _(
            "Before the visit can be agreed on, this has to be known: %(fields)s.",
            fields=", ".join(labels[field] for field in fields),
        ),
        _("Fill it in first."),
        complaints=[(field, explain_field(Violation(field, "required", ""))) for field in fields],
    )


def _explain_ineligible(error: DomainError, _zone: tzinfo) -> Explanation:
    labels = TERMS["Eligibility.Reason"]
    broken = [str(labels.get(f"REASON_{name}", name)) for name in error.metadata["reasons"].split(",")]
    return Explanation(
        _("Not eligible"),
        _("What speaks against it: %(reasons)s.", reasons="; ".join(broken)),
        _("The check is in the log of the forum."),
    )


def _explain_delegate_travels(error: DomainError, _zone: tzinfo) -> Explanation:
    clashes = list(read_indexed(error.metadata, "clashes").values())
    sentences = [
        _(
            "%(name)s travels from %(first)s to %(last)s.",
            name=clash["delegate_title"],
            first=_format_day(clash["start_date"]),
            last=_format_day(clash["end_date"]),
        )
        for clash in clashes
    ]
    return Explanation(
        _("In another delegation on these days"),
        " ".join(sentences),
        _("Take the person out there first, or choose other days."),
        [(clash["conflict"], clash["conflict_title"]) for clash in clashes if "conflict" in clash],
    )


def _explain_delegate_named_twice(error: DomainError, _zone: tzinfo) -> Explanation:
    title = error.metadata["delegate_title"]
    return Explanation(
        _("In this delegation already"),
        "",
        _("Where two people have the same name, add to it what tells them apart."),
        [(error.metadata["delegate"], title)],
        [("delegate.display_name", _("Part of this delegation already: %(name)s", name=title))],
    )


def _format_day(text: str) -> str:
    """Return an ISO 8601 day in the reader's format; anything else as it is."""
    try:
        return _format("yMMMEd", datetime.fromisoformat(text))
    except ValueError:
        return text


def _explain_in_use(error: DomainError, _zone: tzinfo) -> Explanation:
    referrers = list(read_indexed(error.metadata, "referrers").values())
    more = int(error.metadata["referrers"]) - len(referrers)
    return Explanation(
        _("Something else refers to it"),
        ngettext("There is one more.", "There are %(num)s more.", more) if more > 0 else "",
        _("Remove these first where that is still possible; otherwise it has to stay."),
        [(referrer["name"], _entitle_referrer(referrer)) for referrer in referrers],
    )


def _entitle_referrer(referrer: Mapping[str, str]) -> str:
    """Return what to call what refers to something: a partnership has no title but the name of its city."""
    if referrer["name"].startswith("partnerships/"):
        return _("Partnership with %(city)s", city=referrer["title"])
    return referrer["title"]


def _explain_second_head(error: DomainError, _zone: tzinfo) -> Explanation:
    head, title = error.metadata["head"], error.metadata["head_title"]
    return Explanation(
        _("The delegation has a head already"),
        "",
        _("Take the mark away there first, or leave it out here."),
        [(head, title)],
        [("delegate.head", _("%(head)s heads the delegation now.", head=title))],
    )


def _explain_too_many_attempts(error: DomainError, _zone: tzinfo) -> Explanation:
    minutes = int(error.metadata["retry_after"]) // 60 + 1
    title, advice = TITLE_AND_ADVICE_BY_CODE[error.code]
    text = ngettext(
        "Too many attempts. Please try again in one minute.",
        "Too many attempts. Please try again in %(num)s minutes.",
        minutes,
    )
    return Explanation(str(title), text, str(advice))


def _explain_request_id_reused(_error: DomainError, _zone: tzinfo) -> Explanation:
    return Explanation(
        _("This form is saved already"),
        _("You saved it before with other content, and that stays as it is. What is typed below is not saved yet."),
        _("Press the button again if this is to be another entry; else change the one that you saved."),
    )


# Reason → what to say that a text alone cannot.
EXPLAINERS: dict[str, Callable[[DomainError, tzinfo], Explanation]] = {
    "REQUEST_ID_REUSED": _explain_request_id_reused,
    "ETAG_MISMATCH": _explain_etag_mismatch,
    "DOUBLE_BOOKING": _explain_double_booking,
    "PERSON_ABSENT": _explain_person_absent,
    "PROGRAMME_CHANGED": _explain_programme_changed,
    "AGENDA_OUTSIDE_DATES": _explain_agenda_outside_dates,
    "ILLEGAL_TRANSITION": _explain_illegal_transition,
    "INELIGIBLE": _explain_ineligible,
    "VISIT_INCOMPLETE": _explain_visit_incomplete,
    "DELEGATE_TRAVELS_ALREADY": _explain_delegate_travels,
    "DELEGATE_NAMED_TWICE": _explain_delegate_named_twice,
    "RESOURCE_IN_USE": _explain_in_use,
    "IN_USE": _explain_in_use,
    "SECOND_HEAD": _explain_second_head,
    "TOO_MANY_ATTEMPTS": _explain_too_many_attempts,
}
