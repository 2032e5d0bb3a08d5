"""
Whether every text is translated: ``python -m gateway.i18n.catalogues``, part of ``make lint``, names what is not.

pybabel takes texts from Python and templates into the catalogues (``make translations``), and tells when these are
behind; it counts a text as translated that is unsure, or that has only one of its plural forms.
"""

import sys

from babel.messages.pofile import read_po

from gateway.i18n.languages import TRANSLATIONS


def find_faults() -> list[str]:
    """Return the faults of the catalogues, a line each: texts untranslated, unsure, or of another format."""
    lines = []
    for file in sorted(TRANSLATIONS.glob("*/LC_MESSAGES/messages.po")):
        with file.open("rb") as source:
            catalogue = read_po(source, locale=file.parent.parent.name)
        for message in catalogue:
            if message.fuzzy and message.id:
                lines.append(f"{file}: unsure (fuzzy): {message.id}")
            elif not all(message.string if isinstance(message.string, tuple) else (message.string,)):
                lines.append(f"{file}: not translated: {message.id}")
            else:
                lines += [f"{file}: {error}: {message.id}" for error in message.check(catalogue)]
    return lines


if __name__ == "__main__":
    faults = find_faults()
    print(*faults, sep="\n", end="\n" if faults else "")
    sys.exit(bool(faults))
