"""What the files of forums, of a panel, and of recommendations hold."""

from collections.abc import Mapping
from operator import attrgetter

from austausch.forum.v1 import forum_pb2 as pb
from flask_babel import gettext as _

from gateway.i18n.gettext import translate_later as _l
from gateway.i18n.languages import get_language_name
from gateway.vocabulary.cities import get_city_names, load_city_names
from gateway.vocabulary.enum_labels import get_term, get_terms
from gateway.web.exports import Export, get_address

FORUMS = Export(
    _l("Expert forums"),
    attrgetter("forums"),
    [
        (_l("Title"), attrgetter("title")),
        (_l("Subject"), attrgetter("subject")),
        (_l("City under review"), lambda forum: get_city_names().get(forum.city, "")),
        (_l("First day"), attrgetter("start_date")),
        (_l("Last day"), attrgetter("end_date")),
        (_l("Purpose"), attrgetter("purpose")),
        (_l("Working language"), lambda forum: get_language_name(forum.language)),
        (_l("Link"), get_address),
    ],
    prepare=load_city_names,
)


def describe_panel(forum: pb.Forum) -> Export:
    """Return what the file of a forum's panel holds."""
    return Export(
        _l("Panel"),
        attrgetter("panelists"),
        [
            (_l("Function"), attrgetter("function")),
            (_l("Kind"), lambda panelist: get_term(panelist, "kind")),
            (_l("Affiliation"), attrgetter("affiliation")),
            (_l("City of the affiliation"), lambda panelist: get_city_names().get(panelist.city, "")),
            (_l("Comes as"), lambda panelist: get_term(panelist, "origin")),
            (_l("Eligibility"), _describe_eligibility),
            (_l("Reasons"), lambda panelist: get_terms(panelist.eligibility, "reasons")),
            (_l("Invitation"), get_term),
            (_l("Link"), get_address),
        ],
        prepare=load_city_names,
        of=forum.title,
    )


def _describe_eligibility(panelist: pb.Panelist) -> str:
    if not panelist.HasField("eligibility"):
        return ""
    return _("Eligible") if panelist.eligibility.eligible else _("Not eligible")


def describe_recommendations(forum: pb.Forum, conclusions: Mapping[str, str]) -> Export:
    """
    Return what the file of a forum's recommendations holds.

    Args:
        conclusions: Resource name → title.
    """
    return Export(
        _l("Recommendations"),
        attrgetter("recommendations"),
        [
            (_l("Title"), attrgetter("title")),
            (_l("Recommendation"), attrgetter("text")),
            (_l("Follows from"), lambda each: conclusions.get(each.conclusion, "")),
            (_l("State"), get_term),
            (_l("Answer of the city"), lambda each: get_term(each.answer, "verdict")),
            (_l("Reason"), attrgetter("answer.reason")),
            (_l("Owner"), attrgetter("owner_department")),
            (_l("Due"), attrgetter("due_date")),
            (_l("Evidence"), attrgetter("evidence")),
            (_l("Reported by"), attrgetter("implementer")),
            (_l("Verified by"), attrgetter("verifier")),
            (_l("Language of the text"), lambda each: get_language_name(each.language)),
            (_l("Link"), get_address),
        ],
        of=forum.title,
    )
