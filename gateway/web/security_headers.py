"""Headers that protect readers: what a page may load, and who may keep it."""

from flask import Response, request

from gateway.i18n.languages import current_language
from gateway.web.links import get_asset_version

# How a file is answered that is there: whole, in part, or as known already. Everything else is a page for one reader.
FOUND_STATUSES = (200, 206, 304)
ONE_YEAR = 365 * 24 * 3600
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def get_file_caching() -> str:
    """Return how long the static file of this request may be kept."""
    version = request.args.get("v")
    if version is None:  # fonts, named by style sheets
        return "public, max-age=86400"
    # While two releases run beside each other, a page of the one may ask the other for its files.
    if version != get_asset_version((request.view_args or {})["filename"]):
        return "public, no-cache"
    return f"public, max-age={ONE_YEAR}, immutable"


def add_security_headers(response: Response) -> Response:
    """Add the security headers that a response does not set itself."""
    for name, value in SECURITY_HEADERS.items():
        if name not in response.headers:
            response.headers.add(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint == "static" and response.status_code in FOUND_STATUSES:
        response.headers["Cache-Control"] = get_file_caching()
    if response.mimetype == "application/json" and response.status_code >= 400:
        response.headers.setdefault("Cache-Control", "no-store")
    if response.mimetype == "text/html":
        response.headers.setdefault("Cache-Control", "private, no-cache")
        response.headers.setdefault("Content-Language", current_language())
        # Some addresses answer a script with a part of their page: Back must not show that in the page's place.
        response.vary.update(["Cookie", "Accept-Language", "HX-Request"])
    return response
