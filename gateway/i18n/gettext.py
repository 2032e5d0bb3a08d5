"""
The texts of templates and of the domain's words, in the reader's language.

A page of rows asks for hundreds of them. flask-babel finds out language and catalogue anew for each; here a text is
looked up once per process and language.
"""

from functools import lru_cache
from typing import Any

from babel.support import Translations
from flask import Flask
from flask_babel.speaklater import LazyString
from markupsafe import Markup

from gateway.i18n.languages import TRANSLATIONS, current_language

# More than there are texts: what is looked up stands in the code.
MAX_TEXTS = 5000


def init_app(app: Flask) -> None:
    """Give the templates of an app their texts; after flask-babel, which brings the functions for this too."""
    app.jinja_env.globals |= {
        "_": translate_to_markup,
        "gettext": translate_to_markup,
        "ngettext": translate_number_to_markup,
    }


def translate_later(message: str) -> LazyString:
    """Mark a text of a table to be translated, and return what becomes the reader's text when it is used."""
    return LazyString(lambda: translate(current_language(), message))


def translate_to_markup(message: str, /, **values: Any) -> Markup:
    """Return a text as HTML; values for its `%(…)s` are escaped."""
    tag = current_language()
    return markup_template(tag, message) % values if values else markup_without_values(tag, message)


def translate_number_to_markup(singular: str, plural: str, num: int, /, **values: Any) -> Markup:
    """Return a text in the form that fits a number, as HTML."""
    return Markup(load_catalogue(current_language()).ungettext(singular, plural, num)) % {"num": num, **values}  # noqa: S704


@lru_cache(maxsize=MAX_TEXTS)
def markup_without_values(tag: str, message: str) -> Markup:
    """Return a text without values as HTML: a format nevertheless, so that `%%` is a percent sign everywhere."""
    return markup_template(tag, message) % {}


@lru_cache(maxsize=MAX_TEXTS)
def markup_template(tag: str, message: str) -> Markup:
    """Return a text as HTML, its values still to be put in; only texts of the code may come here."""
    return Markup(translate(tag, message))  # noqa: S704


@lru_cache(maxsize=MAX_TEXTS)
def translate(tag: str, message: str) -> str:
    """Return a text in a language."""
    return str(load_catalogue(tag).ugettext(message))


@lru_cache
def load_catalogue(tag: str) -> Translations:
    """Return the catalogue of a language; an empty one for English, the language of the code."""
    catalogue = Translations.load(TRANSLATIONS, [tag])
    return catalogue if isinstance(catalogue, Translations) else Translations()
