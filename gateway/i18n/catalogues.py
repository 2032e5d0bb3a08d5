"""
The gettext catalogues: ``translations/<language>/LC_MESSAGES/messages.po``, from the texts in Python and templates.

- ``python -m gateway.i18n.catalogues update`` takes new texts in and old ones out; then translate what is empty.
- ``python -m gateway.i18n.catalogues check`` (part of ``make lint``) names every text that is not translated.

English is the language of the code and needs no catalogue.
"""

import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

GATEWAY = Path(__file__).parent.parent
TRANSLATIONS = GATEWAY / "translations"
METHODS = [("node_modules/**", "ignore"), ("**.py", "python"), ("templates/**.html", "jinja2")]
JINJA = {"templates/**.html": {"trimmed": "true", "silent": "false"}}
KEYWORDS = DEFAULT_KEYWORDS | {"_l": None, "lazy_gettext": None, "lazy_ngettext": (1, 2)}


def extracted() -> Catalog:
    """Return every text that Python and templates mark for translation, with the places where it stands."""
    texts = Catalog(project="austausch", charset="utf-8", fuzzy=False)
    found = extract_from_dir(
        GATEWAY, METHODS, JINJA, keywords=KEYWORDS, comment_tags=("Translators:",), strip_comment_tags=True
    )
    for file, line, text, comments, context in found:
        texts.add(text, locations=[(file, line)], auto_comments=comments, context=context)
    return texts


def problems() -> list[str]:
    """Return, a line each, what is wrong with the catalogues: texts missing, untranslated, unsure or no longer used."""
    texts = extracted()
    wanted = {(message.id, message.context) for message in texts if message.id}
    lines = []
    for file in catalogue_files():
        catalogue = read(file)
        present = {(message.id, message.context): message for message in catalogue if message.id}
        lines += [f"{file}: missing: {key[0]}" for key in sorted(wanted - present.keys(), key=str)]
        for key, message in present.items():
            if key not in wanted:
                lines.append(f"{file}: no longer used: {key[0]}")
            elif message.fuzzy:
                lines.append(f"{file}: unsure (fuzzy): {key[0]}")
            elif not all(message.string if isinstance(message.string, tuple) else (message.string,)):
                lines.append(f"{file}: not translated: {key[0]}")
            else:
                lines += [f"{file}: {error}: {key[0]}" for error in message.check(catalogue)]
    return lines


def update() -> None:
    """Bring the catalogues up to date with the texts; what is new is left empty."""
    texts = extracted()
    for file in catalogue_files():
        catalogue = read(file)
        catalogue.update(texts, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        with file.open("wb") as output:
            # Line numbers would change with every edit.
            write_po(output, catalogue, width=120, sort_by_file=True, ignore_obsolete=True, include_lineno=False)


def catalogue_files() -> list[Path]:
    """Return the catalogue of each language."""
    return sorted(TRANSLATIONS.glob("*/LC_MESSAGES/messages.po"))


def read(file: Path) -> Catalog:
    """Return the catalogue in ``file``."""
    with file.open("rb") as source:
        return read_po(source, locale=file.parent.parent.name)


def main() -> int:
    """Run the command; the exit code is 1 when a check finds something."""
    match sys.argv[1:]:
        case ["update"]:
            update()
            return 0
        case ["check"]:
            found = problems()
            print(*found, sep="\n", end="\n" if found else "")
            return 1 if found else 0
        case _:
            print("usage: python -m gateway.i18n.catalogues update|check", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main())
