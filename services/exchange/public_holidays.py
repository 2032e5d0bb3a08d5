"""Public holidays of countries and their subdivisions, named in the reader's language where the library has that."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import holidays

ENGLISH = ("en_GB", "en_US")


@dataclass(frozen=True, slots=True)
class PublicHoliday:
    """
    A day on which nobody works by law.

    Attributes:
        is_estimated: Whether the day depends on a moon that nobody has seen yet, and may turn out one earlier or later.
    """

    day: date
    name: str
    is_estimated: bool = False


def list_public_holidays(calendar: str, years: Iterable[int], language: str) -> dict[int, list[PublicHoliday] | None]:
    """
    Return year → its public holidays, in order; None for a year that nothing is known of.

    Args:
        calendar: ISO 3166 code such as ``DE-BW``; a subdivision without holidays of its own has its country's.
        language: BCP 47, e.g. ``de``; names are English where there are none in it, else the country's own.
    """
    return {year: _list_of_year(calendar, year, language.partition("-")[0]) for year in years}


@lru_cache(maxsize=1_000)
def _list_of_year(calendar: str, year: int, language: str) -> list[PublicHoliday] | None:
    country, _, subdivision = calendar.partition("-")
    try:
        kind: Any = type(holidays.country_holidays(country))
    except NotImplementedError:
        return None
    if not kind.start_year <= year <= kind.end_year:
        return None
    options: dict[str, Any] = {
        "years": [year],
        "subdiv": subdivision if subdivision in kind.get_subdivision_aliases() else None,
        "language": _choose_language(kind, language),
    }
    try:
        found = kind(**options, islamic_show_estimated=True)
    except TypeError:
        found = kind(**options)
    # The library tells an estimate by a label behind the name.
    labels = [getattr(kind, name, "") for name in ("estimated_label", "observed_estimated_label")]
    tails = [found.tr(label).partition("%s")[2] for label in labels if label]
    return [_make_holiday(day, name, tails) for day, name in sorted(found.items()) if day.year == year] or None


def _make_holiday(day: date, name: str, tails: Iterable[str]) -> PublicHoliday:
    plain = name
    for tail in tails:
        plain = plain.replace(tail, "")
    return PublicHoliday(day, plain, is_estimated=plain != name)


def _choose_language(kind: Any, language: str) -> str | None:
    for wanted in (language, *ENGLISH):
        for offered in kind.supported_languages:
            if offered == wanted or (wanted == language and offered.partition("_")[0] == language):
                return str(offered)
    return None
