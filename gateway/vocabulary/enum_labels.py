"""
What people read for the enums and the verbs of the contract: states, kinds, roles. Values are keyed as in the contract.
"""

from __future__ import annotations

from typing import Any

from flask_babel.speaklater import LazyString
from google.protobuf.message import Message

from gateway.i18n.gettext import translate_later as _l

# Enum (message and enum name) → value name → label. The order is the order of every select.
TERMS: dict[str, dict[str, LazyString]] = {
    "Partnership.Kind": {
        "KIND_PARTNERSHIP": _l("Partnership"),
        "KIND_FRIENDSHIP": _l("Friendship"),
        "KIND_PROJECT": _l("Project partnership"),
        "KIND_CONTACT": _l("Contact"),
    },
    "Partnership.State": {
        "STATE_INITIATED": _l("Initiated"),
        "STATE_COUNCIL_APPROVED": _l("Approved by the council"),
        "STATE_SIGNED": _l("Signed"),
        "STATE_ACTIVE": _l("Active"),
        "STATE_DORMANT": _l("Dormant"),
        "STATE_ENDED": _l("Ended"),
    },
    "Exchange.Kind": {
        "KIND_ADMINISTRATIVE": _l("Administrative exchange"),
        "KIND_SCHOOL": _l("School exchange"),
        "KIND_CULTURE": _l("Cultural exchange"),
        "KIND_FRIENDSHIP": _l("Friendship visit"),
    },
    "Visit.Direction": {
        "DIRECTION_INCOMING": _l("Incoming"),
        "DIRECTION_OUTGOING": _l("Outgoing"),
    },
    "Visit.State": {
        "STATE_IDEA": _l("Idea"),
        "STATE_AGREED": _l("Agreed"),
        "STATE_PLANNED": _l("Planned"),
        "STATE_CONFIRMED": _l("Confirmed"),
        "STATE_RUNNING": _l("Running"),
        "STATE_REPORTED": _l("Reported"),
        "STATE_CLOSED": _l("Closed"),
        "STATE_CANCELLED": _l("Cancelled"),
        "STATE_POSTPONED": _l("Postponed"),
    },
    "Delegate.Group": {
        "GROUP_POLITICS": _l("Politics"),
        "GROUP_STAFF": _l("Staff"),
        "GROUP_COMPANIONS": _l("Companions"),
    },
    "AgendaItem.Transport": {
        "TRANSPORT_WALK": _l("On foot"),
        "TRANSPORT_BUS": _l("Bus"),
        "TRANSPORT_TRAIN": _l("Train"),
        "TRANSPORT_FERRY": _l("Ferry"),
        "TRANSPORT_CAR": _l("Car"),
    },
    "ScheduleRun.State": {
        "STATE_RUNNING": _l("Being planned"),
        "STATE_SCHEDULED": _l("Plan found"),
        "STATE_INFEASIBLE": _l("Cannot be done"),
        "STATE_UNDECIDED": _l("Nothing found in time"),
        "STATE_CANCELLED": _l("Stopped"),
        "STATE_INTERRUPTED": _l("Interrupted"),
        "STATE_APPLIED": _l("Accepted"),
    },
    "DateOption.Answer": {
        "ANSWER_YES": _l("Yes"),
        "ANSWER_IF_NEED_BE": _l("If need be"),
        "ANSWER_NO": _l("No"),
    },
    "PlannedItem.Change": {
        "CHANGE_PLACED": _l("gets a time"),
        "CHANGE_MOVED": _l("moves"),
        "CHANGE_KEPT": _l("stays"),
    },
    "Calendar.Kind": {
        "KIND_UPLOADED": _l("From a file"),
        "KIND_SUBSCRIBED": _l("Subscribed to"),
    },
    "Calendar.State": {
        "STATE_WAITING": _l("Not read yet"),
        "STATE_CURRENT": _l("Up to date"),
        "STATE_OUTDATED": _l("Old: as last read"),
        "STATE_UNREADABLE": _l("Cannot be read"),
    },
    "SubjectNode.Kind": {
        "KIND_STRATEGIC_GOAL": _l("Strategic goal"),
        "KIND_TOP_INDICATOR": _l("Top indicator"),
        "KIND_MANAGEMENT_GOAL": _l("Management goal"),
        "KIND_BUDGET_PRODUCT": _l("Budget product"),
        "KIND_MEASURE": _l("Measure"),
        "KIND_INDICATOR": _l("Indicator"),
        "KIND_COMMITMENT": _l("Commitment to a charter"),
    },
    "Panelist.Kind": {
        "KIND_PRACTITIONER": _l("Practitioner"),
        "KIND_ACADEMIC": _l("Academic"),
    },
    "Panelist.Origin": {
        "ORIGIN_PARTNER_CITY": _l("Partner city"),
        "ORIGIN_FRIENDSHIP_CITY": _l("Friendship city"),
        "ORIGIN_NATIONAL": _l("National expert"),
    },
    "Panelist.State": {
        "STATE_INVITED": _l("Invited"),
        "STATE_ACCEPTED": _l("Has accepted"),
        "STATE_DECLINED": _l("Declined"),
        "STATE_WITHDRAWN": _l("Withdrawn"),
    },
    "Eligibility.Reason": {
        "REASON_NOT_POLITICALLY_NEUTRAL": _l("has not declared political neutrality"),
        "REASON_AFFILIATED_WITH_REVIEWED_CITY": _l("is affiliated with the city under review"),
        "REASON_RESIDENT_OF_REVIEWED_CITY": _l("lives in the city under review"),
        "REASON_NOT_FROM_PARTNER_CITY": _l(
            "comes from no city with an active partnership or friendship (an initiated one does not count yet)"
        ),
        "REASON_CITY_CAP_EXCEEDED": _l("too many experts from one city"),
        "REASON_CONFLICT_NOT_DECLARED": _l("has not declared conflicts of interest yet"),
        "REASON_CONFLICT_OF_INTEREST": _l("declares a conflict of interest"),
    },
    "Conclusion.State": {
        "STATE_DRAFT": _l("Draft"),
        "STATE_ADOPTED": _l("Adopted"),
    },
    "Recommendation.State": {
        "STATE_DRAFT": _l("Draft"),
        "STATE_ADOPTED": _l("Adopted, waiting for an answer"),
        "STATE_ANSWERED": _l("Answered"),
        "STATE_PLANNED": _l("Planned"),
        "STATE_IN_PROGRESS": _l("In progress"),
        "STATE_IMPLEMENTED": _l("Implemented"),
        "STATE_VERIFIED": _l("Verified"),
    },
    "Answer.Verdict": {
        "VERDICT_ACCEPTED": _l("Accepted"),
        "VERDICT_PARTLY": _l("Partly accepted"),
        "VERDICT_REJECTED": _l("Rejected"),
    },
    "Learning.State": {
        "STATE_OBSERVATION": _l("Observation"),
        "STATE_INSIGHT": _l("Insight"),
        "STATE_LESSON_IDENTIFIED": _l("Lesson identified"),
        "STATE_IMPLEMENTED": _l("Implemented"),
        "STATE_VALIDATED": _l("Validated: lesson learned"),
        "STATE_EMBEDDED": _l("Embedded"),
        "STATE_REJECTED": _l("Rejected"),
        "STATE_SUPERSEDED": _l("Superseded"),
    },
    "Learning.Visibility": {
        "VISIBILITY_INTERNAL": _l("Internal"),
        "VISIBILITY_PARTNERS": _l("Shared with partner cities"),
        "VISIBILITY_PUBLIC": _l("Public"),
    },
    "MatchReason.Kind": {
        "KIND_WORD": _l("the same word"),
        "KIND_INFLECTION": _l("another form"),
        "KIND_COMPOUND": _l("compound"),
        "KIND_BEGINNING": _l("begins like it"),
        "KIND_CORRECTION": _l("probably meant"),
        "KIND_TOPIC": _l("same topic"),
        "KIND_MEANING": _l("similar in meaning"),
    },
    "Application.Outcome": {
        "OUTCOME_HELPED": _l("It helped"),
        "OUTCOME_PARTLY": _l("It helped in part"),
        "OUTCOME_DID_NOT_HELP": _l("It did not help"),
    },
    "Session.Kind": {
        "KIND_BROWSER": _l("Browser"),
        "KIND_PROGRAM": _l("Program"),
    },
    "AccessToken.Scope": {
        "SCOPE_READ": _l("Read only"),
        "SCOPE_WRITE": _l("Read and change"),
        "SCOPE_CALENDAR": _l("Subscribe to the calendar"),
    },
    "Role": {
        "ROLE_ADMINISTRATOR": _l("Administrator"),
        "ROLE_COORDINATOR": _l("Coordinator: the international office"),
        "ROLE_MEMBER": _l("Member: a department of the home city"),
        "ROLE_PARTNER": _l("Partner: staff of a partner city"),
        "ROLE_EXPERT": _l("Expert on a panel"),
    },
    "Installation.State": {
        "STATE_ACTIVE": _l("May publish"),
        "STATE_REVOKED": _l("Revoked"),
    },
}

