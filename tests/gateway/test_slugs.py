"""Short names for addresses, made from titles in any script; and the direction in which a language is written."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.i18n.languages import get_direction
from gateway.vocabulary.slugs import slugify


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Łódź", "lodz"),
        ("Чернівці", "chernivtsi"),
        ("Köln", "koeln"),
        ("Ko\u0308ln", "koeln"),
        ("Übergroßer Ärger", "uebergrosser-aerger"),
        ("ÄÖÜ", "aeoeue"),
        ("Klaipėda", "klaipeda"),
        ("Αθήνα", "athina"),
        ("İstanbul", "istanbul"),
        ("北京", "beijing"),
        ("Đà Nẵng", "da-nang"),
        ("L'Aquila", "l-aquila"),
        ("חיפה", "hyfh"),
        ("Charleroi (Wallonie)", "charleroi-wallonie"),
        ("!?", ""),
        ("", ""),
    ],
)
def test_a_title_in_any_script_becomes_latin_letters(title: str, slug: str) -> None:
    assert slugify(title) == slug


@given(st.text())
def test_a_slug_is_one_or_nothing(title: str) -> None:
    assert re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", slugify(title))


@pytest.mark.parametrize(
    ("tag", "written"),
    [("ar", "rtl"), ("he", "rtl"), ("fa", "rtl"), ("ur", "rtl"), ("yi", "rtl"), ("ckb", "rtl"), ("ar-EG", "rtl"),
     ("pa-Arab", "rtl"), ("pa", "ltr"), ("de", "ltr"), ("en", "ltr"), ("tlh", "ltr"), ("", "ltr"), ("x/y", "ltr")],
)  # fmt: skip
def test_a_language_is_written_as_cldr_says(tag: str, written: str) -> None:
    assert get_direction(tag) == written
