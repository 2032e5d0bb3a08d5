"""What the file of installations holds."""

from operator import attrgetter

from gateway.i18n.gettext import translate_later as _l
from gateway.vocabulary.cities import get_city_names, load_city_names
from gateway.vocabulary.enum_labels import get_term
from gateway.web.exports import Export, get_address

INSTALLATIONS = Export(
    _l("Installations"),
    attrgetter("installations"),
    [
        (_l("Installation"), attrgetter("display_name")),
        (_l("City"), lambda installation: get_city_names().get(installation.city, installation.city)),
        (_l("Web address"), attrgetter("uri")),
        (_l("Learnings"), attrgetter("learning_count")),
        (_l("State"), get_term),
        (_l("Link"), get_address),
    ],
    prepare=load_city_names,
)
