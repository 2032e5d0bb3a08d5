"""The topics of learnings: the vocabulary, and what people wrote beside it."""

from collections.abc import Iterable

from austausch.knowledge.v1 import knowledge_pb2 as pb
from flask import flash
from flask_babel import gettext as _

from chassis.errors import Unavailable
from gateway import rpc, terms


def known(*more: str) -> list[tuple[str, str]]:
    """
    Return (slug, label) of the vocabulary, of the topics in use and of `more`, in the order of the reader's language.

    While the search index is being built, nobody knows which are in use: those are left out then.
    """
    known_topics = dict(terms.topics())
    try:
        facets = rpc.learnings.SearchLearnings(pb.SearchLearningsRequest(page_size=1)).facets
        in_use = [count.value for count in facets.topics]
    except Unavailable:
        in_use = []
    known_topics |= {slug: terms.topic(slug) for slug in (*in_use, *more) if slug and slug not in known_topics}
    return sorted(known_topics.items(), key=lambda entry: entry[1].casefold())


def tell_of_new(topics: Iterable[str], known_before: Iterable[tuple[str, str]]) -> None:
    """Say on the next page which topics nobody used before: one of them may be a slip of the pen."""
    before = dict(known_before)
    if new := [terms.topic(slug) for slug in topics if slug not in before]:
        flash(
            _("New among the topics: %(topics)s. If that is a slip, please correct it.", topics=", ".join(new)), "info"
        )
