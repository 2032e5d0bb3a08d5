"""Text as it is cut into words and terms."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.knowledge.search.analysis import Reading, find_terms, normalize, strip_invisible


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Łódź, Klaipėda; ÖPNV-Straße", ["lodz", "klaipeda", "opnv", "strasse"]),
        ("Swansea's and Anna’s", ["swansea", "and", "anna"]),
        ("İçme ısı", ["icme", "isi"]),
        ("м'який, об’єднання", ["мякии", "обєднання"]),
        ('תב"ע של הָעִיר', ["תבע", "של", "העיר"]),
        ("الإدارةُ المـاليّة ٢٠٣٠", ["الاداره", "الماليه", "2030"]),
        ("青岛的污水。水", ["青岛", "岛的", "的污", "污水", "水"]),
        ("Mu\u0308ll §12a 6.3", ["mull", "12a", "6", "3"]),
        ("m² CO₂ ＷＡＳＳＥＲ ﬁnanz 𝐖asser ㎡ ①", ["m2", "co2", "wasser", "finanz", "wasser", "m2", "1"]),
        (
            "Ab\u00adwas\u00adser Kanal\u200bsanierung \ufeffNetz \u200fדליפות\u200f",
            ["abwasser", "kanalsanierung", "netz", "דליפות"],
        ),
        ("می\u200cخواهم 污\u200b水", ["ميخواهم", "污水"]),
        ("9.000 9,000 9'000 9’000; 9 000", ["9000"] * 5),
        ("9.000 9,000 9'000 9’000 ٩٬٠٠٠; 9 000; 9\u00a0000; 9\u202f000", ["9000"] * 8),
        ("12 500 / 250.000 1.200.000 1,234.56 12.500,5", ["12500", "250000", "1200000", "1234", "56", "12500", "5"]),
        ("6.3/6.4", ["6", "3", "6", "4"]),
        ("3.10.2018 am 12.100.2018", ["3", "10", "2018", "am", "12", "100", "2018"]),
        ("192.168.178.100 10.100.2.1", ["192", "168", "178", "100", "10", "100", "2", "1"]),
        ("v1.200 0.125", ["v1", "200", "0", "125"]),
        ("2018 100 0621 293 100 1000", ["2018", "100", "0621", "293", "100", "1000"]),
    ],
)
def test_text_is_cut_into_terms(text: str, terms: list[str]) -> None:
    assert [term for term, _, _ in find_terms(normalize(text))] == terms


def test_all_that_is_not_seen_is_nothing() -> None:
    invisible = [char for char in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(char) == "Cf"]
    assert [char for char in invisible if normalize(f"a{char}b") != "ab"] == []


@given(text=st.text(max_size=60))
def test_what_is_normalized_is_found_where_it_is_shown(text: str) -> None:
    reading = Reading(text)
    assert reading.shown == unicodedata.normalize("NFC", text)
    end = 0
    for place, char in enumerate(reading.normalized):
        start, behind = reading.locate(place, place + 1)
        assert start < behind
        assert behind >= end
        end = behind
        # Of a Hangul syllable or a letter with marks, what is shown of it may be composed otherwise.
        assert char in unicodedata.normalize("NFKC", reading.shown[start:behind])


def test_every_letter_and_sign_is_normalized_beside_others() -> None:
    for char in map(chr, range(0x3000)):
        text = f"e{char}a"
        assert Reading(text).shown == unicodedata.normalize("NFC", text), hex(ord(char))
        assert normalize(text) == strip_invisible(unicodedata.normalize("NFKC", text)), hex(ord(char))
