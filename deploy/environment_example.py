"""
The variables of Compose as a file to begin with: ``python -m deploy.environment_example`` writes ``.env.example``.

What each means stands at the head of ``deploy/compose.yaml``, and what it is by default where it is used. So the file
says nothing of its own, and a test fails while it is not what this module makes.
"""

import re
from pathlib import Path

COMPOSE = Path(__file__).with_name("compose.yaml")
EXAMPLE = Path(__file__).with_name(".env.example")
MEANING = re.compile(r"^#     ([A-Z_]+) +(.+?); [^;]+$", re.MULTILINE)
USE = re.compile(r"\$\{([A-Z_]+)(?::?-([^}]*)|:\+[^}]*)?\}")

HEAD = """\
# Copy it to .env beside compose.yaml, and change what is not as here; see docs/operations/installing.md.
# Made by `python -m deploy.environment_example`.
"""


def list_variables(compose: str) -> dict[str, tuple[str, str]]:
    """
    Return the variables of a Compose file, each with its meaning and its default.

    Args:
        compose: Text of the file; its head has a line ``NAME   meaning; default`` for each.

    Raises:
        ValueError: One is used and not explained, or explained and not used.
    """
    meanings: dict[str, str] = dict(MEANING.findall(compose))
    # A variable that a folder hangs on stands for none where it has no value.
    defaults: dict[str, str] = {}
    for name, default in USE.findall(compose):
        defaults[name] = "" if default == "no-model" else defaults.get(name) or default
    if meanings.keys() != defaults.keys():
        raise ValueError(f"used or explained, not both: {', '.join(sorted(meanings.keys() ^ defaults.keys()))}")
    return {name: (meaning, defaults[name]) for name, meaning in meanings.items()}


def write_example() -> str:
    """Return the text of the file: every variable, commented out, with its default."""
    variables = list_variables(COMPOSE.read_text())
    lines = [
        f"\n# {meaning[0].upper()}{meaning[1:]}.\n#{name}={default}\n" for name, (meaning, default) in variables.items()
    ]
    return HEAD + "".join(lines)


if __name__ == "__main__":
    EXAMPLE.write_text(write_example())