# What a debrief takes down becomes a learning, read by the same people.
TERMS["DebriefEntry.Visibility"] = TERMS["Learning.Visibility"]

# Value → tone of its badge. Neutral: not begun, or over. Info: under way. Success: it holds. Warning: somebody has to
# act. Danger: it failed. What is not here is "info".
TONES: dict[str, dict[str, str]] = {
    "Partnership.State": {
        "STATE_INITIATED": "neutral",
        "STATE_ACTIVE": "success",
        "STATE_DORMANT": "warning",
        "STATE_ENDED": "neutral",
    },
    "Visit.State": {
        "STATE_IDEA": "neutral",
        "STATE_CONFIRMED": "success",
        "STATE_RUNNING": "success",
        "STATE_CLOSED": "neutral",
        "STATE_CANCELLED": "danger",
        "STATE_POSTPONED": "warning",
    },
    "ScheduleRun.State": {
        "STATE_SCHEDULED": "success",
        "STATE_INFEASIBLE": "danger",
        "STATE_UNDECIDED": "warning",
        "STATE_CANCELLED": "neutral",
        "STATE_INTERRUPTED": "warning",
        "STATE_APPLIED": "success",
    },
    "Calendar.State": {
        "STATE_CURRENT": "success",
        "STATE_OUTDATED": "warning",
        "STATE_UNREADABLE": "danger",
    },
    "Installation.State": {"STATE_ACTIVE": "success", "STATE_REVOKED": "neutral"},
    "DateOption.Answer": {"ANSWER_YES": "success", "ANSWER_IF_NEED_BE": "warning", "ANSWER_NO": "danger"},
    "PlannedItem.Change": {"CHANGE_PLACED": "success", "CHANGE_MOVED": "warning", "CHANGE_KEPT": "neutral"},
    "Panelist.State": {"STATE_ACCEPTED": "success", "STATE_DECLINED": "danger", "STATE_WITHDRAWN": "neutral"},
    "Conclusion.State": {"STATE_DRAFT": "neutral", "STATE_ADOPTED": "success"},
    "Recommendation.State": {
        "STATE_DRAFT": "neutral",
        "STATE_ADOPTED": "warning",
        "STATE_IMPLEMENTED": "warning",
        "STATE_VERIFIED": "success",
    },
    "Answer.Verdict": {"VERDICT_ACCEPTED": "success", "VERDICT_PARTLY": "warning", "VERDICT_REJECTED": "danger"},
    "Learning.State": {
        "STATE_OBSERVATION": "neutral",
        "STATE_IMPLEMENTED": "warning",
        "STATE_VALIDATED": "success",
        "STATE_EMBEDDED": "success",
        "STATE_REJECTED": "danger",
        "STATE_SUPERSEDED": "neutral",
    },
    "Application.Outcome": {
        "OUTCOME_HELPED": "success",
        "OUTCOME_PARTLY": "warning",
        "OUTCOME_DID_NOT_HELP": "danger",
    },
}

