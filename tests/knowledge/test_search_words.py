"""Words as people write them: other forms, parts of compounds, slips of the pen, other ways to write a letter."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from services.knowledge.search.analysis import get_terms
from services.knowledge.search.expansion import Relation
from services.knowledge.search.index import SearchIndex
from services.knowledge.search.stemming import SNOWBALL, get_stems
from services.knowledge.search.stop_words import STOP_WORDS
from tests.knowledge.documents import expand, find_ids, make_document


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        ("de", "Haus Häuser Hauses Häusern"),
        ("de", "Müll Muell Mülls"),
        ("en", "controller controllers"),
        ("pl", "budżet budżetu budżetem budżety"),
        ("pl", "ścieki ścieków ściekami"),
        ("lt", "vanduo vandens vandeniui vandenį"),
        ("lt", "mokykla mokyklos mokyklų mokyklose"),
        ("uk", "вода води воді воду водою"),
        ("uk", "дорога дороги дорозі дорогу доріг дорогами"),
        ("uk", "рік року роки років"),
        ("uk", "школа школи школі шкіл"),
        ("uk", "управління управлінням управлінні"),
        ("he", "תקציב התקציב תקציבים לתקציב"),
        ("he", "תוכנית תכנית תוכניות בתוכנית"),
        ("he", "ספרייה ספריות בספריות הספרייה"),
        ("he", "עירייה עיריה העירייה עיריית"),
        ("ar", "المدينة مدينة للمدينة بالمدينة"),
        ("ar", "مياه المياه والمياه للمياه"),
        ("tr", "okul okullar okulların okulda"),
        ("cy", "dinas ddinas dinasoedd"),
        ("cy", "cyllideb gyllideb chyllideb cyllidebau"),
        ("cy", "llyfrgell lyfrgell llyfrgelloedd"),
        ("cy", "gwastraff wastraff"),
        ("cy", "amgueddfa amgueddfeydd"),
        # Sounds that change inside the word.
        ("uk", "мешканець мешканця мешканці мешканців"),
        ("uk", "внесок внеску внески"),
        ("uk", "лавка лавки лавок"),
        ("uk", "вікно вікна вікон"),
        ("uk", "земля землі земель"),
        ("uk", "сестра сестри сестер"),
        ("pl", "mieszkaniec mieszkańca mieszkańcy mieszkańców"),
        ("pl", "dziecko dzieci dziećmi"),
        ("pl", "miasto miasta mieście"),
        ("pl", "okno okna okien"),
        ("pl", "ręka ręki ręce rąk"),
        ("pl", "urząd urzędu urzędzie"),
        ("pl", "droga drodze dróg"),
        ("cy", "ffermwr ffermwyr"),
        ("cy", "gyrrwr gyrwyr"),
        ("cy", "gair geiriau"),
        ("cy", "ffordd ffyrdd"),
        ("cy", "castell cestyll"),
        ("tr", "şehir şehrin şehirler"),
        ("tr", "çocuk çocuğu çocuklar"),
        ("tr", "kapıcı kapıcılar"),
        ("lt", "sandėlis sandėlio sandėliai"),
        ("lt", "dviratis dviračio dviračiai"),
        ("ar", "عائلة عائلات لعائلات"),
        ("ar", "كتاب كتب"),
        ("ar", "طريق طرق"),
        ("ar", "جسر جسور"),
        ("ar", "طفل أطفال الأطفال"),
        ("ar", "حوض أحواض"),
        ("ar", "لوح ألواح"),
        ("ar", "تقرير تقارير"),
        ("ar", "خبير خبراء"),
        ("ar", "مدرسة مدارس"),
        ("ar", "مشروع مشاريع"),
        ("ar", "نظام أنظمة"),
        ("ar", "شارع شوارع"),
        ("ar", "حديقة حدائق"),
        ("de", "Kriterium Kriterien"),
        ("de", "Museum Museen"),
        ("de", "Konto Konten"),
        ("de", "Firma Firmen"),
        ("de", "Praxis Praxen"),
        ("de", "Rhythmus Rhythmen"),
    ],
)
def test_inflected_forms_share_a_stem(language: str, forms: str) -> None:
    stems = [set(get_stems(form, language)) for form in forms.split()]
    assert set.intersection(*stems)


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("he", "ספרייה", "מספר"),
        ("uk", "вода", "завод"),
        ("uk", "город", "гордий"),
        ("uk", "завод", "завдання"),
        ("de", "Haus", "Haushalt"),
        ("de", "Eigentum", "eigentlich"),
        ("de", "Studio", "Studien"),
        ("de", "Stadtbus", "Stadt"),
        ("de", "Konto", "Kontrolle"),
        ("cy", "dinas", "dinesydd"),
        ("cy", "llyfr", "llif"),
        ("pl", "plac", "placki"),
        ("pl", "kosz", "koszt"),
        ("pl", "rower", "rów"),
        ("pl", "mieszkanie", "mieszkaniec"),
        ("tr", "kadın", "kadro"),
        ("tr", "okul", "okuma"),
        ("tr", "deniz", "denetim"),
        ("lt", "vanduo", "vandalas"),
        ("lt", "sandėlis", "sandoris"),
        ("ar", "مطار", "مطر"),  # an airport is no rain
        ("ar", "نهار", "نهر"),
        ("ar", "حديد", "حدود"),
        ("ar", "بلدية", "لديه"),
        ("ar", "عداد", "عدد"),
        ("ar", "لجنة", "جنة"),
        ("ar", "كتاب", "مكتب"),
    ],
)
def test_other_words_share_none(language: str, one: str, other: str) -> None:
    assert not set(get_stems(one, language)) & set(get_stems(other, language))


@settings(max_examples=300, deadline=None)
@given(word=st.text(max_size=64), language=st.sampled_from([*SNOWBALL, "he", "uk", "cy", "xx"]))
def test_any_word_has_stems_or_none(word: str, language: str) -> None:
    for stem in get_stems(word, language):
        assert stem
        assert get_terms(stem) == stem or " " in get_terms(stem)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[SearchIndex]:
    index = SearchIndex(tmp_path)
    yield index
    index.close()


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("Abwasser Konzept", "Abwasserentsorgungskonzept"),
        ("Entsorgung", "Abwasserentsorgungskonzept"),
        ("Konzepte", "Abwasserentsorgungskonzept"),
        ("abwasser", "Abwasserentsorgungskonzept"),
        ("Abwasserkonzept", "Abwasserentsorgungskonzept"),
        ("Haushalt Controlling", "Haushaltscontrolling"),
        ("Controlling Haushalt", "Haushaltscontrolling"),
        ("Haushaltscontrolling", "Das Controlling im Haushalt"),
        ("Haushalts-Controlling", "Haushaltscontrolling"),
        ("Rat Haus", "Rathaus"),
        ("Rathaus", "Das Haus, in dem der Rat tagt"),
        ("Plätze", "Spielplatz"),
        ("Spielplätze", "Ein Platz zum Spielen, mehr Plätze, ein Spiel"),
    ],
)
def test_a_german_compound_and_its_parts_find_each_other(index: SearchIndex, query: str, text: str) -> None:
    index.put([make_document("found", text), make_document("other", "Etwas anderes")])
    assert find_ids(index, query)[0] == "found"
    (relation,) = {variant.relation for each in expand(index, query) for variant in each.variants[:1]} or {None}
    assert relation in (Relation.COMPOUND, Relation.SAME, Relation.INFLECTION, None)


@pytest.mark.parametrize(
    ("query", "text", "language"),
    [
        ("Rat", "Beratung", "de"),  # the letters are not the word
        ("haus", "Behausung", "de"),
        ("land", "Englander", "en"),  # English writes compounds apart
    ],
)
def test_letters_in_a_word_are_not_a_part_of_a_compound(
    index: SearchIndex, query: str, text: str, language: str
) -> None:
    index.put([make_document("other", text, language)])
    assert find_ids(index, f"{query} ") == []


@pytest.mark.parametrize(
    ("typed", "meant", "language"),
    [
        ("Contorller", "Controller", "de"),
        ("Ontroller", "Controller", "de"),
        ("Abwasserentsogung", "Abwasserentsorgung", "de"),
        ("Bawasser", "Abwasserkonzept", "de"),
        ("Abwaser", "Abwasser", "de"),  # German would stem it to what begins the word that was meant
        ("departmnet", "department", "en"),
        ("бюджту", "бюджету", "uk"),
        ("تقديب", "تقديم", "ar"),
        ("תקציים", "תקציבים", "he"),
        ("bidžetas", "biudžetas", "lt"),
    ],
)
def test_a_slip_of_the_pen_finds_what_was_meant_and_names_it(
    index: SearchIndex, typed: str, meant: str, language: str
) -> None:
    index.put([make_document("meant", meant, language), make_document("other", "xyz", language)])
    assert find_ids(index, f"{typed} ") == ["meant"]
    (expansion,) = expand(index, f"{typed} ")
    assert get_terms(expansion.corrected) == get_terms(meant)


@pytest.mark.parametrize("typed", ["2031", "12b", "6", "ab", "abx"])
def test_numbers_and_short_words_are_not_guessed_at(index: SearchIndex, typed: str) -> None:
    index.put([make_document("other", "2030 12a 7 abc aby")])
    assert find_ids(index, f"{typed} ") == []


def test_a_word_that_is_there_is_not_corrected(index: SearchIndex) -> None:
    index.put([make_document("rare", "Wesser"), *(make_document(f"{n}", "Wasser") for n in range(9))])
    assert find_ids(index, "Wesser ") == ["rare"]


@pytest.mark.parametrize(
    ("typed", "there", "language"),
    [
        ("dviatis", "dviračio", "lt"),
        ("sanėdliai", "sandėlio", "lt"),
        ("triukšmass", "triukšmo", "lt"),
        ("тивога", "тривогу", "uk"),
        ("їдаьня", "їдальні", "uk"),
        ("wymenniki", "wymiennika", "pl"),
        ("wychwoanek", "wychowanków", "pl"),
        ("çıaklar", "çırağı", "tr"),
        ("kmayonlar", "kamyonu", "tr"),
        ("wsatraff", "gwastraff", "cy"),
        ("מתנבדים", "מתנדבת", "he"),
        ("Geübhrensatzungen", "Gebührensatzung", "de"),
        ("Zuschlagskirterium", "Zuschlagskriterien", "de"),
    ],
)
def test_a_slip_in_a_form_that_is_not_there_finds_another_form_and_names_it(
    index: SearchIndex, typed: str, there: str, language: str
) -> None:
    index.put([make_document("there", there, language), make_document("other", "xyz", language)])
    assert find_ids(index, f"{typed} ") == ["there"]
    (expansion,) = expand(index, f"{typed} ")
    assert get_terms(expansion.corrected) == get_terms(there)


@pytest.mark.parametrize(
    ("typed", "other", "language"),
    [
        ("Wald", "Wal", "en"),
        ("Gras", "Glas", "de"),
        ("Hasen", "Rasen", "de"),
        ("Nacht", "Macht", "de"),
        ("finden", "biniau", "cy"),
        ("vacant", "važiuoja", "lt"),
    ],
)
def test_a_short_word_is_not_taken_for_another(index: SearchIndex, typed: str, other: str, language: str) -> None:
    index.put([make_document("other", other, language)])
    (expansion,) = expand(index, f"{typed} ")
    assert (expansion.corrected, find_ids(index, f"{typed} ")) == ("", [])


def test_the_shorter_a_word_the_less_counts_what_may_have_been_meant(index: SearchIndex) -> None:
    index.put([make_document("other", "Gäste Schalter Abwasserentsorgung")])
    weights = [
        max(variant.weight for variant in expand(index, f"{typed} ")[0].variants)
        for typed in ("Gasse", "Schlter", "Abwasserentsogung")
    ]
    assert weights == sorted(weights)
    assert weights[0] < weights[1] < weights[2]


def test_of_words_as_near_the_one_that_begins_alike_was_meant(index: SearchIndex) -> None:
    index.put([make_document("alike", "Vorgang"), *(make_document(f"{n}", "Borgant") for n in range(9))])
    (expansion,) = expand(index, "Vorgant ")
    assert expansion.corrected == "vorgang"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("Fuehrung ", "Führungszeugnisse"),
        ("Aerzte ", "Hausärzte"),
        ("Buergerbuero ", "Das Büro, zu dem Bürger gehen"),
        ('"Buergerhaushalt"', "Bürgerhaushalt"),
        ('"der Buergerhaushalt"', "Der Bürgerhaushalt"),
        ("+Buergerhaushalt", "Bürgerhaushalt"),
        ("Buer", "Bürgerhaushalt"),
        ("Buergerh", "Bürgerhaushalt"),
        ("Strassenbaeume ", "Straßenbäume"),
    ],
)
def test_umlauts_may_be_typed_as_two_letters(index: SearchIndex, query: str, text: str) -> None:
    index.put([make_document("found", text), make_document("other", "Etwas anderes")])
    assert find_ids(index, query) == ["found"]
    assert expand(index, query)[0].unit.text == query.strip(' +"')


def test_two_letters_that_stand_so_are_no_umlaut(index: SearchIndex) -> None:
    index.put([make_document("so", "Das neue Israel, aktuell"), make_document("other", "Nüe Isräl")])
    for typed in ('"Israel"', '"neue"', "Israe"):
        assert find_ids(index, typed) == ["so"]


@pytest.mark.parametrize(
    ("query", "text"), [("Firma ", "Firmensitz"), ("Museum ", "Museenlandschaft"), ("Kriterium ", "Kriterienliste")]
)
def test_a_word_of_latin_is_found_in_compounds_with_its_plural(index: SearchIndex, query: str, text: str) -> None:
    index.put([make_document("found", text), make_document("other", "Kontrollgang, Museumsrat")])
    assert "found" in find_ids(index, query)


LETTERS = st.text("abcdefghiklmnoprstuw", min_size=8, max_size=14)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(word=LETTERS, place=st.integers(0, 13), kind=st.sampled_from(["swap", "drop", "double", "change"]))
def test_any_one_slip_in_a_long_word_finds_it(index: SearchIndex, word: str, place: int, kind: str) -> None:
    place %= len(word) - 1
    typed = {
        "swap": word[:place] + word[place + 1] + word[place] + word[place + 2 :],
        "drop": word[:place] + word[place + 1 :],
        "double": word[:place] + word[place] + word[place:],
        "change": word[:place] + "x" + word[place + 1 :],
    }[kind]
    assume(typed != word)
    index.put([make_document("word", word, "pl")])
    assert "word" in find_ids(index, f"{typed} ")


PARTS = st.text("abcdefghiklmnoprstuw", min_size=4, max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=PARTS, second=PARTS, third=PARTS, link=st.sampled_from(["", "s", "n"]))
def test_a_compound_is_found_by_each_of_its_parts_wherever_the_word_is_typed(
    index: SearchIndex, first: str, second: str, third: str, link: str
) -> None:
    compound = (first + link + second + link + third).capitalize()
    assume(len(compound) <= 40 and STOP_WORDS.isdisjoint({first, second, third}))
    index.put([make_document("compound", compound)])
    for part in (first, second, third):
        for typed in (part, f"{part} ", f"{part} qqq", f"+{part}"):
            assert "compound" in find_ids(index, typed), (typed, compound)


def test_a_text_with_soft_hyphens_adds_no_pieces_of_words(index: SearchIndex) -> None:
    index.put([make_document("soft", "Die Ab\u00adwas\u00adser\u00adent\u00adsor\u00adgung")])
    assert find_ids(index, "Abwasserentsorgung ") == ["soft"]
    assert find_ids(index, "ent\u00adsorgung ") == ["soft"]
    assert find_ids(index, "sor ") == []
    (expansion,) = expand(index, "Abwaserentsorgung ")
    assert expansion.corrected == "abwasserentsorgung"


@pytest.mark.parametrize("typed", ["9000", "9.000", "9 000", '"9\u00a0000"', "+9'000"])
@pytest.mark.parametrize("written", ["9000", "9.000", "9,000", "9\u202f000", "9’000"])
def test_a_number_is_found_however_it_is_grouped(index: SearchIndex, typed: str, written: str) -> None:
    index.put([make_document("number", f"Es waren {written} Menschen."), make_document("other", "Es waren 9 und 000.")])
    assert find_ids(index, typed) == ["number"]


def test_a_word_that_only_a_deleted_document_had_is_told_to_nobody(index: SearchIndex) -> None:
    index.put([make_document("gone", "Mustermännchen"), make_document("other", "etwas")])
    index.remove(["gone"])
    for typed in ("Mustermänchen ", "Mustermännchen ", "muster"):
        (expansion,) = expand(index, typed)
        assert not expansion.is_found
        assert not expansion.corrected
