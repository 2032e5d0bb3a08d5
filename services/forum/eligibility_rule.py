"""
Who may sit on a panel and write there: the eligibility rule, over plain values.

An expert is politically neutral, has neither an affiliation with nor a residence in the city under review, comes from
a city with an active partnership or friendship or is a national expert, fits under the cap for its city, and has
declared that no conflict of interest exists.
"""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """A part of the rule that is broken, in the order in which the rule is read."""

    NOT_POLITICALLY_NEUTRAL = "not_politically_neutral"
    AFFILIATED_WITH_REVIEWED_CITY = "affiliated_with_reviewed_city"
    RESIDENT_OF_REVIEWED_CITY = "resident_of_reviewed_city"
    NOT_FROM_PARTNER_CITY = "not_from_partner_city"
    CITY_CAP_EXCEEDED = "city_cap_exceeded"
    CONFLICT_NOT_DECLARED = "conflict_not_declared"
    CONFLICT_OF_INTEREST = "conflict_of_interest"


MAY_FOLLOW_INVITATION = frozenset({Reason.CONFLICT_NOT_DECLARED})
"""What does not stand against an invitation: the expert puts it right when accepting."""


@dataclass(frozen=True)
class Candidate:
    """
    What the rule must know of an expert.

    Attributes:
        politically_neutral: The expert has declared to be.
        national: Comes as a national expert, not from a partner or friendship city.
        city: Resource name of the affiliation's city; "" for none that the platform knows.
        residence_city: Resource name of the city of residence; "" likewise.
        conflict_declared: The expert has declared whether a conflict of interest exists.
        has_conflict: The declaration names one.
    """

    politically_neutral: bool
    national: bool
    city: str
    residence_city: str
    conflict_declared: bool
    has_conflict: bool


@dataclass(frozen=True)
class PanelContext:
    """
    What the rule must know of the forum and of the candidate's place in it.

    Attributes:
        reviewed_city: Resource name of the city under review.
        city_cap: How many experts may come from one city; 0 sets no cap.
        earlier_from_city: How many on the panel come from the candidate's city and were invited before it.
        from_partner_city: An active partnership or friendship with the candidate's city exists.
    """

    reviewed_city: str
    city_cap: int
    earlier_from_city: int
    from_partner_city: bool


def find_broken_rules(candidate: Candidate, context: PanelContext) -> tuple[Reason, ...]:
    """Return every part of the rule that the candidate breaks, in the order of `Reason`; none means eligible."""
    from_reviewed_city = candidate.city == context.reviewed_city
    capped = context.city_cap > 0 and candidate.city != ""
    broken = {
        Reason.NOT_POLITICALLY_NEUTRAL: not candidate.politically_neutral,
        Reason.AFFILIATED_WITH_REVIEWED_CITY: from_reviewed_city,
        Reason.RESIDENT_OF_REVIEWED_CITY: candidate.residence_city == context.reviewed_city,
        Reason.NOT_FROM_PARTNER_CITY: not candidate.national and not context.from_partner_city,
        Reason.CITY_CAP_EXCEEDED: capped and context.earlier_from_city >= context.city_cap,
        Reason.CONFLICT_NOT_DECLARED: not candidate.conflict_declared,
        Reason.CONFLICT_OF_INTEREST: candidate.conflict_declared and candidate.has_conflict,
    }
    return tuple(reason for reason in Reason if broken[reason])
