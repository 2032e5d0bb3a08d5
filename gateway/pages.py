"""
What every page stands on: languages, formats, the vocabulary of the templates, and the headers that protect readers.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from flask import Flask, Response, current_app, redirect, request, url_for
from flask_babel import Babel
from flask_wtf.csrf import CSRFProtect
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from markupsafe import Markup, escape
from werkzeug.wrappers import Response as BaseResponse

from chassis.convert import date_of
from chassis.identity import Identity
from gateway import languages, places, terms, text_languages, texts
from gateway.access import ADMINISTERING, may
from gateway.accounts import current_identity
from gateway.accounts.callers import local_path
from gateway.languages import LANGUAGES, LOCALES, TRANSLATIONS, language
from gateway.texts import later as _l

MARKS = re.compile(r"</?mark>")
# What a path may hold as it is, by the URL standard, and the sign of what is quoted already.
SAFE_IN_PATH = "%!$&'()*+,/:;=@"
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

# The main navigation: path, label, and RPCs; who may call none of them is not shown the page.
NAVIGATION = [
    ("/", _l("Start"), ()),
    ("/partnerships", _l("Partnerships"), ("PartnershipService.ListPartnerships",)),
    ("/exchanges", _l("Exchanges"), ("ExchangeService.ListExchanges",)),
    ("/visits", _l("Visits"), ("VisitService.ListVisits",)),
    ("/forums", _l("Expert forums"), ("ForumService.ListForums",)),
    ("/learnings", _l("Learnings"), ("LearningService.ListLearnings",)),
    ("/administration", _l("Administration"), ADMINISTERING),
]

# Parts of a page of the navigation that have addresses of their own.
BELOW = {"/administration": ("/cities", "/rooms", "/people", "/accounts")}

csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    """Give `app` its languages, template vocabulary, CSRF protection and security headers."""
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", str(TRANSLATIONS))
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)  # as long as the session: a long form must not expire
    Babel(app, locale_selector=locale)
    texts.init_app(app)
    csrf.init_app(app)
    app.after_request(protect)
    app.context_processor(lambda: {"identity": reader()})
    app.add_url_rule("/language", view_func=choose_language, methods=["POST"])
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= {
        "day": day,
        "field_id": lambda path: "field-" + path.replace(".", "-"),
        "moment": moment,
        "clock": clock,
        "country_name": places.country_name,
        "slug": lambda name: name.rsplit("/", 1)[-1],
        "term": terms.term,
        "value": terms.value,
        "tone": terms.tone,
        "verb": terms.verb_label,
        "topic": terms.topic,
        "in_words": lambda name, titles: titles.get(name, ""),
        "language_name": languages.name_of,
        "marked": marked,
        "terms_of": terms.terms_of,
    }
    app.jinja_env.globals |= {
        "asset": asset,
        "days": days,
        "direction": languages.direction,
        "href": href,
        "home_city": home_city,
        "is_here": is_here,
        "is_offered": is_offered,
        "language": language,
        "languages": LANGUAGES,
        "may": may,
        "navigation": navigation,
        "options": terms.options,
        "text_languages": text_languages.offered,
        "this_page": this_page,
        "topics": terms.topics,
        "written_languages": text_languages.written,
        "zone_name": places.zone_name,
    }


def choose_language() -> BaseResponse:
    """Remember the language that the reader chooses, and go back to the page."""
    response = redirect(local_path(request.form.get("next")), 303)
    chosen = request.form.get("language", "")
    if chosen in LANGUAGES:
        languages.choose(chosen)
    return response


def locale() -> str:
    """Return the locale of the page's texts and formats."""
    return LOCALES[language()]


def reader() -> Identity | None:
    """Return who reads the page; None when nobody is signed in, or when that cannot be found out."""
    try:
        return current_identity()
    except Exception:  # noqa: BLE001 - the page that tells of the trouble must not fail on it
        return None


