"""
The gateway: the only door to the platform.

Owns accounts and sign-in, the REST form of every RPC with its description, and the web pages. It owns no other data:
whatever it shows comes from the services, which decide who may see it.
"""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway.settings import GatewaySettings

# Forms of pages; the API has a limit of its own, of the same size.
MAX_FORM_BYTES = 1024 * 1024


def create_app(settings: GatewaySettings) -> Flask:
    """Return the gateway as a WSGI application. It opens no connection before the first request."""
    # Imported here, so that `gateway.settings` can be read without all of Flask.
    from gateway import accounts, cookies, errors, health, kept, pages, rest, rpc, telemetry
    from gateway.accounts import managing
    from gateway.accounts import views as account_views

    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES,
        HOME_CITY=settings.home_city,
        HOME_TIME_ZONE=settings.home_time_zone,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    cookies.init_app(app, always_secure=settings.secure_cookies)
    telemetry.init_app(app)
    errors.init_app(app)
    rpc.init_app(app, settings)
    pages.init_app(app)
    kept.init_app(app)
    accounts.init_app(app, settings)
    pages.csrf.exempt(rest.init_app(app))
    app.register_blueprint(health.blueprint)
    app.register_blueprint(account_views.blueprint)
    app.register_blueprint(managing.blueprint)
    register_pages(app)
    return app


def register_pages(app: Flask) -> None:
    """Add the pages of every feature."""
    from importlib import import_module
    from importlib.util import find_spec

    features = (
        "start", "partnerships", "exchanges", "visits", "forums", "learnings", "search", "administration", "cities",
        "rooms", "people",
    )  # fmt: skip
    for feature in features:
        if find_spec(f"gateway.{feature}") and find_spec(f"gateway.{feature}.views"):
            app.register_blueprint(import_module(f"gateway.{feature}.views").blueprint)
