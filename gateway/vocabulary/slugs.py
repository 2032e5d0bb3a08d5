"""Short names for addresses, made from titles."""

import re
import unicodedata

UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def slugified(text: str) -> str:
    """Return a text in small Latin letters, digits and hyphens, for an address; "" if nothing is left of it."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(UMLAUTS)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
