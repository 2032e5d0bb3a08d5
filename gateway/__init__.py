"""
The gateway: the only door to the platform.

Owns accounts and sign-in, the REST form of every RPC with its description, and the web pages. It owns no other data:
whatever it shows comes from the services, which decide who may see it.
"""

from typing import TYPE_CHECKING

from gateway.settings import GatewaySettings

if TYPE_CHECKING:
    from flask import Flask

# Forms of pages; the API has a limit of its own, of the same size.
MAX_FORM_BYTES = 1024 * 1024


def create_app(settings: GatewaySettings) -> "Flask":
    """
    Return the gateway as a WSGI application. It opens no connection before the first request.

    Whatever happens to a request is listed here, in order: nothing registers itself by being found.
    """
    # Imported here, so that `gateway.settings` can be read without all of Flask.
    from flask import Flask
    from flask_babel import Babel
    from flask_wtf.csrf import CSRFProtect
    from werkzeug.middleware.proxy_fix import ProxyFix

    from chassis.telemetry import trace_sql
    from gateway import rpc
    from gateway.accounts.database import AccountsDatabase
    from gateway.auth import cookies
    from gateway.auth.callers import current_identity
    from gateway.forms import resubmission
    from gateway.i18n import gettext, languages
    from gateway.operations import health, proxy_check, request_queue, request_telemetry
    from gateway.pages.accounts import account, sign_in
    from gateway.pages.accounts import administration as accounts_administration
    from gateway.pages.administration import views as administration
    from gateway.pages.calendar_files import views as calendar_files
    from gateway.pages.cities import views as cities
    from gateway.pages.exchanges import views as exchanges
    from gateway.pages.forums import views as forums
    from gateway.pages.installations import views as installations
    from gateway.pages.learnings import views as learnings
    from gateway.pages.partnerships import views as partnerships
    from gateway.pages.people import views as people
    from gateway.pages.programme_templates import views as programme_templates
    from gateway.pages.rooms import views as rooms
    from gateway.pages.search import views as search
    from gateway.pages.start import views as start
    from gateway.pages.status import views as status
    from gateway.pages.topics import views as topics
    from gateway.pages.venues import views as venues
    from gateway.pages.visits import views as visits
    from gateway.rest import routes as rest
    from gateway.web import error_handlers, language_choice, malformed_requests, security_headers, template_context
    from gateway.web.calendar_address import HiddenSecrets

    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES,
        HOME_CITY=settings.home_city,
        HOME_TIME_ZONE=settings.home_time_zone,
        BABEL_TRANSLATION_DIRECTORIES=str(languages.TRANSLATIONS),
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a long form must not expire
        SESSION_COOKIE_NAME=cookies.FORM_COOKIE,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
    )
    # No view and no hook is a coroutine, and Flask would look whether one is at each hook of each request.
    app.ensure_sync = lambda func: func  # type: ignore[method-assign]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.session_interface = cookies.FormCookies()
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    app.wsgi_app = HiddenSecrets(app.wsgi_app)  # type: ignore[method-assign]

    app.extensions["accounts"] = database = AccountsDatabase(settings.database_url, settings.pool_size)
    app.extensions["rpc"] = rpc.Connections(settings, current_identity)
    Babel(app, locale_selector=languages.current_locale)
    gettext.init_app(app)
    template_context.init_app(app)

    app.before_request(request_telemetry.note_start)
    app.before_request(malformed_requests.refuse_malformed)
    request_telemetry.trace_requests(app, exported=bool(settings.otlp_endpoint))
    app.before_request(request_queue.refuse_late)
    if settings.otlp_endpoint:
        trace_sql(database.engine)  # after: the first of OpenTelemetry's instrumentations fixes the names of attributes
    proxy_check.init_app(app, settings)
    csrf = CSRFProtect(app)  # a hook, too: before any that acts on what a form brought
    app.before_request(resubmission.switch_language)
    app.before_request(resubmission.sign_in_in_place)
    app.before_request(resubmission.choose_password_in_place)
    app.before_request(resubmission.confirm_in_place)
    # Flask calls these in the opposite order.
    app.after_request(request_telemetry.note_status)
    app.after_request(security_headers.add_security_headers)
    app.teardown_request(request_telemetry.record_request)
    for kind, handler in error_handlers.HANDLERS.items():
        app.register_error_handler(kind, handler)

    for page in (
        start, partnerships, exchanges, visits, calendar_files, programme_templates, forums, learnings, topics, search,
        administration, cities, venues, rooms, people, installations, sign_in, account, accounts_administration, status,
        language_choice, health,
    ):  # fmt: skip
        app.register_blueprint(page.blueprint)
    csrf.exempt(rest.mount(app))
    return app
