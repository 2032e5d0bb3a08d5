"""What the file of templates of programmes holds."""

from operator import attrgetter

from gateway.i18n.gettext import translate_later as _l
from gateway.web.exports import Export, get_address

PROGRAMME_TEMPLATES = Export(
    _l("Programme templates"),
    attrgetter("programme_templates"),
    [
        (_l("Template"), attrgetter("title")),
        (_l("Items"), attrgetter("item_count")),
        (_l("Days"), lambda template: template.day_count or None),
        (_l("Last change"), attrgetter("update_time")),
        (_l("Link"), get_address),
    ],
)
