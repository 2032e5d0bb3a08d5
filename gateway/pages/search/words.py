"""What becomes of a query when its reader wants something else for one of its words."""

import re


def demand(query: str, word: str) -> str:
    """Return a query in which a word that was typed has to occur as it stands; the others stay."""
    demanded = f'"{word}"'
    typed = re.compile(rf'(?<![\w"]){re.escape(word)}(?![\w"])', re.IGNORECASE)
    changed, times = typed.subn(lambda _: demanded, query, count=1)
    # The search reads some letters as others: what it tells may not stand so in the query.
    return changed if times else f"{query} {demanded}"
