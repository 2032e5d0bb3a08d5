"""
School holidays, as the operator provides them.

A folder with a file per country, ``DE.json``, each as https://www.openholidaysapi.org answers ``/SchoolHolidays``.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from services.exchange.date_proposals import Period


class SchoolHolidays:
    """
    School holidays of countries and their subdivisions.

    Args:
        folder: With a file per country; None where the operator has none.

    Raises:
        ValueError: A file is not what it should be; it is named.
        OSError: The folder or a file cannot be read.
    """

    def __init__(self, folder: Path | None) -> None:
        self._entries: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for file in sorted(folder.iterdir()) if folder else ():
            if file.suffix == ".json":
                try:
                    self._add(file.stem.upper(), json.loads(file.read_text("utf-8")))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise ValueError(f"{file}: no school holidays as OpenHolidays has them: {error!r}") from error

    def _add(self, country: str, entries: Sequence[Mapping[str, Any]]) -> None:
        for entry in entries:
            _make_period(entry, "")
            codes = [country] if entry.get("nationwide") else [each["code"] for each in entry["subdivisions"]]
            for code in codes:
                self._entries[code].append(entry)

    def list_of(self, code: str, language: str) -> list[Period]:
        """
        Return the school holidays of a country or subdivision, those of the whole country included.

        Args:
            code: ISO 3166, e.g. ``DE-BW``.
            language: Of the names, BCP 47; another one where a name is not in it.
        """
        country = code.partition("-")[0]
        entries = [entry for each in dict.fromkeys((country, code)) for entry in self._entries.get(each, ())]
        return [_make_period(entry, language.partition("-")[0]) for entry in entries]


def _make_period(entry: Mapping[str, Any], language: str) -> Period:
    names = {name["language"].lower(): name["text"] for name in entry["name"]}
    title = names.get(language) or names.get("en") or next(iter(names.values()), "")
    return Period(date.fromisoformat(entry["startDate"]), date.fromisoformat(entry["endDate"]), title)
