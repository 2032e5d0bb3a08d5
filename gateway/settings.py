"""What the gateway can be told: variables ``GATEWAY_…``, and the shared ones without prefix."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from chassis.setting_types import (
    Address,
    City,
    DatabaseUrl,
    Listen,
    NotNegative,
    Positive,
    Secret,
    TimeZone,
    signing_key_of,
)
from chassis.settings import ProcessSettings, secret


@dataclass(frozen=True, kw_only=True)
class GatewaySettings(ProcessSettings):
    """Settings of the gateway."""

    database_url: DatabaseUrl = secret()
    """PostgreSQL with the accounts, ``postgresql://user:password@host/database``."""
    exchange_address: Address
    """Host and port of the exchange service, or of its replicas (`chassis.client.target`)."""
    forum_address: Address
    """Host and port of the forum service, or of its replicas (`chassis.client.target`)."""
    knowledge_address: Address
    """Host and port of the knowledge service, or of its replicas (`chassis.client.target`)."""
    signing_key: Annotated[str, signing_key_of("gateway")] = secret()
    """Private key (PEM, Ed25519) with which the gateway tells the services who is asking."""
    signing_key_file: Path | None = None
    """The file that the key is from, which is read again when it has changed; none where the key itself is given."""
    secret_key: Secret = secret()
    """Secret that protects forms and the language of messages shown once; any 32 random characters."""
    listen: Listen = "127.0.0.1:8000"
    """Host and port to serve HTTP on."""
    workers: Positive = 2
    """Processes; more only cost memory."""
    threads: Positive = 16
    """Requests that one process answers at once."""
    pool_size: Positive = 4
    """Database connections of one process, at most."""
    home_city: City = "cities/mannheim"
    """The city that this installation serves."""
    home_time_zone: TimeZone = "Europe/Berlin"
    """Its IANA time zone."""
    secure_cookies: bool = False
    """Whether cookies are for https only, even when a request did not come by https: set it behind a TLS proxy."""
    trusted_proxies: NotNegative = 0
    """Proxies in front that set ``X-Forwarded-For`` and ``-Proto``: their word is taken for where a caller is."""
    shutdown_seconds: NotNegative = 20
    """How long running requests may take to finish after SIGTERM."""
