"""The page of the administration."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from gateway.auth import permissions
from gateway.auth.permissions import may
from gateway.auth.sign_in import sign_in_required
from gateway.i18n.gettext import translate_later as _l

blueprint = Blueprint("administration", __name__, url_prefix="/administration")

# Path, label, what it is for, and the RPC that its page calls.
PARTS = [
    (
        "/cities",
        _l("Cities"),
        _l("The home city and those it works with: time zone, working days, languages, public holidays."),
        "CityService.ListCities",
    ),
    (
        "/venues",
        _l("Venues"),
        _l("Houses here and in other cities: when they are open, and how far they lie apart."),
        "VenueService.ListVenues",
    ),
    (
        "/rooms",
        _l("Rooms"),
        _l("Rooms in which guests are received; programmes book them."),
        "RoomService.ListRooms",
    ),
    (
        "/people",
        _l("People for programmes"),
        _l("Hosts, interpreters and drivers whose time programmes book."),
        "PersonService.ListPeople",
    ),
    (
        "/programmeTemplates",
        _l("Programme templates"),
        _l("Programmes that are kept to be used again."),
        "ProgrammeTemplateService.ListProgrammeTemplates",
    ),
    (
        "/accounts",
        _l("Accounts"),
        _l("Who may sign in, and what each may do."),
        "AccountService.ListAccounts",
    ),
    (
        "/installations",
        _l("Installations"),
        _l("Platforms of other cities that may publish their learnings here."),
        "InstallationService.ListInstallations",
    ),
]


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    permissions.require(*permissions.ADMINISTRATION_RPCS)
    parts = [(path, label, purpose) for path, label, purpose, rpc in PARTS if may(rpc)]
    return render_template("administration/index.html", parts=parts)
