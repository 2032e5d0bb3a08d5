"""
What the operator's command is told: the settings of the processes, under their own names.

Each command reads those that it needs, with `load`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from chassis import settings
from chassis.setting_types import DatabaseUrl, NatsUrl
from chassis.settings import WrongSetting, secret

Settings = TypeVar("Settings")


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """Where the four databases are."""

    exchange_database_url: DatabaseUrl = secret()
    forum_database_url: DatabaseUrl = secret()
    knowledge_database_url: DatabaseUrl = secret()
    gateway_database_url: DatabaseUrl = secret()

    def get_url(self, process: str) -> str:
        """Return the URL of a process's database."""
        url: str = getattr(self, f"{process}_database_url")
        return url


@dataclass(frozen=True, kw_only=True)
class MessageSettings:
    """Where the message server is."""

    nats_url: NatsUrl = secret()


@dataclass(frozen=True, kw_only=True)
class PlatformSettings(DatabaseSettings, MessageSettings):
    """Where the databases and the message server are."""


def load(kind: type[Settings]) -> Settings:
    """
    Return the settings that a command needs.

    Raises:
        SystemExit: As `chassis.settings.load`.
    """
    return settings.load(kind, "")


def load_readable(kind: type[Settings]) -> tuple[Settings, dict[str, str]]:
    """
    Return settings that may all be missing, and variable → why it can't be read for those that are there.

    Raises:
        TypeError: One of the latter has no default.
    """
    faults: dict[str, str] = {}

    def note(wrong: WrongSetting) -> None:
        faults[wrong.variable] = str(wrong)

    return settings.load(kind, "", refuse=note), faults


@dataclass(frozen=True, kw_only=True)
class DoctorSettings:
    """
    All that the doctor can look at; what is not given is not looked at.

    Beside the settings of the processes, three are the doctor's own: ``PLATFORM_URL``, ``NATS_MONITORING_URL`` and
    ``TLS_CERTIFICATE``.
    """

    exchange_database_url: DatabaseUrl = secret("")
    forum_database_url: DatabaseUrl = secret("")
    knowledge_database_url: DatabaseUrl = secret("")
    gateway_database_url: DatabaseUrl = secret("")
    nats_url: NatsUrl = secret("")
    identity_trusted_keys: Path | None = None
    gateway_signing_key: str = secret("")
    forum_signing_key: str = secret("")
    knowledge_signing_key: str = secret("")
    gateway_exchange_address: str = ""
    gateway_forum_address: str = ""
    gateway_knowledge_address: str = ""
    gateway_home_city: str = "cities/mannheim"
    gateway_home_time_zone: str = "Europe/Berlin"
    exchange_home_city: str = "cities/mannheim"
    knowledge_index_path: Path | None = None
    platform_url: str = ""
    """``http://host:port`` at which the gateway answers within the network."""
    nats_monitoring_url: str = ""
    """``http://host:8222`` of NATS's monitoring."""
    tls_certificate: Path | None = None
    """The certificate of the proxy."""

    def get(self, name: str) -> str:
        """Return the text setting of a name; empty where it is not given."""
        value: str = getattr(self, name)
        return value
