"""
Names as they are searched: PostgreSQL's function ``fold_name`` makes of any name its words in plain small letters.

``fold_name('Łódź/Straße')`` is ``' lodz strasse '``: without case, accents, vowel points and punctuation, one blank
around each word, so that ``LIKE '% str%'`` finds the beginning of a word. A table keeps its rows' folded names in the
column ``folded_name``, which PostgreSQL computes, and finds their parts by an index over ``name_grams``, every two and
three letters in a row. Both functions are immutable whatever the locale of the database, and need no extension:
``lower``, ``unaccent`` and ``pg_trgm`` know no letters but A to Z where the locale is ``C``.

To fold otherwise takes a migration: it replaces the function, and makes the columns anew.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from sqlalchemy import Computed, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

# Greek, Cyrillic, Armenian and Latin with all its extensions.
CASED = [*range(0x41, 0x588), *range(0x1E00, 0x1F00)]
# Accents, vowel points, tone marks; between Arabic and Hebrew letters, joiners and marks of direction as well.
MARKS = [*range(0x300, 0x370), *range(0x483, 0x488), *range(0x591, 0x5C8), *range(0x610, 0x61B), *range(0x64B, 0x660),
         0x670, *range(0x6D6, 0x6EE), *range(0x1AB0, 0x1B00), *range(0x20D0, 0x2100)]  # fmt: skip
UNSEEN = [0xAD, 0x61C, 0x640, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF]
APOSTROPHES = "'`´ʹʼ‘’′"
BLANKS = [*range(0x01, 0x30), *range(0x3A, 0x41), *range(0x5B, 0x61), *range(0x7B, 0xA1), *range(0x2000, 0x2070),
          *range(0x3000, 0x3030), *map(ord, "¡§«¶·»¿÷×،؛؟٪٫٬־׀׃״۔・")]  # fmt: skip
# Letters that Unicode does not take apart, and variants that people write for each other.
VARIANTS = dict(zip("łđøħŧıðςךםןףץىیېکةەۀٱ", "ldohtidσכמנפצيييكههها", strict=True))
LIGATURES = {"ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "þ": "th", "Þ": "th"}


def _small_letters() -> Iterator[tuple[str, str]]:
    """Yield each capital letter that cannot be taken apart, and what is searched for it."""
    for code in CASED:
        letter = chr(code)
        small = letter.lower()
        if small != letter and len(small) == 1 and unicodedata.normalize("NFKD", letter) == letter:
            yield letter, VARIANTS.get(small, small)


def _replacements() -> dict[str, str]:
    """Return what is searched for each letter; "" for what is left out. What is most frequent comes first."""
    # The letters that stay are found at once, and not after a look at all the others.
    pairs = {letter: letter for letter in " etaoinshrdlcumwfgypbvkjxqz0123456789"}
    pairs |= dict(_small_letters()) | VARIANTS
    for zero in (0x660, 0x6F0):
        pairs |= {chr(zero + digit): str(digit) for digit in range(10)}
    dropped = {*map(chr, MARKS), *map(chr, UNSEEN), *APOSTROPHES}
    pairs |= {blank: " " for blank in map(chr, BLANKS) if blank not in dropped and blank != " "}
    return pairs | dict.fromkeys(sorted(dropped), "")


@cache
def _table() -> dict[int, str]:
    return str.maketrans(_replacements())


def fold_name(name: str) -> str:
    """Return what PostgreSQL's function of this name does."""
    folded = unicodedata.normalize("NFKD", name)
    for ligature, parts in LIGATURES.items():
        folded = folded.replace(ligature, parts)
    return f" {re.sub(' +', ' ', folded.translate(_table())).strip(' ')} "


def _quote(text: str) -> str:
    """Return a text as an SQL string of ASCII letters."""
    return "U&'" + "".join(_escape(letter) for letter in text) + "'"


def _escape(letter: str) -> str:
    return letter if letter.isascii() and letter.isalnum() else f"\\{ord(letter):04X}"


def _function() -> str:
    pairs = _replacements()
    # `translate` leaves out the letters for which it has none: they come last.
    letters = sorted(pairs, key=lambda letter: not pairs[letter])
    name = "normalize(name, NFKD)"
    for ligature, parts in LIGATURES.items():
        name = f"replace({name}, {_quote(ligature)}, '{parts}')"
    name = f"translate({name}, {_quote(''.join(letters))}, {_quote(''.join(pairs[letter] for letter in letters))})"
    return (
        "CREATE FUNCTION fold_name(name text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$"
        f" SELECT ' ' || btrim(regexp_replace({name}, ' +', ' ', 'g')) || ' ' $$"
    )


# Every two and every three letters in a row: two are a word in Chinese, three are rare enough to tell names apart.
_GRAMS = (
    "CREATE FUNCTION name_grams(folded text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$"
    " SELECT ARRAY(SELECT substr(folded, place, size) FROM generate_series(1, length(folded) - 1) AS place,"
    " generate_series(2, 3) AS size WHERE place + size - 1 <= length(folded)) $$"
)


def list_grams(folded: str) -> list[str]:
    """Return the grams of a piece of a folded name that tell most: of three letters, or of two where it has no more."""
    size = min(len(folded), 3)
    return sorted({folded[place : place + size] for place in range(len(folded) - size + 1)}) if size > 1 else []


def map_folded_name(*called: str) -> Mapped[str]:
    """
    Return the column with what a row is called, folded, two blanks between one name and the next; it is never loaded.

    Args:
        called: The columns that hold its names.
    """
    return mapped_column(Text, Computed(_compute(called), persisted=True), deferred=True)


def _compute(called: Iterable[str]) -> str:
    return " || ".join(["' '", *(f"fold_name({name})" for name in called), "' '"])


def index_folded_name(table: str) -> Index:
    """Return the index that finds any part of a folded name."""
    # With the default, every search would look through what was written since the last vacuum.
    options = {"fastupdate": "off"}
    return Index(
        f"ix_{table}_name_grams", text("name_grams(folded_name)"), postgresql_using="gin", postgresql_with=options
    )


def create_functions(op: Any) -> None:
    """Create ``fold_name`` and ``name_grams``, in a migration; `op` is Alembic's."""
    op.execute(_function())
    op.execute(_GRAMS)


def add_folded_name(op: Any, table: str, *called: str) -> None:
    """Give a table the column `map_folded_name` and its index, in a migration."""
    column = f"folded_name text GENERATED ALWAYS AS ({_compute(called)}) STORED NOT NULL"
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    index = f"ix_{table}_name_grams ON {table} USING gin (name_grams(folded_name)) WITH (fastupdate = off)"
    op.execute(f"CREATE INDEX {index}")
