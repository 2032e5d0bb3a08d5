"""``austausch create-admin``: the first account of an installation."""

import pytest

from tests.journeys.openapi_client import Program
from tests.operate.austausch import austausch, settings_of, succeed
from tests.stack import Stack

PASSWORD = "a long password"


def test_an_operator_creates_an_account_that_creates_all_others(stack: Stack) -> None:
    settings = settings_of(stack.data)
    office = ("create-admin", "--email", "Office@city.example", "--name", "International office")

    said = succeed(settings, *office, given=f"{PASSWORD}\n")

    assert "Office@city.example" in said
    assert PASSWORD not in said
    program = Program(stack.url)
    program.sign_in("office@city.example", PASSWORD)
    created = program(
        "CreateAccount",
        body={
            "email": "press@city.example", "displayName": "Press", "roles": ["ROLE_MEMBER"], "department": "Press",
        },
    )  # fmt: skip
    assert created["email"] == "press@city.example"
    again = austausch(settings, *office, given=f"{PASSWORD}\n")
    assert (again.returncode, again.stderr) == (1, "Error: There is an account Office@city.example already.\n")


def test_a_password_that_nobody_gives_is_made_up_and_printed(stack: Stack) -> None:
    said = succeed(settings_of(stack.data), "create-admin", "--email", "two@city.example", "--name", "Second office")

    program = Program(stack.url)
    program.sign_in("two@city.example", said.rpartition("password: ")[2].strip())
    assert program("ListAccounts", pageSize=1)["accounts"]


@pytest.mark.parametrize("password", ["password12345", "Third office 1", "short"])
def test_a_password_that_is_easy_to_guess_is_refused(stack: Stack, password: str) -> None:
    refused = austausch(
        settings_of(stack.data), "create-admin", "--email", "three@city.example", "--name", "Third office",
        given=f"{password}\n",
    )  # fmt: skip

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: password: ")
