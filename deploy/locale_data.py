"""
Makes Babel's locale data, 29 MB of 33, smaller for the gateway's image.

``python deploy/locale_data.py gateway/translations`` keeps all that is known about the locales of the pages' languages,
and of all others that there are such languages, and which way they are written.
"""

import pickle
import sys
from collections.abc import Collection
from pathlib import Path

from babel import localedata

# Pages are written in it, so it has no catalogue.
ENGLISH = "en"
# Every locale takes from it what it does not say itself.
ROOT = "root"
KEPT = ("character_order",)


def reduce_locale_data(languages: Collection[str]) -> None:
    """Rewrite the files of all locales that are of none of the languages (``de``)."""
    for identifier in localedata.locale_identifiers():
        if identifier != ROOT and identifier.partition("_")[0] not in languages:
            data = localedata.load(identifier, merge_inherited=False)
            with open(localedata.resolve_locale_filename(identifier), "wb") as file:
                pickle.dump({key: data[key] for key in KEPT if key in data}, file)


if __name__ == "__main__":
    reduce_locale_data({ENGLISH, *(catalogue.name for catalogue in Path(sys.argv[1]).iterdir())})
