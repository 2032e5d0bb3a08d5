"""URLs that name a primary and its standbys: operators work on the one that takes changes, wherever it stands."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from chassis.database_urls import require_primary
from chassis.migrate import migrate
from deploy import embedded
from deploy.credentials import DATABASES
from deploy.embedded import HOST, Nats
from operate.checks.databases import check_databases
from operate.findings import State
from operate.settings import DoctorSettings
from tests.operate.austausch import read_rows, succeed
from tests.standby import standby_of


@pytest.fixture
def urls(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The four databases, each by a URL whose first host is a standby: as after a failover, and one back."""
    with (
        embedded.postgres(tmp_path / "primary", list(DATABASES.values()), durable=False) as primary,
        standby_of(primary, tmp_path / "standby") as standby,
    ):
        for process, name in DATABASES.items():
            is_gateway = process == "gateway"
            package = "gateway.accounts" if is_gateway else f"services.{process}"
            migrate(primary.url_for(name), package, messaging=not is_gateway)
        both = f"{HOST}:{standby.port},{HOST}:{primary.port}"
        named = {f"{process.upper()}_DATABASE_URL": primary.url_for(name) for process, name in DATABASES.items()}
        yield {setting: url.replace(f"{HOST}:{primary.port}", both) for setting, url in named.items()}


def test_the_doctor_looks_at_the_primary(urls: dict[str, str]) -> None:
    settings = DoctorSettings(exchange_database_url=urls["EXCHANGE_DATABASE_URL"])

    found = [finding for finding in check_databases(settings) if finding.subject == "database exchange"]

    assert found[0].state is not State.WRONG, found[0].said
    assert found[0].said.startswith("PostgreSQL 18")


def test_what_is_backed_up_there_is_restored_there(urls: dict[str, str], nats_server: Nats, tmp_path: Path) -> None:
    primary = require_primary(urls["FORUM_DATABASE_URL"])
    with psycopg.connect(primary) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS id")
    before = read_rows(primary)
    settings = {**urls, "NATS_URL": nats_server.url}
    folder = succeed(settings, "backup", "--to", tmp_path / "backups").strip()
    with psycopg.connect(primary) as connection:
        connection.execute("UPDATE kept SET id = 2")

    succeed(settings, "restore", folder, "--replace")

    assert read_rows(primary) == before


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://one/city", "postgresql://one/city"),
        ("postgresql://one,two/city", "postgresql://one,two/city?target_session_attrs=read-write"),
        (
            "postgresql://one,two/city?sslmode=require",
            "postgresql://one,two/city?sslmode=require&target_session_attrs=read-write",
        ),
        ("postgresql://one,two/city?target_session_attrs=any", "postgresql://one,two/city?target_session_attrs=any"),
    ],
)
def test_who_says_which_of_several_is_wanted_gets_that(url: str, expected: str) -> None:
    assert require_primary(url) == expected
