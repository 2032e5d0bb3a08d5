"""What the file of learnings holds."""

from collections.abc import Sequence
from operator import attrgetter

from austausch.knowledge.v1 import knowledge_pb2 as pb

from gateway.i18n.gettext import translate_later as _l
from gateway.i18n.languages import get_language_name
from gateway.vocabulary import topics
from gateway.vocabulary.cities import get_city_names, load_city_names
from gateway.vocabulary.enum_labels import get_term
from gateway.web.exports import Export, get_address


def _prepare(learnings: Sequence[pb.Learning]) -> None:
    load_city_names()
    topics.load_labels(slug for learning in learnings for slug in learning.topics)


LEARNINGS = Export(
    _l("Learnings"),
    attrgetter("learnings"),
    [
        (_l("Learning"), attrgetter("title")),
        (_l("Source"), attrgetter("source_title")),
        (_l("Topics"), lambda learning: map(topics.get_topic_label, learning.topics)),
        (_l("SDG targets"), attrgetter("sdg_targets")),
        (_l("Cities"), lambda learning: filter(None, map(get_city_names().get, learning.cities))),
        (_l("Language"), lambda learning: get_language_name(learning.language)),
        (_l("State"), get_term),
        (_l("Owner"), attrgetter("owner")),
        (_l("From the department"), attrgetter("department")),
        (_l("Author"), attrgetter("author_name")),
        (_l("Validated by"), attrgetter("validator_name")),
        (_l("Look at it again on"), attrgetter("review_date")),
        (_l("Who may read it"), lambda learning: get_term(learning, "visibility")),
        (_l("Times applied"), attrgetter("application_count")),
        (_l("Recorded"), attrgetter("create_time")),
        (_l("Published by"), attrgetter("origin.display_name")),
        (_l("Link"), get_address),
    ],
    prepare=_prepare,
)
