"""The migrations build what the model says."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from chassis.database_urls import driver_url
from chassis.migrate import migrate
from services.exchange.model import Base
from tests.conftest import FreshDatabase, OldDatabase


@pytest.fixture
def url(fresh_database: FreshDatabase) -> str:
    return fresh_database("services.exchange")


def test_the_migrated_schema_is_that_of_the_model(url: str) -> None:
    ours = set(Base.metadata.tables)

    def is_ours(_object: object, name: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or name in ours

    engine = create_engine(driver_url(url, "psycopg"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False, "include_object": is_ours})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


BEFORE = """
    INSERT INTO cities (id, display_name, local_name, country_code, subdivision_code, time_zone, working_week,
                        languages, holiday_calendar, create_time, update_time, updater, version)
    SELECT id, id, '', 'DE', '', zone, '{}', '{}', '', now(), now(), '', 1
    FROM (VALUES ('mannheim', 'Pacific/Pago_Pago'), ('swansea', 'UTC')) AS c (id, zone);
    INSERT INTO partnerships (id, city_id, kind, state, theme, create_time, update_time, updater, version)
    VALUES ('p', 'swansea', 'partnership', 'active', '', now(), now(), '', 1);
    INSERT INTO exchanges (id, title, kind, partnership_id, city_id, department, topics, objectives, sdg_targets,
                           create_time, update_time, updater, version)
    VALUES ('e', 'E', 'administrative', 'p', 'swansea', '', '{}', '', '{}', now(), now(), '', 1);
    INSERT INTO visits (id, title, exchange_id, city_id, home_city_id, direction, start_date, end_date, host_department,
                        purpose, state, reason, new_dates_due, proposer, create_time, update_time, updater, version)
    SELECT id, id, 'e', 'swansea', 'mannheim', direction, start, start + 4, '', '', state, reason, false, '', now(),
           now(), '', 1
    FROM (VALUES ('first', 'incoming', DATE '2031-05-12', 'idea', ''),
                 ('second', 'incoming', DATE '2031-05-16', 'idea', ''),
                 ('off', 'incoming', DATE '2031-05-12', 'cancelled', 'Ill'),
                 ('abroad', 'outgoing', DATE '2031-05-12', 'idea', '')) AS v (id, direction, start, state, reason);
    INSERT INTO delegates (id, visit_id, function, display_name, rank, head, languages, dietary_needs, access_needs,
                           create_time, update_time, updater, version)
    SELECT visit || suffix, visit, 'F', name, 0, false, '{}', '', '', now() + after, now(), '', 1
    FROM (VALUES ('first', '', ' Rhiannon  PRICE', INTERVAL '1s'), ('second', '', 'Rhiannon Price', INTERVAL '2s'),
                 ('off', '', 'Rhiannon Price', INTERVAL '0s'), ('first', '-nameless', '', INTERVAL '3s'))
         AS d (visit, suffix, name, after);
    INSERT INTO rooms (id, display_name, address, seats, step_free, create_time, update_time, updater, version)
    VALUES ('ratssaal', 'Ratssaal', 'N 1', 0, true, now(), now(), '', 1);
    INSERT INTO agenda_items (id, visit_id, title, notes, start_time, end_time, room_id, place, people,
                              interpretation_languages, create_time, update_time, updater, version)
    SELECT visit, visit, '', '', start, start + INTERVAL '1h', 'ratssaal', '', '{}', '{}', now(), now(), '', 1
    FROM (VALUES ('first', TIMESTAMPTZ '2031-05-12 09:00Z'), ('abroad', TIMESTAMPTZ '2031-05-12 12:00Z'))
         AS i (visit, start);
    INSERT INTO bookings SELECT id, 'rooms/ratssaal', tstzrange(start_time, end_time) FROM agenda_items;
"""


def test_data_of_the_release_before_is_kept_and_held_to_the_new_rules(old_database: OldDatabase) -> None:
    url = old_database("services.exchange", "exchange_0002")
    engine = create_engine(driver_url(url, "psycopg"))
    with engine.begin() as connection:
        connection.exec_driver_sql(BEFORE)
    migrate(url, "services.exchange")
    with engine.begin() as connection:
        items = connection.execute(text("SELECT id, city_abroad, room_id, place FROM agenda_items ORDER BY id")).all()
        booked = connection.execute(text("SELECT agenda_item_id, home_day::text FROM bookings")).all()
        delegates = connection.execute(
            text(
                "SELECT id, city_id, traveller, lower(days_away)::text, upper(days_away)::text"
                " FROM delegates ORDER BY id"
            )
        ).all()
        changes = connection.execute(text("SELECT DISTINCT part_change_time, part_changer FROM visits")).all()
        rooms = connection.execute(text("SELECT address, venue_id, city_abroad FROM rooms")).all()
        lengths = connection.execute(text("SELECT DISTINCT duration_minutes, fixed FROM agenda_items")).all()
        parts = connection.execute(
            text("SELECT DISTINCT receiving_people, speaking_people, optional_groups FROM agenda_items")
        ).all()
        found = connection.execute(text("SELECT id FROM visits WHERE folded_name LIKE '% abro%'")).scalars().all()
    engine.dispose()
    assert items == [("abroad", "swansea", None, "Ratssaal"), ("first", "", "ratssaal", "")]
    assert booked == [("first", "2031-05-11")]
    price = "swansea/rhiannon price"
    assert delegates == [
        ("first", "swansea", price, "2031-05-12", "2031-05-17"),
        ("first-nameless", "swansea", "", None, None),
        ("off", "swansea", price, None, None),
        ("second", "swansea", price, None, None),
    ]
    assert changes == [(None, "")]
    assert rooms == [("N 1", None, "")]
    assert lengths == [(60, False)]
    assert parts == [([], [], [])]
    assert found == ["abroad"]


def test_the_release_before_goes_on_adding_up_bookings_by_day(url: str) -> None:
    # PostgreSQL groups by a column rather than by what the statement calls so.
    statement = """
        SELECT resource, CAST(timezone('Europe/Berlin', lower(period)) AS date) AS day, count(*)
        FROM bookings GROUP BY resource, day ORDER BY resource, day
    """
    with psycopg.connect(url) as connection:
        assert connection.execute(statement).fetchall() == []


def test_a_migration_that_waits_for_a_long_transaction_keeps_nobody_waiting(old_database: OldDatabase) -> None:
    url = old_database("services.exchange", "exchange_0008")
    visits, waiting = "SELECT count(*) FROM visits", "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with (
        ThreadPoolExecutor() as others,
        psycopg.connect(url, autocommit=True) as reader,
        psycopg.connect(url) as long_transaction,
    ):
        long_transaction.execute(visits)
        migration = others.submit(migrate, url, "services.exchange")
        deadline = time.monotonic() + 60
        while reader.execute(waiting).fetchone() == (0,) and time.monotonic() < deadline:
            time.sleep(0.01)
        reader.execute("SET lock_timeout = '15s'")
        assert reader.execute(visits).fetchone() == (0,)
        assert not migration.done()
        long_transaction.rollback()
        migration.result(timeout=60)
