"""
Settings: the environment, read once, into a frozen dataclass.

Only a process's ``__main__`` calls `load`. A setting ``database_url`` of the process ``exchange`` is the variable
``EXCHANGE_DATABASE_URL``; a shared one has no prefix. ``<NAME>_FILE`` names a file that holds the value, which is how
secrets are mounted.
"""

import os
import re
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

Loaded = TypeVar("Loaded")

# Kubernetes adds these for every Service object of the same name.
_INJECTED = re.compile(r"_SERVICE_(HOST|PORT.*)$|_PORT(_\d+_(TCP|UDP).*)?$")


def shared(default: Any = MISSING, *, secret: bool = False) -> Any:
    """Declare a setting that all processes read under the same name, without prefix; a secret one is not printed."""
    return field(default=default, repr=not secret, metadata={"shared": True})


def secret(default: Any = MISSING) -> Any:
    """Declare a setting that is not printed."""
    return field(default=default, repr=False)


@dataclass(frozen=True, kw_only=True)
class ProcessSettings:
    """What every process can be told."""

    metrics_listen: str = ""
    """Host and port of the Prometheus endpoint; empty for none."""
    log_format: Literal["console", "json"] = shared("console")
    log_level: Literal["debug", "info", "warning", "error"] = shared("info")
    otlp_endpoint: str = shared("")
    """Base URL of an OpenTelemetry collector (OTLP over HTTP); empty for none."""


@dataclass(frozen=True, kw_only=True)
class ServiceSettings(ProcessSettings):
    """What every gRPC service can be told."""

    database_url: str = secret()
    """PostgreSQL, ``postgresql://user:password@host/database``."""
    listen: str = "127.0.0.1:0"
    """Host and port to serve gRPC on."""
    nats_url: str = shared(secret=True)
    identity_trusted_keys: Path = shared()
    """JSON Web Key Set with the public keys of the gateway and of the services that call others."""
    pool_size: int = 8
    """Database connections, at most."""
    shutdown_seconds: int = 20
    """How long running calls may take to finish after SIGTERM."""


def load(kind: type[Loaded], process: str, environment: Mapping[str, str] | None = None) -> Loaded:
    """
    Return the settings of a process.

    Args:
        kind: The frozen dataclass to fill; its fields are ``str``, ``int``, ``bool``, ``Path`` or ``Literal``; one of
            them or None, which an empty value stands for.
        process: Name of the process, e.g. ``exchange``: the prefix of its variables; empty for a tool that has none.
        environment: Variables; the process's environment unless given.

    Raises:
        SystemExit: With code 2, after one line on standard error: a value is missing, malformed, or unknown.
    """
    environment = os.environ if environment is None else environment
    prefix = f"{process.upper()}_" if process else ""
    types_of = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    known: set[str] = set()
    for setting in fields(kind):  # type: ignore[arg-type]
        variable = setting.name.upper() if setting.metadata.get("shared") else prefix + setting.name.upper()
        known |= {variable, f"{variable}_FILE"}
        text = _text(variable, environment)
        required = setting.default is MISSING and setting.default_factory is MISSING
        if text or (text is not None and not required):
            values[setting.name] = _convert(variable, text, types_of[setting.name])
        elif required:
            _refuse(f"{variable} is not set (nor {variable}_FILE).")
    for variable in environment:
        if prefix and variable.startswith(prefix) and variable not in known and not _INJECTED.search(variable):
            _refuse(f"{variable} is not a setting of {process}.")
    return kind(**values)


def _text(variable: str, environment: Mapping[str, str]) -> str | None:
    if path := environment.get(f"{variable}_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            _refuse(f"{variable}_FILE: {path}: {error.strerror}.")
        except UnicodeDecodeError:
            _refuse(f"{variable}_FILE: {path}: not text in UTF-8.")
    return environment.get(variable)


def _convert(variable: str, text: str, kind: Any) -> Any:
    if typing.get_origin(kind) is Literal:
        if text not in typing.get_args(kind):
            _refuse(f"{variable} is {text!r}; it can be {', '.join(typing.get_args(kind))}.")
        return text
    if isinstance(kind, types.UnionType):
        if not text:
            return None
        kind = next(part for part in kind.__args__ if part is not type(None))
    if kind is bool:
        if text not in ("true", "false"):
            _refuse(f"{variable} is {text!r}; it can be true or false.")
        return text == "true"
    if kind is int:
        try:
            return int(text)
        except ValueError:
            _refuse(f"{variable} is {text!r}, not a whole number.")
    return kind(text)


def _refuse(reason: str) -> NoReturn:
    print(reason, file=sys.stderr)
    raise SystemExit(2)
