"""What the file of exchanges holds."""

from operator import attrgetter

from gateway.i18n.gettext import translate_later as _l
from gateway.vocabulary import topics
from gateway.vocabulary.enum_labels import get_term
from gateway.web.exports import Export, get_address

EXCHANGES = Export(
    _l("Exchanges"),
    attrgetter("exchanges"),
    [
        (_l("Exchange"), attrgetter("title")),
        (_l("Department"), attrgetter("department")),
        (_l("City"), attrgetter("city_display_name")),
        (_l("Kind"), lambda exchange: get_term(exchange, "kind")),
        (_l("Topics"), lambda exchange: map(topics.get_topic_label, exchange.topics)),
        (_l("SDG targets"), attrgetter("sdg_targets")),
        (_l("Objectives"), attrgetter("objectives")),
        (_l("Last change"), attrgetter("update_time")),
        (_l("Link"), get_address),
    ],
    prepare=lambda exchanges: topics.load_labels(slug for exchange in exchanges for slug in exchange.topics),
)
