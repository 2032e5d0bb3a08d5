"""Texts of the templates: in the reader's language, and safe whatever is put into them."""

import ast
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from babel.messages.pofile import read_po
from flask import Flask, render_template_string
from flask_babel import Babel

from gateway.i18n import gettext, languages
from gateway.web import template_context

# Functions that mark a text → how many of their arguments are texts.
TEXT_ARGUMENTS = {"_": 1, "_l": 1, "N_": 1, "ngettext": 2}


def list_texts_in_code() -> Iterator[str]:
    """Yield the texts that the code asks for, as far as they stand there."""
    for file in languages.TRANSLATIONS.parent.rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                for text in call.args[: TEXT_ARGUMENTS.get(call.func.id, 0)]:
                    if isinstance(text, ast.Constant):
                        yield text.value


@pytest.fixture(scope="module")
def app() -> Flask:
    app = Flask("gateway")
    app.secret_key = "for this test"
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(languages.TRANSLATIONS)
    Babel(app, locale_selector=languages.current_locale)
    gettext.init_app(app)
    template_context.init_app(app)
    return app


def drawn(app: Flask, source: str, language: str, **values: object) -> str:
    with app.test_request_context(headers={"Accept-Language": language}):
        return render_template_string(source, **values)


def test_each_reader_gets_their_own_language(app: Flask) -> None:
    source = """{{ _("Visits") }} {{ options("Visit.State")[0][1] }}"""
    assert [drawn(app, source, language) for language in ("de", "en", "de")] == [
        "Besuche Idee",
        "Visits Idea",
        "Besuche Idee",
    ]


def test_values_in_a_text_are_escaped(app: Flask) -> None:
    source = """{{ _("Search: %(query)s", query=query) }}"""
    assert drawn(app, source, "en", query="<b>") == "Search: &lt;b&gt;"


def test_a_text_without_values_is_a_format_nevertheless(app: Flask) -> None:
    assert drawn(app, """{{ _("100 %% of it") }}""", "en") == "100 % of it"


def test_a_number_takes_the_form_that_its_language_wants(app: Flask) -> None:
    source = """{{ ngettext("%(num)s entry", "%(num)s entries", number) }}"""
    assert [drawn(app, source, "en", number=number) for number in (1, 2)] == ["1 entry", "2 entries"]
    assert [drawn(app, source, "de", number=number) for number in (1, 2)] == ["1 Eintrag", "2 Einträge"]


def test_a_date_is_written_in_the_reader_s_language(app: Flask) -> None:
    source = "{{ when|day }}"
    found = [drawn(app, source, language, when=date(2026, 11, 23)) for language in ("en", "de")]
    assert found == ["Mon, 23 Nov 2026", "Mo., 23. Nov. 2026"]


def test_two_zones_show_one_instant_by_their_own_clocks(app: Flask) -> None:
    source = """{{ when|clock("Europe/Berlin") }} {{ when|clock("Europe/London") }}"""
    assert drawn(app, source, "en", when=datetime(2026, 11, 23, 12, tzinfo=UTC)) == "13:00 12:00"


def test_every_text_of_the_code_stands_in_the_catalogue() -> None:
    # What extracts them sees no call inside two others, and no plural that is a variable.
    with (languages.TRANSLATIONS / "de/LC_MESSAGES/messages.po").open() as catalogue:
        translated = {
            text
            for message in read_po(catalogue)
            for text in ([message.id] if isinstance(message.id, str) else message.id)
        }
    wanted = set(list_texts_in_code())
    assert len(wanted) > 500
    assert wanted - translated == set()
