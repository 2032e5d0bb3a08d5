"""What the file of accounts holds."""

from operator import attrgetter

from flask_babel import gettext as _

from gateway.i18n.gettext import translate_later as _l
from gateway.vocabulary.cities import get_city_names, load_city_names
from gateway.vocabulary.enum_labels import get_terms
from gateway.web.exports import Export, get_address

ACCOUNTS = Export(
    _l("Accounts"),
    attrgetter("accounts"),
    [
        (_l("Name"), attrgetter("display_name")),
        (_l("E-mail address"), attrgetter("email")),
        (_l("Roles"), lambda account: get_terms(account, "roles")),
        (_l("City"), lambda account: get_city_names().get(account.city, "")),
        (_l("Department"), attrgetter("department")),
        (_l("State"), lambda account: _("Locked") if account.disabled else _("Can sign in")),
        (_l("Link"), get_address),
    ],
    prepare=load_city_names,
)
