"""Labels of topics in the forms that they are found by."""

import re
import unicodedata

MAX_SLUG = 63
# What the contract allows in the words of a slug: letters that are not capitals, marks, decimal digits.
IN_SLUGS = frozenset({"Ll", "Lm", "Lo", "Mn", "Mc", "Me", "Nd"})
# What Unicode does not take apart, though people type the one for the other.
LETTERS = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ى": "ي", "ة": "ه", "ـ": None})
WORD = re.compile(r"[^\W_]+")
# Scripts that put no blanks between words: each character stands for one.
UNSPACED = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])")


def fold_label(text: str) -> str:
    """
    Return the words of a text for comparison: without case, accents and signs, each with a blank before it.

    So ``" " + words`` occurs in a folded label where one of its words begins with them.
    """
    if text.isascii():
        return "".join(f" {word}" for word in WORD.findall(text.lower()))
    # Once more after the case: some letters have none before they are taken apart, others are joined by it.
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(char for char in apart if unicodedata.category(char) != "Mn").translate(LETTERS)
    return "".join(f" {word}" for word in WORD.findall(UNSPACED.sub(r" \1 ", plain)))


def make_slug(label: str) -> str:
    """Return a label as the slug of a topic, in letters of any script; "" where there are none in it."""
    lower = unicodedata.normalize("NFC", label.lower())
    letters = "".join(char if unicodedata.category(char) in IN_SLUGS else " " for char in lower)
    slug = ""
    for word in letters.split():
        longer = f"{slug}-{word}" if slug else word[:MAX_SLUG]
        if len(longer) > MAX_SLUG:
            break
        slug = longer
    return slug
