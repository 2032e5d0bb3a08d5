"""What the file of people holds."""

from operator import attrgetter

from gateway.i18n.gettext import translate_later as _l
from gateway.i18n.languages import get_language_name, get_pair_name
from gateway.web.exports import Export

PEOPLE = Export(
    _l("People for programmes"),
    attrgetter("people"),
    [
        (_l("Function"), attrgetter("function")),
        (_l("Name"), attrgetter("display_name")),
        (_l("Department"), attrgetter("department")),
        (_l("E-mail"), attrgetter("email")),
        (_l("Languages"), lambda person: map(get_language_name, person.languages)),
        (_l("Interprets between"), lambda person: map(get_pair_name, person.language_pairs)),
        (_l("Identifier"), attrgetter("name")),
    ],
)
