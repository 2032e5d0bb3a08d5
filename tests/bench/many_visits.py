"""A year full of visits: copies of one that is there, with delegations, programmes and bookings."""

from datetime import date
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from tests.bench.statements import database_url

ITEMS_OF_EACH, DELEGATES_OF_EACH = 10, 5
COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER'"
# Visits on all days of a year, of every exchange in turn. Those that begin on one day have a room each.
NUMBERED = """
CREATE TEMPORARY TABLE numbered AS
SELECT number, 'bench-' || number AS id, 'bench-' || number / 360 AS room_id, exchange.id AS exchange_id,
  exchange.city_id, %(first)s::date + number %% 360 AS day
FROM generate_series(0, %(visits)s - 1) AS number
JOIN (SELECT id, city_id, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS all_of FROM exchanges)
  AS exchange ON exchange.place = number %% exchange.all_of
"""
ROOMS = """
INSERT INTO rooms ({columns}) SELECT DISTINCT {filled} FROM numbered
CROSS JOIN (SELECT * FROM rooms WHERE city_abroad = '' LIMIT 1) AS model
CROSS JOIN LATERAL jsonb_populate_record(model::rooms, jsonb_build_object(
  'id', numbered.room_id, 'display_name', 'Room ' || numbered.room_id)) AS filled
"""
VISITS = """
INSERT INTO visits ({columns}) SELECT {filled} FROM numbered
CROSS JOIN (SELECT * FROM visits WHERE state = 'confirmed' AND direction = 'incoming' LIMIT 1) AS model
CROSS JOIN LATERAL jsonb_populate_record(model::visits, jsonb_build_object(
  'id', numbered.id, 'title', 'Visit ' || number, 'exchange_id', numbered.exchange_id, 'city_id', numbered.city_id,
  'start_date', day, 'end_date', day + number % 5, 'host_department', 'Department ' || number % 20)) AS filled
"""
DELEGATES = """
INSERT INTO delegates ({columns}) SELECT {filled} FROM numbered
CROSS JOIN generate_series(1, {delegates}) AS nth CROSS JOIN (SELECT * FROM delegates LIMIT 1) AS model
CROSS JOIN LATERAL jsonb_populate_record(model::delegates, jsonb_build_object(
  'id', numbered.id || '-' || nth, 'visit_id', numbered.id, 'city_id', numbered.city_id, 'head', nth = 1,
  'rank', nth, 'traveller', '', 'days_away', NULL, 'companion_of_id', NULL)) AS filled
"""
# One after the other from seven o'clock on, all on the first day of the visit.
ITEMS = """
INSERT INTO agenda_items ({columns}) SELECT {filled} FROM numbered
CROSS JOIN generate_series(1, {items}) AS nth CROSS JOIN (SELECT * FROM agenda_items LIMIT 1) AS model
CROSS JOIN LATERAL jsonb_populate_record(model::agenda_items, jsonb_build_object(
  'id', numbered.id || '-' || nth, 'visit_id', numbered.id, 'city_abroad', '', 'title', 'Item ' || nth,
  'start_time', day + make_interval(hours => 6 + nth), 'end_time', day + make_interval(hours => 7 + nth),
  'duration_minutes', 60, 'room_id', numbered.room_id, 'venue_id', NULL, 'additional_rooms', '[]'::jsonb,
  'people', jsonb_build_array(format('visits/%1$s/delegates/%1$s-%2$s', numbered.id, 1 + nth % {delegates})),
  'optional_people', '[]'::jsonb, 'receiving_people', '[]'::jsonb, 'speaking_people', '[]'::jsonb,
  'whole_delegation', false, 'groups', '[]'::jsonb, 'delegation_ids', '[]'::jsonb,
  'interpretation_languages', '[]'::jsonb, 'interpreter_id', NULL)) AS filled
"""
BOOKINGS = """
INSERT INTO bookings (agenda_item_id, resource, period, home_day)
SELECT id, resource, tstzrange(start_time, end_time), CAST(start_time AS date) FROM agenda_items
CROSS JOIN LATERAL unnest(ARRAY['rooms/' || room_id, people[1]]) AS resource WHERE id LIKE 'bench-%'
"""


def add_visits(data: Path, visits: int, first: date) -> None:
    """Add visits from a day on, within 360 days, to the exchange service's database in a data directory."""
    with psycopg.connect(database_url(data, "exchange"), autocommit=True) as connection:
        connection.execute(NUMBERED, {"visits": visits, "first": first})
        for table, statement in (
            ("rooms", ROOMS),
            ("visits", VISITS),
            ("delegates", DELEGATES),
            ("agenda_items", ITEMS),
        ):
            connection.execute(_name_columns(connection, table, statement))
        connection.execute(BOOKINGS)
        connection.execute("VACUUM ANALYZE")


def _name_columns(connection: psycopg.Connection, table: str, statement: str) -> Composed:
    columns = [Identifier(name) for (name,) in connection.execute(COLUMNS, [table])]
    return SQL(statement).format(  # type: ignore[arg-type]
        columns=SQL(", ").join(columns),
        filled=SQL(", ").join(SQL("filled.{}").format(column) for column in columns),
        delegates=DELEGATES_OF_EACH,
        items=ITEMS_OF_EACH,
    )