# Transition, alone or as "collection.verb" where one verb means different things → label of its button.
VERBS: dict[str, LazyString] = {
    "accept": _l("Accept invitation"),
    "activate": _l("Activate"),
    "adopt": _l("Adopt conclusion"),
    "agree": _l("Agree"),
    "analyze": _l("Record as insight"),
    "answer": _l("Answer"),
    "approve": _l("Record council approval"),
    "cancel": _l("Cancel visit"),
    "close": _l("Close visit"),
    "confirm": _l("Confirm"),
    "correct": _l("Correct answer"),
    "decline": _l("Decline invitation"),
    "embed": _l("Record as embedded"),
    "end": _l("End partnership"),
    "identify": _l("Identify lesson"),
    "implement": _l("Report as implemented"),
    "plan": _l("Mark as planned"),
    "postpone": _l("Postpone visit"),
    "reject": _l("Reject"),
    "report": _l("Record debrief"),
    "return": _l("Report as not done"),
    "sign": _l("Record signature"),
    "start": _l("Begin"),
    "supersede": _l("Replace by a newer one"),
    "suspend": _l("Let it rest"),
    "validate": _l("Validate"),
    "verify": _l("Verify"),
    "withdraw": _l("Remove"),
    "recommendations.plan": _l("Plan implementation"),
    "recommendations.start": _l("Start implementation"),
    "visits.start": _l("Start visit"),
}


def _find_enum(message: Message, field: str) -> tuple[str, Any]:
    """Return (key in TERMS, descriptor) of an enum field's type."""
    enum: Any = message.DESCRIPTOR.fields_by_name[field].enum_type
    return f"{enum.containing_type.name}.{enum.name}" if enum.containing_type else enum.name, enum


def _find_value(message: Message, field: str) -> tuple[str, str]:
    """Return (key in TERMS, value name) of an enum field."""
    key, enum = _find_enum(message, field)
    return key, enum.values_by_number[getattr(message, field)].name


def get_value_name(message: Message, field: str = "state") -> str:
    """Return the name of an enum field's value, as the contract spells it."""
    return _find_value(message, field)[1]


def get_term(message: Message, field: str = "state") -> str:
    """Return what a person reads for an enum field; "" when it is not set."""
    enum, name = _find_value(message, field)
    return str(TERMS[enum].get(name, ""))


def get_terms(message: Message, field: str) -> list[str]:
    """Return what a person reads for a repeated enum field."""
    key, enum = _find_enum(message, field)
    labels = TERMS[key]
    names = [enum.values_by_number[number].name for number in getattr(message, field)]
    return [str(labels.get(name, name)) for name in names]


def get_tone(message: Message, field: str = "state") -> str:
    """Return the tone of the badge that shows an enum field."""
    enum, name = _find_value(message, field)
    return TONES.get(enum, {}).get(name, "info")


def list_options(enum: str) -> list[tuple[str, str]]:
    """Return (value name, label) of every value of an enum, such as `Visit.State`."""
    return [(name, str(label)) for name, label in TERMS[enum].items()]


def get_verb_label(verb: str, collection: str = "") -> str:
    """Return the label of a transition's button."""
    return str(VERBS.get(f"{collection}.{verb}") or VERBS.get(verb) or verb)