def protect(response: Response) -> Response:
    """Add the security headers that a response does not set itself."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint == "static":
        # An address with a version never changes its content; fonts, named by style sheets, have none.
        lasts = f"{ONE_YEAR}, immutable" if "v" in request.args else "86400"
        response.headers["Cache-Control"] = f"public, max-age={lasts}"
    if response.mimetype == "text/html":
        response.headers.setdefault("Cache-Control", "private, no-cache")
        response.headers.setdefault("Content-Language", language())
        response.vary.update(["Cookie", "Accept-Language"])
    return response


def asset(path: str) -> str:
    """Return the URL of a static file, changing with its content so that browsers may keep it for good."""
    versions: dict[str, str] = current_app.extensions.setdefault("asset_versions", {})
    if path not in versions or current_app.debug:
        content = Path(current_app.static_folder or "", path).read_bytes()
        versions[path] = url_for("static", filename=path, v=hashlib.sha256(content).hexdigest()[:10])
    return versions[path]


# Collections that are shown on a further page of their parent.
PARTS = {"panelists": "/panel", "workingGroups": "/panel", "subjectNodes": "/subject"}


def href(name: str) -> str:
    """
    Return the page of a resource by its name.

    What has no page of its own is a place on its parent's: `forums/x/conclusions/y` is `/forums/x#conclusions-y`.
    """
    parts = name.split("/")
    part, place = (PARTS.get(parts[2], ""), "#" + "-".join(parts[2:4])) if len(parts) > 3 else ("", "")
    return quote(request.script_root + "/" + "/".join(parts[:2]) + part, safe=SAFE_IN_PATH) + place


def this_page(**changes: Any) -> str:
    """Return the address of this page with query parameters replaced; an empty value removes one."""
    query = request.args.to_dict(flat=False) | {name: [value] if value else [] for name, value in changes.items()}
    pairs = urlencode([(name, value) for name, values in query.items() for value in values if value])
    return request.script_root + request.path + ("?" + pairs if pairs else "")


def navigation() -> list[tuple[str, str]]:
    """Return (path, label) of the main navigation's pages that the reader may see."""
    return [(path, str(label)) for path, label, rpcs in NAVIGATION if not rpcs or any(map(may, rpcs))]


def is_offered(path: str) -> bool:
    """Return whether the navigation offers its page at `path` to the reader."""
    return path in dict(navigation())


def is_here(path: str) -> bool:
    """Return whether this page belongs to the part of the navigation at `path`."""
    if path == "/":
        return request.path == path
    return any((request.path + "/").startswith(each + "/") for each in (path, *BELOW.get(path, ())))


def marked(snippet: str) -> Markup:
    """Return a search snippet as HTML: escaped text with matched words in `<mark>`; anything else is taken as text."""
    rest = MARKS.sub("", snippet)
    if "<" in rest or ">" in rest:
        return escape(snippet)
    return Markup(snippet)  # noqa: S704 - there are no tags in it but those


def home_city() -> str:
    """Return the home city's name for the header: the last part of its resource name, as a word."""
    return str(current_app.config.get("HOME_CITY", "")).rsplit("/", 1)[-1].replace("-", " ").title()


def day(value: Date | date) -> str:
    """Return a day with its weekday: “Mon, 23 Nov 2026”; "" for an unset one."""
    if isinstance(value, Date):
        if not value.year:
            return ""
        value = date_of(value)
    return _formatted("yMMMEd", value, language())


def days(start: Date, end: Date) -> str:
    """Return a span of days: “Mon, 23 Nov 2026 – Thu, 26 Nov 2026”; one day if both are the same."""
    first, last = day(start), day(end)
    return f"{first} – {last}" if last and last != first else first


def moment(value: Timestamp | datetime, zone: str = "") -> str:
    """Return an instant with weekday, day and time in `zone` (default: the home city's)."""
    local = _local(value, zone)
    return f"{_formatted('yMMMEd', local.date(), language())}, {_formatted('Hm', local, language())}"


def clock(value: Timestamp | datetime, zone: str = "") -> str:
    """Return the time of day of an instant in `zone` (default: the home city's)."""
    return _formatted("Hm", _local(value, zone), language())


def _local(value: Timestamp | datetime, zone: str) -> datetime:
    """Return the minute of an instant as the clocks of a zone show it."""
    instant = value.ToDatetime(UTC) if isinstance(value, Timestamp) else value
    local = instant.astimezone(ZoneInfo(zone or current_app.config.get("HOME_TIME_ZONE", "Europe/Berlin")))
    return local.replace(second=0, microsecond=0, tzinfo=None)


@lru_cache(maxsize=10_000)
def _formatted(skeleton: str, value: date, tag: str) -> str:
    return format_skeleton(skeleton, value, locale=LOCALES[tag])
