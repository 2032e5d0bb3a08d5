"""
Venues, and the ways between them; rooms in venues, in whatever city; items at venues and in several rooms.

That a room is booked in its own city alone is now held by that city, and no longer by who hosts: those rooms that are
there already are the home city's.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, INT4MULTIRANGE

from chassis.folded_names import add_folded_name

revision = "exchange_0013"
down_revision = "exchange_0012"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
HOST_ABROAD = "CASE WHEN direction = 'outgoing' THEN city_id ELSE '' END"


def upgrade() -> None:
    create_venues()
    create_ways()
    op.add_column("visits", sa.Column("city_abroad", sa.Text, sa.Computed(HOST_ABROAD, persisted=True), nullable=False))
    op.create_unique_constraint("uq_visits_id_city_abroad", "visits", ["id", "city_abroad"])
    op.add_column("rooms", sa.Column("venue_id", sa.Text))
    add_city_abroad("rooms")
    op.create_unique_constraint("uq_rooms_id_city_abroad", "rooms", ["id", "city_abroad"])
    op.create_check_constraint(
        op.f("ck_rooms_at_home_without_venue"), "rooms", "venue_id IS NOT NULL OR city_abroad = ''"
    )
    refer("rooms", "venue_id", "venues")
    op.create_index("ix_rooms_venue_id", "rooms", ["venue_id"])
    place_agenda_items()


def create_venues() -> None:
    op.create_table(
        "venues",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("city_id", sa.Text, nullable=False),
        sa.Column("city_abroad", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("latitude", sa.Double),
        sa.Column("longitude", sa.Double),
        sa.Column("step_free", sa.Boolean, nullable=False),
        sa.Column("opening_hours", INT4MULTIRANGE, nullable=False),
        sa.Column("create_time", MOMENT, nullable=False),
        sa.Column("update_time", MOMENT, nullable=False),
        sa.Column("updater", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_venues"),
        sa.UniqueConstraint("id", "city_id", name="uq_venues_id_city_id"),
        sa.UniqueConstraint("id", "city_abroad", name="uq_venues_id_city_abroad"),
        sa.ForeignKeyConstraint(["city_id"], ["cities.id"], name="fk_venues_city_id"),
        check("venues", "city_abroad_is_its_own", "city_abroad IN ('', city_id)"),
        check("venues", "hours_of_a_week", "opening_hours <@ '{[0,10080)}'::int4multirange"),
        check("venues", "latitude_range", "latitude BETWEEN -90 AND 90"),
        check("venues", "longitude_range", "longitude BETWEEN -180 AND 180"),
        check("venues", "location_whole", "(latitude IS NULL) = (longitude IS NULL)"),
    )
    op.create_index("ix_venues_city_id_display_name_id", "venues", ["city_id", "display_name", "id"])
    add_folded_name(op, "venues", "display_name", "address")


def create_ways() -> None:
    ends = ("venues.id", "venues.city_id")
    op.create_table(
        "ways",
        sa.Column("one_id", sa.Text, nullable=False),
        sa.Column("other_id", sa.Text, nullable=False),
        sa.Column("city_id", sa.Text, nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("one_id", "other_id", name="pk_ways"),
        sa.ForeignKeyConstraint(["one_id", "city_id"], ends, name="fk_ways_one_id_city_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["other_id", "city_id"], ends, name="fk_ways_other_id_city_id", ondelete="CASCADE"),
        check("ways", "each_pair_once", 'one_id < other_id COLLATE "C"'),
        check("ways", "minutes_range", "minutes BETWEEN 1 AND 1440"),
    )
    op.create_index("ix_ways_other_id", "ways", ["other_id"])


def place_agenda_items() -> None:
    table = "agenda_items"
    op.add_column(table, sa.Column("venue_id", sa.Text))
    op.add_column(table, sa.Column("additional_rooms", ARRAY(sa.Text), nullable=False, server_default="{}"))
    op.alter_column(table, "additional_rooms", server_default=None)
    add_city_abroad(table)
    op.execute("UPDATE agenda_items SET city_abroad = visits.city_abroad FROM visits WHERE visits.id = visit_id")
    op.create_check_constraint(op.f("ck_agenda_items_venue_of_room"), table, "room_id IS NULL OR venue_id IS NULL")
    op.drop_constraint("fk_agenda_items_room_id", table, type_="foreignkey")
    refer(table, "visit_id", "visits")
    refer(table, "room_id", "rooms")
    refer(table, "venue_id", "venues")
    op.create_index("ix_agenda_items_venue_id", table, ["venue_id"])
    # Drops what was held by it, too: the key of the visit, and that rooms are booked at home alone.
    op.drop_column(table, "direction")
    op.drop_constraint("uq_visits_id_direction", "visits", type_="unique")


def add_city_abroad(table: str) -> None:
    op.add_column(table, sa.Column("city_abroad", sa.Text, nullable=False, server_default=""))


def refer(table: str, column: str, to: str) -> None:
    """Let a row refer to another that is in the same city."""
    op.create_foreign_key(f"fk_{table}_{column}_city_abroad", table, to, [column, "city_abroad"], ["id", "city_abroad"])


def check(table: str, name: str, condition: str) -> Any:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))
