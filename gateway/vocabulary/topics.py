"""The topics of learnings: the vocabulary, what people wrote beside it, and their labels."""

import unicodedata
from collections.abc import Iterable

from austausch.knowledge.v1 import knowledge_pb2 as pb
from flask import flash
from flask_babel import gettext as _
from flask_babel.speaklater import LazyString

from chassis.errors import Unavailable
from gateway import rpc
from gateway.i18n.gettext import translate_later as _l

# Topics of the vocabulary → label; a topic that is not here is shown as its slug, with spaces.
TOPICS: dict[str, LazyString] = {
    "administrative-exchange": _l("Administrative exchange"),
    "budget": _l("Budget"),
    "climate": _l("Climate"),
    "controlling": _l("Controlling"),
    "culture": _l("Culture"),
    "digitalisation": _l("Digitalisation"),
    "education": _l("Education"),
    "indicators": _l("Indicators"),
    "international-charters": _l("International charters"),
    "mobility": _l("Mobility"),
    "participation": _l("Participation"),
    "steering": _l("Steering"),
    "strategy": _l("Strategy"),
    "sustainability": _l("Sustainability"),
    "wastewater": _l("Wastewater"),
    "water": _l("Water"),
}


def get_topic_label(slug: str) -> str:
    """Return what a person reads for a topic."""
    return str(TOPICS[slug]) if slug in TOPICS else slug.replace("-", " ").capitalize()


def find_topic(text: str) -> str:
    """
    Return the topic that a person means by `text`: one of the vocabulary, else the text as a slug.

    A slug keeps the letters, with their marks, and the digits of any script; what is between them joins words.
    """
    for slug, label in TOPICS.items():
        if text.casefold() in (slug, str(label).casefold()):
            return slug
    lower = unicodedata.normalize("NFC", text.lower())
    letters = "".join(char if unicodedata.category(char)[0] in "LM" or char.isdecimal() else " " for char in lower)
    return "-".join(letters.split()) or text


def list_vocabulary() -> list[tuple[str, str]]:
    """Return (slug, label) of the vocabulary, in the order of the reader's language."""
    return sorted(((slug, str(label)) for slug, label in TOPICS.items()), key=lambda entry: entry[1])


def list_known_topics(*more: str) -> list[tuple[str, str]]:
    """
    Return (slug, label) of the vocabulary, of the topics in use and of `more`, in the order of the reader's language.

    While the search index is being built, nobody knows which are in use: those are left out then.
    """
    known_topics = dict(list_vocabulary())
    try:
        facets = rpc.learnings.SearchLearnings(pb.SearchLearningsRequest(page_size=1)).facets
        in_use = [count.value for count in facets.topics]
    except Unavailable:
        in_use = []
    known_topics |= {slug: get_topic_label(slug) for slug in (*in_use, *more) if slug and slug not in known_topics}
    return sorted(known_topics.items(), key=lambda entry: entry[1].casefold())


def flash_new_topics(slugs: Iterable[str], known_before: Iterable[tuple[str, str]]) -> None:
    """Say on the next page which topics nobody used before: one of them may be a slip of the pen."""
    before = dict(known_before)
    if new := [get_topic_label(slug) for slug in slugs if slug not in before]:
        flash(
            _("New among the topics: %(topics)s. If that is a slip, please correct it.", topics=", ".join(new)), "info"
        )
