"""
What went wrong, said to a person in their language: the reasons of the contract and the complaints of field rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from babel.dates import format_skeleton
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from chassis.error_metadata import read_indexed
from chassis.errors import DomainError
from gateway.vocabulary.enum_labels import TERMS, verb_label


@dataclass(frozen=True)
class Problem:
    """
    Why a request was not carried out.

    Attributes:
        title: What happened, in a few words.
        text: The same with its particulars, a line each.
        advice: What to do now.
        names: (resource name, its title) of what the text is about, to be linked.
        marks: (field path, complaint) of the fields with which one can change it.
    """

    title: str
    text: str
    advice: str
    names: list[tuple[str, str]] = field(default_factory=list)
    marks: list[tuple[str, str]] = field(default_factory=list)


FILL_IN = _l("Please fill this in.")
CHOOSE = _l("Please choose at least one.")
# A sentence of a service, or a complaint of a field rule (as `chassis.validation` words it) → what a person reads.
# Named groups fill the placeholders. What is not here is shown as the service wrote it, in English.
SENTENCES: list[tuple[re.Pattern[str], LazyString]] = [
    (re.compile(pattern), text)
    for pattern, text in (
        # Rules of fields.
        (r"is required|at least 1 (character|item)|must not be empty|must not be in list \[0\]", FILL_IN),
        (r"What shows that the recommendation|needs a day by which", FILL_IN),
        (r"must be at least (?P<count>\d+) characters", _l("Please write at least %(count)s characters.")),
        (r"must be at most (?P<count>\d+) characters", _l("Please write no more than %(count)s characters.")),
        (r"at most (?P<count>\d+) item", _l("Please give no more than %(count)s entries.")),
        (r"names something twice", _l("Please give each entry only once.")),
        (
            r"greater than or equal to (?P<low>-?\d+) and less than or equal to (?P<high>-?\d+)",
            _l("Please give a number from %(low)s to %(high)s."),
        ),
        (r"is not one of the values|must be in list", _l("Please choose one of the entries.")),
        (r"has not the right form|is not a name such as", _l("This has not the form that is needed here.")),
        (
            r"must be a BCP 47 language tag",
            _l("This language is not known. Please give its name, for example: Polish."),
        ),
        (
            r"must be a topic such as",
            _l("A topic is a few words of letters and digits, for example: water supply."),
        ),
        (r"must be an account such as", _l("Please give the e-mail address with which the person signs in.")),
        (r"must be an e-mail address such as", _l("Please give an e-mail address, for example: name@example.org.")),
        (
            r"must be an id such as (?P<example>\S+)",
            _l("Please use small letters from a to z, digits and hyphens only, for example: %(example)s."),
        ),
        (
            r"must be an? .+ such as (?P<example>.+)",
            _l("This has not the form that is needed here, for example: %(example)s."),
        ),
        (r"contains a NUL character", _l("It contains a character that cannot be stored.")),
        (r"name both languages, or none", _l("Please name both languages, or none.")),
        (r"There is no such day|is not a day", _l("There is no such day.")),
        (r"has a year outside (?P<low>\d+) to (?P<high>\d+)", _l("The year has to lie from %(low)s to %(high)s.")),
        # Visits.
        (r"is before the first day|last day is before the first", _l("The last day is before the first.")),
        (r"is more than (?P<days>\d+) days after", _l("A visit lasts no longer than %(days)s days.")),
        (r"is not after the start", _l("The end is not after the beginning.")),
        (r"is more than 24 hours after", _l("An item lasts no longer than 24 hours.")),
        (r"is not within the visit's dates", _l("This lies outside the days of the visit.")),
        (r"neither of the host's people", _l("Somebody here belongs neither to the hosts nor to this delegation.")),
        (r"give it new dates first", _l("The visit was postponed. Give it new days first.")),
        (r"^The visit is \w+ and can't be changed", _l("This visit is over and cannot be changed any more.")),
        (r"Only the department in charge", _l("Only the department that is in charge of the visit may do this.")),
        (r"Only the department that leads", _l("Only the department that leads the exchange may do this.")),
        # Forums.
        (r"is adopted and cannot|its text cannot be changed", _l("It is adopted; its text never changes again.")),
        (r"Another department owns", _l("Another department is the owner of this recommendation.")),
        (r"verified by someone other", _l("A recommendation is verified by somebody other than its owner.")),
        (r"Accept the invitation", _l("Accept the invitation before you write in this forum.")),
        (r"do not sit on the panel", _l("You do not sit on the panel of this forum.")),
        (
            r"working groups that they belong to",
            _l("You can write here only for working groups that you belong to, and leave the others as they are."),
        ),
        (r"due date and the evidence only", _l("A department changes the day and the evidence only.")),
        (r"Another working group owns", _l("Another working group reviews some of this already.")),
        (r"account sits on the panel already", _l("This account sits on the panel already.")),
        (r"node of this forum has this code", _l("Something else under review here has this code.")),
        (r"its own ancestor", _l("It cannot lie below itself.")),
        (r"is in use: something else", _l("Something else in the forum still refers to it.")),
        # Learnings.
        (
            r"author of a learning|who is not its author",
            _l("A learning is validated by somebody other than its author."),
        ),
        (r"Staff of a partner city write", _l("Please choose the visit of your city that it comes from.")),
        (r"Only a coordinator makes", _l("Only the international office makes a learning public.")),
        (r"cannot replace another", _l("This learning is itself set aside and cannot replace another.")),
        # Cities and accounts.
        (r"^cities/\S+ exists already", _l("Another city has this short name. Choose another one.")),
        (r"is not an IANA time zone", _l("This time zone is not known. Please choose one from the list.")),
        (r"is the home city", _l("This is the home city. Please choose another one.")),
        (r"e-mail address of an expert's account", _l("No expert signs in with this e-mail address.")),
        (r"belongs to another account", _l("Another account has this e-mail address.")),
        (
            r"You cannot disable your own account",
            _l("You cannot lock your own account or take the role of an administrator from it; another one can."),
        ),
        # Everywhere.
        (r"does not exist|was deleted meanwhile|not in this forum", _l("This does not exist (any more).")),
        (r"This needs the role", _l("Your role is not allowed to do this.")),
        (r"You may not see", _l("You may not see this.")),
    )
]


def sentence(text: str, *, blank: bool = False) -> str:
    """Return a sentence of a service in the reader's language; `blank`: it is about a field with nothing in it."""
    if blank and re.search(r"has not the right form|must be an? .+ such as", text):
        return str(FILL_IN)
    for pattern, words in SENTENCES:
        if found := pattern.search(text):
            return str(words) % found.groupdict() if found.groupdict() else str(words)
    return text


