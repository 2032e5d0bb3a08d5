"""The variables of Compose as a file to begin with."""

import pytest

from deploy.environment_example import COMPOSE, EXAMPLE, list_variables, write_example


def test_the_example_is_what_compose_says() -> None:
    assert EXAMPLE.read_text() == write_example(), "run python -m deploy.environment_example"


def test_every_variable_of_compose_is_in_it_with_its_default() -> None:
    variables = list_variables(COMPOSE.read_text())
    assert variables["PUBLISH"][1] == "127.0.0.1"
    assert variables["MODEL"][1] == ""
    for name, (_meaning, default) in variables.items():
        assert f"\n#{name}={default}\n" in write_example()


def test_a_variable_that_nobody_explains_is_refused() -> None:
    with pytest.raises(ValueError, match="HOME_TOWN"):
        list_variables(COMPOSE.read_text().replace("${HOME_CITY:-", "${HOME_TOWN:-"))
