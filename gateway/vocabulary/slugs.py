"""Short names for addresses, made from titles."""

import re
import unicodedata

from anyascii import anyascii

# As German writes them without dots; anyascii leaves the dots out.
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def slugify(text: str) -> str:
    """Return a text in any script as small Latin letters, digits and hyphens, for an address; "" for signs only."""
    plain = anyascii(unicodedata.normalize("NFC", text).casefold().translate(UMLAUTS)).lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
