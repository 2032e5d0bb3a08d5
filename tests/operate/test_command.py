"""The command's own face."""

import re
from pathlib import Path

import click
import pytest

from deploy.credentials import DATABASES
from operate.command import main
from tests.operate.austausch import austausch

DOCUMENT = Path(__file__).parents[2] / "docs/operations/command.md"


def test_the_documentation_names_every_command_with_its_arguments_and_options() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)([^|]*)\|", DOCUMENT.read_text(), re.MULTILINE))

    assert rows.keys() == main.commands.keys()
    for name, command in main.commands.items():
        for parameter in command.params:
            said = parameter.opts[0] if isinstance(parameter, click.Option) else "`"
            if parameter.required:
                assert said in rows[name], f"{name} {said}"


def test_a_setting_that_is_missing_is_named() -> None:
    refused = austausch({}, "republish")

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "EXCHANGE_DATABASE_URL is not set (nor EXCHANGE_DATABASE_URL_FILE).\n"


@pytest.mark.parametrize(
    "command",
    [
        ("doctor",), ("backup", "--to", "backups"), ("restore", "backups/one"), ("republish",),
        ("dead-letters", "list"), ("rebuild-index",), ("export", "all.zip"), ("import", "all.zip"),
        ("create-admin", "--email", "office@city.example", "--name", "Office"),
    ],
    ids=lambda command: command[0],
)  # fmt: skip
def test_a_url_that_is_none_is_named_and_its_password_is_not_printed(command: tuple[str, ...]) -> None:
    settings = {f"{process.upper()}_DATABASE_URL": "postgresql:/city:hidden@host/city" for process in DATABASES}
    settings["NATS_URL"] = "nats://city:hid/den@host:4222"

    done = austausch(settings, *command)

    said = done.stdout + done.stderr
    assert done.returncode == (1 if command == ("doctor",) else 2)
    assert "_DATABASE_URL: " in said or "NATS_URL: " in said
    assert "hid" not in said
    assert "Traceback" not in said


def test_settings_that_are_read_for_one_command_do_not_stay_in_the_operators_shell() -> None:
    root = DOCUMENT.parents[2]
    texts = [root / "README.md", root / "CONTRIBUTING.md", root / "deploy/local.py", *(root / "docs").rglob("*.md")]
    lines = [line for file in texts for line in file.read_text().splitlines() if "set -a" in line]
    assert len(lines) >= 2
    for line in lines:
        assert re.search(r"\(set -a; \. \.data/settings\.env; [^)]*austausch doctor\)", line), line
