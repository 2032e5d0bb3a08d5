"""
Settings: the environment, read once, into a frozen dataclass.

Only a process's ``__main__`` calls `load`. A setting ``database_url`` of the process ``exchange`` is the variable
``EXCHANGE_DATABASE_URL``; a shared one has no prefix. ``<NAME>_FILE`` names a file that holds the value, which is how
secrets are mounted. What a value has to be is said by the type of its field (`chassis.setting_types`).
"""

import os
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

from chassis.setting_types import (
    Check,
    DatabaseUrl,
    KeepDays,
    KeySet,
    Listen,
    NatsUrl,
    NotNegative,
    Positive,
    WebUrl,
    WhenServing,
)

Loaded = TypeVar("Loaded")

# Kubernetes adds these for every Service object of the same name.
_INJECTED = re.compile(r"_SERVICE_(HOST|PORT.*)$|_PORT(_\d+_(TCP|UDP).*)?$")
# Variables of others begin like this, too, as the client of NATS has NATS_CONTEXT: refused is what looks like a slip.
_SHARED_PREFIXES = ("NATS_", "IDENTITY_", "OTLP_")
_SLIP = 0.9


class WrongSetting(ValueError):
    """
    A setting is missing, malformed or unknown; the message says so in one line.

    Attributes:
        variable: Its name.
    """

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__(f"{variable}{reason}")
        self.variable = variable


def shared(default: Any = MISSING, *, secret: bool = False) -> Any:
    """Declare a setting that all processes read under the same name, without prefix; a secret one is not printed."""
    return field(default=default, repr=not secret, metadata={"shared": True})


def secret(default: Any = MISSING) -> Any:
    """Declare a setting that is not printed."""
    return field(default=default, repr=False)


@dataclass(frozen=True, kw_only=True)
class ProcessSettings:
    """What every process can be told."""

    metrics_listen: Listen = ""
    """Host and port of the Prometheus endpoint; empty for none."""
    log_format: Literal["console", "json"] = shared("console")
    log_level: Literal["debug", "info", "warning", "error"] = shared("info")
    otlp_endpoint: WebUrl = shared("")
    """Base URL of an OpenTelemetry collector (OTLP over HTTP); empty for none."""


@dataclass(frozen=True, kw_only=True)
class ServiceSettings(ProcessSettings):
    """What every gRPC service can be told."""

    database_url: DatabaseUrl = secret()
    """PostgreSQL, ``postgresql://user:password@host/database``; it may name several hosts (`chassis.database_urls`)."""
    listen: Listen = "127.0.0.1:0"
    """Host and port to serve gRPC on."""
    nats_url: NatsUrl = shared(secret=True)
    """NATS, ``nats://user:password@host:4222``; several servers of a cluster divided by commas."""
    nats_replicas: Positive | None = shared(None)
    """On how many servers of a cluster each stream is kept."""
    nats_max_megabytes: Positive | None = shared(None)
    """Room on NATS's disk that the streams may take together."""
    nats_keep_days: KeepDays | None = shared(None)
    """How long events stay in their stream."""
    identity_trusted_keys: KeySet = shared()
    """JSON Web Key Set with the public keys of the gateway and of the services that call others."""
    pool_size: Positive = 8
    """Database connections, at most."""
    shutdown_seconds: NotNegative = 20
    """How long running calls may take to finish after SIGTERM."""


def refuse(wrong: WrongSetting) -> NoReturn:
    """End the process because of a setting."""
    print(wrong, file=sys.stderr)
    raise SystemExit(2)


def load(
    kind: type[Loaded],
    process: str,
    environment: Mapping[str, str] | None = None,
    refuse: Callable[[WrongSetting], object] = refuse,
) -> Loaded:
    """
    Return the settings of a process.

    Args:
        kind: The frozen dataclass to fill; its fields are ``str``, ``int``, ``bool``, ``Path`` or ``Literal``, or of a
            type of `chassis.setting_types`; one of them or None, which an empty value stands for.
        process: Name of the process, e.g. ``exchange``: the prefix of its variables; empty for a tool that has none.
        environment: Variables; the process's environment unless given.
        refuse: Called with what is wrong; where it returns, the setting has its default.

    Raises:
        SystemExit: With code 2, after one line on standard error: a value is missing, malformed, or unknown.
    """
    environment = os.environ if environment is None else environment
    hints = typing.get_type_hints(kind, include_extras=True)
    values: dict[str, Any] = {}
    known: set[str] = set()
    for setting in fields(kind):  # type: ignore[arg-type]
        variable = _name_variable(setting, process)
        known |= {variable, f"{variable}_FILE"}
        try:
            values |= _read(setting, variable, hints[setting.name], environment)
        except WrongSetting as wrong:
            refuse(wrong)
    if process:
        for unknown in _list_unknown(process, environment, known):
            refuse(unknown)
    return kind(**values)


