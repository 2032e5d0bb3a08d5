"""Settings: the environment, read once; what is wrong is said in one line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from chassis.settings import ServiceSettings, load, shared


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of every kind that there is."""

    address: str
    level: Literal["low", "high"] = shared("low")
    count: int = 1
    active: bool = False
    folder: Path = Path("/srv")
    note: str = ""


GOOD = {"SAMPLE_ADDRESS": "here"}


def refusal(capsys: pytest.CaptureFixture[str], environment: dict[str, str]) -> str:
    """Return the one line that a process says before it ends with code 2."""
    with pytest.raises(SystemExit) as raised:
        load(Settings, "sample", environment)
    assert raised.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_values_come_from_the_environment_with_the_types_of_their_fields() -> None:
    environment = {**GOOD, "LEVEL": "high", "SAMPLE_COUNT": "7", "SAMPLE_ACTIVE": "true", "SAMPLE_FOLDER": "/data"}
    settings = load(Settings, "sample", environment)
    assert settings == Settings(address="here", level="high", count=7, active=True, folder=Path("/data"))


def test_a_missing_value_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "SAMPLE_ADDRESS is not set" in refusal(capsys, {})


def test_an_empty_value_counts_as_missing_where_one_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "SAMPLE_ADDRESS is not set" in refusal(capsys, {"SAMPLE_ADDRESS": ""})
    assert load(Settings, "sample", {**GOOD, "SAMPLE_NOTE": ""}).note == ""


def test_an_empty_value_stands_for_none_where_that_is_possible() -> None:
    @dataclass(frozen=True)
    class Optional:
        folder: Path | None = Path("somewhere")

    assert load(Optional, "x", {"X_FOLDER": ""}).folder is None
    assert load(Optional, "x", {"X_FOLDER": "/model"}).folder == Path("/model")


def test_an_unknown_variable_of_the_process_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "SAMPLE_ADRESS " in refusal(capsys, {**GOOD, "SAMPLE_ADRESS": "typo"})


def test_variables_of_other_processes_do_not_matter() -> None:
    assert load(Settings, "sample", {**GOOD, "OTHER_ADDRESS": "there", "PATH": "/bin"}).address == "here"


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("LEVEL", "middle", "it can be low, high"),
        ("SAMPLE_COUNT", "many", "not a whole number"),
        ("SAMPLE_COUNT", "", "not a whole number"),
        ("SAMPLE_ACTIVE", "yes", "it can be true or false"),
    ],
)
def test_a_malformed_value_is_named_with_what_it_can_be(
    capsys: pytest.CaptureFixture[str], variable: str, value: str, says: str
) -> None:
    line = refusal(capsys, {**GOOD, variable: value})
    assert line.startswith(variable)
    assert says in line


def test_a_file_can_hold_a_value(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from the file\n")
    assert load(Settings, "sample", {"SAMPLE_ADDRESS_FILE": str(file)}).address == "from the file"


def test_a_file_that_cannot_be_read_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "SAMPLE_ADDRESS_FILE" in refusal(capsys, {"SAMPLE_ADDRESS_FILE": str(tmp_path / "none")})
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert "UTF-8" in refusal(capsys, {"SAMPLE_ADDRESS_FILE": str(tmp_path / "binary")})


def test_what_kubernetes_injects_for_a_service_of_the_same_name_is_tolerated() -> None:
    injected = {
        "SAMPLE_SERVICE_HOST": "10.0.0.1",
        "SAMPLE_SERVICE_PORT": "50051",
        "SAMPLE_SERVICE_PORT_GRPC": "50051",
        "SAMPLE_PORT": "tcp://10.0.0.1:50051",
        "SAMPLE_PORT_50051_TCP": "tcp://10.0.0.1:50051",
        "SAMPLE_PORT_50051_TCP_ADDR": "10.0.0.1",
        "SAMPLE_PORT_50051_TCP_PROTO": "tcp",
    }
    assert load(Settings, "sample", GOOD | injected).address == "here"


def test_settings_in_a_traceback_or_a_log_do_not_show_passwords() -> None:
    environment = {
        "SAMPLE_DATABASE_URL": "postgresql://sample:hush1@db/sample",
        "NATS_URL": "nats://sample:hush2@nats",
        "IDENTITY_TRUSTED_KEYS": "/keys.json",
    }
    settings = load(ServiceSettings, "sample", environment)
    assert settings.database_url.endswith("@db/sample")
    assert "hush" not in repr(settings)
