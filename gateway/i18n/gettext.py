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

from gateway.i18n.languages import TRANSLATIONS, language

# More than there are texts: what is looked up stands in the code.
TEXTS_KEPT = 5000


def init_app(app: Flask) -> None:
    """Give the templates of an app their texts; after flask-babel, which brings the functions for this too."""
    app.jinja_env.globals |= {"_": markup, "gettext": markup, "ngettext": markup_of_number}


def later(message: str) -> LazyString:
    """Mark a text of a table to be translated, and return what becomes the reader's text when it is used."""
    return LazyString(lambda: translated(language(), message))


def markup(message: str, /, **values: Any) -> Markup:
    """Return a text as HTML; values for its `%(…)s` are escaped."""
    return translated_markup(language(), message) % values if values else plain_markup(language(), message)


def markup_of_number(singular: str, plural: str, num: int, /, **values: Any) -> Markup:
    """Return a text in the form that fits a number, as HTML."""
    return Markup(catalogue(language()).ungettext(singular, plural, num)) % {"num": num, **values}  # noqa: S704


@lru_cache(maxsize=TEXTS_KEPT)
def plain_markup(tag: str, message: str) -> Markup:
    """Return a text without values as HTML: a format nevertheless, so that `%%` is a percent sign everywhere."""
    return translated_markup(tag, message) % {}


@lru_cache(maxsize=TEXTS_KEPT)
def translated_markup(tag: str, message: str) -> Markup:
    """Return a text as HTML, its values still to be put in; only texts of the code may come here."""
    return Markup(translated(tag, message))  # noqa: S704


@lru_cache(maxsize=TEXTS_KEPT)
def translated(tag: str, message: str) -> str:
    """Return a text in a language."""
    return str(catalogue(tag).ugettext(message))


@lru_cache
def catalogue(tag: str) -> Translations:
    """Return the catalogue of a language; an empty one for English, the language of the code."""
    found = Translations.load(TRANSLATIONS, [tag])
    return found if isinstance(found, Translations) else Translations()
