"""
Which passwords may be chosen: long ones that nobody would guess.

Refused are those that attackers try first (common passwords, words, names, rows of keys, repetitions, alone or joined),
and those made of the account's own words: its name, its e-mail address, its department, its city, the home city, and
the name of the platform. Nothing else is asked of them: no digits, no signs.

Source: NIST SP 800-63B, section on password verifiers (at least 8 characters, a blocklist of common, expected and
context-specific values, no rules of composition). The lists and the estimate of guesses are zxcvbn's (Wheeler, *zxcvbn:
Low-Budget Password Strength Estimation*, USENIX Security 2016).
"""

import re
from unicodedata import normalize

from chassis.errors import InvalidArgument
from gateway.accounts.model import Account
from gateway.accounts.password_budget import hold_hashing_place

MIN_PASSWORD = 12
# The longest that argon2 can be asked to bear.
MAX_PASSWORD = 1000
# How many guesses are too few: zxcvbn's bound for what is safe from moderate attacks, its score 3.
MIN_GUESSES = 10**8
# What it looks at of a password: of much more it takes seconds.
EXAMINED_LENGTH = 24
PLATFORM = "Austausch"
MIN_WORD = 3


def require_good_password(field: str, password: str, account: Account, home_city: str) -> None:
    """
    Raise unless a password may be chosen for an account.

    Args:
        field: Path of the field that it was given in.
        home_city: Resource name of the home city.

    Raises:
        InvalidArgument: It is too short (reason PASSWORD_TOO_SHORT, metadata ``min_length``), too long
            (PASSWORD_TOO_LONG, ``max_length``), among the first that are tried (PASSWORD_TOO_COMMON), or made of the
            account's own words (PASSWORD_OF_OWN_WORDS).
        Unavailable: Too many passwords are being looked at; reason SIGN_IN_BUSY.
    """
    if len(password) < MIN_PASSWORD:
        raise InvalidArgument(
            field,
            f"has {len(password)} characters; it needs {MIN_PASSWORD} at least",
            reason="PASSWORD_TOO_SHORT",
            metadata={"min_length": str(MIN_PASSWORD)},
        )
    if len(password) > MAX_PASSWORD:
        raise InvalidArgument(
            field,
            f"has more than {MAX_PASSWORD} characters",
            reason="PASSWORD_TOO_LONG",
            metadata={"max_length": str(MAX_PASSWORD)},
        )
    with hold_hashing_place():  # it keeps the processor as busy as a hash does
        if _is_guessable(password):
            raise InvalidArgument(field, "is among the first that an attacker tries", reason="PASSWORD_TOO_COMMON")
        rest = _remove_words(_list_own_words(account, home_city), password)
        if rest != password and _is_guessable(rest):
            raise InvalidArgument(
                field,
                "is made of the account's name, address or city, or of the platform's name",
                reason="PASSWORD_OF_OWN_WORDS",
            )


def _is_guessable(password: str) -> bool:
    from zxcvbn import zxcvbn  # its lists take 15 MB, which few processes ever need

    return not password or bool(zxcvbn(password[:EXAMINED_LENGTH])["guesses"] < MIN_GUESSES)


def _list_own_words(account: Account, home_city: str) -> set[str]:
    texts = (account.display_name, account.email, account.department, account.city, home_city, PLATFORM)
    words = {word for text in texts for word in re.findall(r"[^\W_]+", normalize("NFKC", text).casefold())}
    return {word for word in words if len(word) >= MIN_WORD} - {"cities"}


def _remove_words(words: set[str], password: str) -> str:
    """Return what is left of a password without some words, in any case of letters; itself where none is in it."""
    plain = normalize("NFKC", password).casefold()
    longest_first = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    rest, removed = re.subn(longest_first, "", plain)
    return rest.strip(" -_.@") if removed else password
