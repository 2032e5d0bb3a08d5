"""``austausch republish`` on the databases of the services."""

from datetime import UTC, datetime, timedelta

import psycopg

from deploy.credentials import DATABASES
from tests.conftest import FreshDatabase
from tests.operate.austausch import succeed

PACKAGES = {process: f"services.{process}" for process in DATABASES if process != "gateway"}


def insert_event(url: str, id_: str, age: timedelta) -> None:
    """Write an event that was published as soon as it was emitted."""
    moment = datetime.now(UTC) - age
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO outbox (id, type, headers, payload, create_time, publish_time)"
            " VALUES (%s, 'type', '{}', '', %s, %s)",
            [id_, moment, moment],
        )


def waiting(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT id FROM outbox WHERE publish_time IS NULL ORDER BY id").fetchall()
    return [id_ for (id_,) in rows]


def test_the_events_of_seven_days_wait_to_be_published_again(fresh_database: FreshDatabase) -> None:
    urls = {process: fresh_database(package) for process, package in PACKAGES.items()}
    settings = {f"{process.upper()}_DATABASE_URL": url for process, url in urls.items()}
    settings["GATEWAY_DATABASE_URL"] = fresh_database("gateway.accounts")
    for url in urls.values():
        insert_event(url, "1-eight-days", timedelta(days=8))
        insert_event(url, "2-six-days", timedelta(days=6))
        insert_event(url, "3-an-hour", timedelta(hours=1))

    yesterday = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")
    said = succeed(settings, "republish", "--since", yesterday)

    assert said.splitlines()[-1] == "exchange: 1 events will be published again"
    assert [waiting(url) for url in urls.values()] == [["3-an-hour"]] * 3
    succeed(settings, "republish")
    assert [waiting(url) for url in urls.values()] == [["2-six-days", "3-an-hour"]] * 3
