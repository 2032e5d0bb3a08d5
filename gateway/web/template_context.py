"""What every template can use: filters and functions that say the contract's values in the reader's language."""

import re

from flask import Flask
from markupsafe import Markup, escape

from chassis.identity import Identity
from gateway.auth import permissions
from gateway.auth.callers import current_identity
from gateway.i18n import countries_and_zones, formats, languages
from gateway.vocabulary import cities, enum_labels, text_languages, topics
from gateway.web import links, navigation

MARKS = re.compile(r"</?mark>")


def init_app(app: Flask) -> None:
    """Give the templates of an app their words; after `gateway.i18n.gettext`."""
    app.context_processor(lambda: {"identity": find_reader()})
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= {
        "day": formats.format_day,
        "field_id": lambda path: "field-" + path.replace(".", "-"),
        "moment": formats.format_instant,
        "clock": formats.format_time,
        "decimal": formats.format_decimal,
        "country_name": countries_and_zones.get_country_name,
        "slug": lambda name: name.rsplit("/", 1)[-1],
        "term": enum_labels.get_term,
        "value": enum_labels.get_value_name,
        "tone": enum_labels.get_tone,
        "verb": enum_labels.get_verb_label,
        "topic": topics.get_topic_label,
        "in_words": lambda name, titles: titles.get(name, ""),
        "language_name": languages.get_language_name,
        "marked": render_snippet,
        "terms_of": enum_labels.get_terms,
    }
    app.jinja_env.globals |= {
        "asset": links.get_asset_url,
        "days": formats.format_days,
        "describe_guests": cities.describe_guests,
        "direction": languages.get_direction,
        "href": links.href,
        "home_city": cities.get_home_city_name,
        "is_here": navigation.is_current,
        "is_offered": navigation.is_offered,
        "language": languages.current_language,
        "languages": languages.LANGUAGES,
        "list_guests": cities.list_guests,
        "may": permissions.may,
        "minutes": formats.format_minutes,
        "navigation": navigation.list_offered,
        "options": enum_labels.list_options,
        "text_direction": languages.get_text_direction,
        "text_languages": text_languages.group_languages,
        "this_page": links.get_page_url,
        "topics": topics.list_vocabulary,
        "written_languages": text_languages.list_local_languages,
        "zone_name": countries_and_zones.get_zone_name,
    }


def find_reader() -> Identity | None:
    """Return who reads the page; None when nobody is signed in, or when that cannot be found out."""
    try:
        return current_identity()
    except Exception:  # noqa: BLE001 - the page that tells of the trouble must not fail on it
        return None


def render_snippet(snippet: str) -> Markup:
    """Return a search snippet as HTML: escaped text with matched words in `<mark>`; anything else is taken as text."""
    rest = MARKS.sub("", snippet)
    if "<" in rest or ">" in rest:
        return escape(snippet)
    return Markup(snippet)  # noqa: S704 - there are no tags in it but those
