"""The file of a visit, for a reader or a program with an access token; and the calendar at an address with a secret."""

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue
from icalendar import Calendar

from gateway.accounts.model import Kind
from gateway.accounts.sessions import find_caller
from gateway.auth.callers import accounts_database, admit
from gateway.auth.sign_in import sign_in_required
from gateway.i18n import languages
from gateway.pages.calendar_files import programme, subscription
from gateway.vocabulary.slugs import slugify
from gateway.web import calendar_address

blueprint = Blueprint("calendar_files", __name__)


@blueprint.get("/visits/<visit_id>/programme.ics")
@sign_in_required
def show_programme(visit_id: str) -> ResponseReturnValue:
    """Answer with the programme of a visit as a file."""
    title, calendar = programme.build_calendar(visit_id)
    response = _answer(calendar)
    response.headers["Content-Disposition"] = f'attachment; filename="{slugify(title) or "visit"}.ics"'
    return response


@blueprint.get(calendar_address.PATH)
def show_subscription() -> ResponseReturnValue:
    """Answer with the calendar of who holds the secret in the address; there is nothing at any other."""
    caller = find_caller(accounts_database(), calendar_address.get_secret(), (Kind.CALENDAR,))
    if caller is None:
        abort(404)
    admit(caller)
    # Calendar programs ask for no language: that of the account, else the one in which the address was made.
    wanted = (caller.locale, request.args.get("language", ""), languages.current_language())
    languages.set_language(next(tag for tag in wanted if tag in languages.LANGUAGES))
    return _answer(subscription.build_calendar())


def _answer(calendar: Calendar) -> Response:
    response = Response(calendar.to_ical(), content_type="text/calendar; charset=utf-8")
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response