def check_serving(settings: Any, process: str) -> None:
    """
    Look at the files and folders that the settings of a process name, which it needs to serve.

    Raises:
        SystemExit: As `load`.
    """
    hints = typing.get_type_hints(type(settings), include_extras=True)
    for setting in fields(settings):
        variable, value = _name_variable(setting, process), getattr(settings, setting.name)
        _, _, checks = _split_hint(hints[setting.name])
        try:
            if value != setting.default:
                _run([each.check for each in checks if isinstance(each, WhenServing)], variable, "", value)
        except WrongSetting as wrong:
            refuse(wrong)


def _name_variable(setting: "Field[Any]", process: str) -> str:
    prefix = f"{process.upper()}_" if process and not setting.metadata.get("shared") else ""
    return prefix + setting.name.upper()


def _read(setting: "Field[Any]", variable: str, hint: Any, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return name → value of a setting; nothing where it has its default."""
    text = _text(variable, environment)
    required = setting.default is MISSING and setting.default_factory is MISSING
    if not text and required:
        raise WrongSetting(variable, f" is not set (nor {variable}_FILE).")
    if text is None:
        return {}
    kind, is_optional, checks = _split_hint(hint)
    value = None if is_optional and not text else _convert(variable, text, kind)
    if value != setting.default:
        file = environment.get(f"{variable}_FILE")
        said = f"_FILE: {file}" if file else f" is {text!r}" if setting.repr else ""
        _run([each for each in checks if not isinstance(each, WhenServing)], variable, said, value)
    return {setting.name: value}


def _text(variable: str, environment: Mapping[str, str]) -> str | None:
    if path := environment.get(f"{variable}_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise WrongSetting(variable, f"_FILE: {path}: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise WrongSetting(variable, f"_FILE: {path}: not text in UTF-8.") from None
    return environment.get(variable)


def _split_hint(hint: Any) -> tuple[Any, bool, Sequence[Any]]:
    """Return the plain type that a hint stands for, whether it may be None, and the checks of the value."""
    is_optional = typing.get_origin(hint) in (typing.Union, types.UnionType)
    if is_optional:
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is typing.Annotated:
        kind, *checks = typing.get_args(hint)
        return kind, is_optional, checks
    return hint, is_optional, ()


def _convert(variable: str, text: str, kind: Any) -> Any:
    if typing.get_origin(kind) is Literal:
        if text not in typing.get_args(kind):
            raise WrongSetting(variable, f" is {text!r}; it can be {', '.join(typing.get_args(kind))}.")
        return text
    if kind is bool:
        if text not in ("true", "false"):
            raise WrongSetting(variable, f" is {text!r}; it can be true or false.")
        return text == "true"
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise WrongSetting(variable, f" is {text!r}, not a whole number.") from None
    return kind(text)


def _run(checks: Sequence[Check], variable: str, said: str, value: Any) -> None:
    for check in checks:
        try:
            check(value)
        except OSError as error:
            raise WrongSetting(variable, f"{said}: {error.filename}: {error.strerror}.") from None
        except ValueError as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise WrongSetting(variable, f"{said}: {reason}.") from None


def _list_unknown(process: str, environment: Mapping[str, str], known: set[str]) -> list[WrongSetting]:
    wrong = []
    for variable in environment:
        if variable in known or _INJECTED.search(variable):
            continue
        if variable.startswith(f"{process.upper()}_"):
            wrong.append(WrongSetting(variable, f" is not a setting of {process}."))
        elif variable.startswith(_SHARED_PREFIXES) and (meant := get_close_matches(variable, known, 1, _SLIP)):
            wrong.append(WrongSetting(variable, f" is not a setting of {process}; {meant[0]} is."))
    return wrong