def _moment(text: str, zone: tzinfo) -> str:
    """Return an RFC 3339 instant in the reader's format, as clocks in `zone` show it; anything else as it is."""
    local = _local(text, zone)
    return f"{_formatted('yMMMEd', local)}, {_formatted('Hm', local)}" if local else text


def _span(start: str, end: str, zone: tzinfo) -> str:
    """Return the time between two RFC 3339 instants like `_moment`; a day that both share is said once."""
    first, last = _local(start, zone), _local(end, zone)
    if first and last and first.date() == last.date():
        return f"{_moment(start, zone)}–{_formatted('Hm', last)}"
    return f"{_moment(start, zone)} – {_moment(end, zone)}"


def _local(text: str, zone: tzinfo) -> datetime | None:
    """Return an RFC 3339 instant as clocks in `zone` show it; None for anything else."""
    try:
        return datetime.fromisoformat(text).astimezone(zone)
    except ValueError:
        return None


def _formatted(skeleton: str, value: datetime) -> str:
    return format_skeleton(skeleton, value, locale=get_locale())


def _changed_meanwhile(error: DomainError, zone: tzinfo) -> Problem:
    return Problem(
        _("Changed meanwhile"),
        _(
            "%(updater)s changed this at %(time)s, while you were working on it.",
            updater=error.metadata.get("updater") or _("Somebody"),
            time=_moment(error.metadata.get("update_time", ""), zone),
        ),
        _("Nothing of yours is lost: what you typed is still below. Save again to replace the other version."),
    )


def _double_booking(error: DomainError, zone: tzinfo) -> Problem:
    clashes = list(read_indexed(error.metadata, "clashes").values())
    sentences = []
    taken: dict[str, list[str]] = {}
    for clash in clashes:
        resource = clash.get("resource", "")
        title = clash.get("resource_title") or resource
        when = _span(clash.get("start_time", ""), clash.get("end_time", ""), zone)
        sentences.append(
            _(
                "%(resource)s is taken by “%(conflict)s”: %(when)s.",
                resource=title,
                conflict=clash.get("conflict_title") or clash["conflict"],
                when=when,
            )
            if clash.get("conflict")
            else _("%(resource)s is taken: %(when)s.", resource=title, when=when)
        )
        path = "agenda_item.room" if resource.startswith("rooms/") else "agenda_item.people"
        taken.setdefault(path, []).append(title)
    if (more := int(error.metadata.get("clashes", "0")) - len(clashes)) > 0:
        sentences.append(ngettext("There is one more clash.", "There are %(num)s more clashes.", more))
    return Problem(
        _("Already taken at that time"),
        "\n".join(sentences),
        _("Choose another time, room or person. What you typed is still below."),
        list(
            dict.fromkeys((at, clash.get("conflict_title") or at) for clash in clashes if (at := clash.get("conflict")))
        ),
        [
            (path, _("Taken at that time: %(names)s.", names=", ".join(dict.fromkeys(titles))))
            for path, titles in taken.items()
        ],
    )


