"""Babel's locale data as the gateway's image has it."""

import shutil
import subprocess
import sys
from pathlib import Path

import babel

from gateway.i18n.languages import TRANSLATIONS

CHECKOUT = Path(__file__).parents[2]
# Whatever the gateway asks of locales that no page is in, and what pages in English and German are made of.
ASK = """
from datetime import date
import babel
from babel.dates import format_interval, format_skeleton
from babel.localedata import locale_identifiers
from babel.lists import format_list
from flask import Flask
from gateway.i18n import countries_and_zones, languages
from gateway.vocabulary import text_languages

print(babel.__file__)
with Flask(__name__).test_request_context():
    for language, locale in languages.LOCALES.items():
        languages.set_language(language)
        for tag in (identifier.replace("_", "-") for identifier in sorted(locale_identifiers())):
            known = text_languages.is_known(tag)
            print(tag, languages.get_language_name(tag), languages.get_direction(tag), known)
        print(countries_and_zones.list_countries(), countries_and_zones.list_time_zones())
        print(text_languages._list_living(locale))
        print(format_skeleton("yMMMEd", date(2026, 10, 12), locale=locale), format_list(list("abc"), locale=locale))
        print(format_interval(date(2026, 10, 12), date(2026, 10, 14), "yMMMd", locale=locale))
"""


def test_the_gateway_knows_the_same_languages_with_a_tenth_of_the_locale_data(tmp_path: Path) -> None:
    whole = Path(babel.__file__).parent
    reduced = tmp_path / "babel"
    shutil.copytree(whole, reduced, ignore=shutil.ignore_patterns("__pycache__"))

    run([str(CHECKOUT / "deploy" / "locale_data.py"), str(TRANSLATIONS)], tmp_path)

    where, *said = run(["-c", ASK], tmp_path)
    other_where, *other_said = run(["-c", ASK], None)
    assert (where, other_where) == (str(reduced / "__init__.py"), str(whole / "__init__.py"))
    assert said == other_said
    assert len(said) > 2000
    assert size(reduced) < size(whole) / 10


def run(arguments: list[str], packages: Path | None) -> list[str]:
    """Return the lines that a Python program prints, with other packages than those that are installed."""
    path = ":".join(map(str, filter(None, (packages, CHECKOUT, CHECKOUT / "proto"))))
    ended = subprocess.run(
        [sys.executable, *arguments], env={"PYTHONPATH": path}, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def size(package: Path) -> int:
    """Return the bytes of a package's locale data."""
    return sum(file.stat().st_size for file in (package / "locale-data").iterdir())