def _agenda_outside_dates(error: DomainError, zone: tzinfo) -> Problem:
    items = list(read_indexed(error.metadata, "items").values())
    names = []
    for item in items:
        start = _local(item["start_time"], zone)
        when = _formatted("yMMMEd", start) if start else item["start_time"]
        names.append((item["name"], _("“%(title)s”, %(day)s", title=item["title"], day=when)))
    more = int(error.metadata.get("items", "0")) - len(items)
    return Problem(
        _("Items of the programme would lie outside the new days"),
        ngettext("There is one more item.", "There are %(num)s more items.", more) if more > 0 else "",
        _("Move or remove them first, or choose other days. What you typed is still below."),
        names,
        [
            (path, _("The programme has items outside these days."))
            for path in dict.fromkeys(item["field"] for item in items)
        ],
    )


def _illegal_transition(error: DomainError, _zone: tzinfo) -> Problem:
    allowed = [verb_label(verb) for verb in error.metadata.get("allowed", "").split(",") if verb]
    return Problem(
        _("Not possible in this state"),
        _("Somebody has moved this on meanwhile, or a step before this one is missing."),
        _("Possible now: %(verbs)s.", verbs=", ".join(allowed)) if allowed else _("No further step is possible."),
    )


def _ineligible(error: DomainError, _zone: tzinfo) -> Problem:
    labels = TERMS["Eligibility.Reason"]
    broken = [str(labels.get(f"REASON_{name}", name)) for name in error.metadata.get("reasons", "").split(",")]
    return Problem(
        _("Not eligible"),
        _("What speaks against it: %(reasons)s.", reasons="; ".join(broken)),
        _("The check is in the log of the forum. What you typed is still below."),
    )


def _already_exists(error: DomainError, _zone: tzinfo) -> Problem:
    return Problem(_("This exists already"), sentence(error.message), _("What you typed is still below."))


def _second_head(error: DomainError, _zone: tzinfo) -> Problem:
    head, title = error.metadata["head"], error.metadata["head_title"]
    return Problem(
        _("The delegation has a head already"),
        "",
        _("Take the mark away there first, or leave it out here. What you typed is still below."),
        [(head, title)],
        [("delegate.head", _("%(head)s heads the delegation now.", head=title))],
    )


def _not_permitted(error: DomainError, _zone: tzinfo) -> Problem:
    return Problem(
        _("You may not do this"),
        sentence(error.message),
        _("Ask the international office if you need it for your work."),
    )


def _request_id_reused(_error: DomainError, _zone: tzinfo) -> Problem:
    return Problem(
        _("Already sent with other content"),
        _("This form was sent before with different content."),
        _("Open the form anew from the list to create another entry."),
    )


def _unavailable(_error: DomainError, _zone: tzinfo) -> Problem:
    return Problem(
        _("Part of the platform does not answer"),
        _("Your request could not be carried out just now."),
        _("What you typed is still below. Please try again in a moment."),
    )


# Reason, or code, of a refusal → what to say about it.
PROBLEMS: dict[str, Callable[[DomainError, tzinfo], Problem]] = {
    "ETAG_MISMATCH": _changed_meanwhile,
    "DOUBLE_BOOKING": _double_booking,
    "AGENDA_OUTSIDE_DATES": _agenda_outside_dates,
    "ILLEGAL_TRANSITION": _illegal_transition,
    "INELIGIBLE": _ineligible,
    "SECOND_HEAD": _second_head,
    "ALREADY_EXISTS": _already_exists,
    "REQUEST_ID_REUSED": _request_id_reused,
    "PERMISSION_DENIED": _not_permitted,
    "UNAVAILABLE": _unavailable,
    "DEADLINE_EXCEEDED": _unavailable,
}


def problem(error: DomainError, zone: tzinfo) -> Problem:
    """Return what to say about a refusal that is not about one field; times as clocks in `zone` show them."""
    if explain := PROBLEMS.get(error.reason) or PROBLEMS.get(error.code):
        return explain(error, zone)
    return Problem(_("This was not possible"), sentence(error.message), _("What you typed is still below."))
