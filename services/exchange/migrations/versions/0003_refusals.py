"""
What the database refuses from now on: a person in two delegations at once, a home room for a visit abroad.

And when the delegation or the agenda of a visit was last changed, which is not known of those that are there already.
"""

import unicodedata
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import DATERANGE
from sqlalchemy.exc import IntegrityError

revision = "exchange_0003"
down_revision = "exchange_0002"
branch_labels = None
depends_on = None

DELEGATES = """
    SELECT d.id, d.display_name, CASE v.direction WHEN 'incoming' THEN v.city_id ELSE v.home_city_id END AS city_id,
           v.start_date, v.end_date, v.state = 'cancelled' OR v.new_dates_due AS off
    FROM delegates d JOIN visits v ON v.id = d.visit_id ORDER BY d.create_time, d.id
"""
HOLD = "UPDATE delegates SET days_away = daterange(:first, :last, '[]') WHERE id = :id"


def upgrade() -> None:
    op.add_column("visits", sa.Column("part_change_time", sa.DateTime(timezone=True)))
    op.add_column("visits", sa.Column("part_changer", sa.Text, nullable=False, server_default=""))
    keep_rooms_at_home()
    keep_people_in_one_delegation()


def keep_rooms_at_home() -> None:
    op.create_unique_constraint("uq_visits_id_direction", "visits", ["id", "direction"])
    op.add_column("agenda_items", sa.Column("direction", sa.Text))
    op.execute("UPDATE agenda_items SET direction = visits.direction FROM visits WHERE visits.id = visit_id")
    # Nobody met in these rooms: what was meant stays readable as the place.
    op.execute(
        "UPDATE agenda_items SET room_id = NULL, place = CASE WHEN place = '' THEN rooms.display_name ELSE place END"
        " FROM rooms WHERE rooms.id = room_id AND direction = 'outgoing'"
    )
    op.execute(
        "DELETE FROM bookings USING agenda_items"
        " WHERE agenda_items.id = agenda_item_id AND direction = 'outgoing' AND resource LIKE 'rooms/%'"
    )
    op.alter_column("agenda_items", "direction", nullable=False)
    op.drop_constraint("fk_agenda_items_visit_id", "agenda_items", type_="foreignkey")
    op.create_foreign_key(
        "fk_agenda_items_visit_id_direction",
        "agenda_items",
        "visits",
        ["visit_id", "direction"],
        ["id", "direction"],
    )
    op.create_check_constraint(
        op.f("ck_agenda_items_direction"), "agenda_items", "direction IN ('incoming', 'outgoing')"
    )
    op.create_check_constraint(
        op.f("ck_agenda_items_home_room_at_home"), "agenda_items", "room_id IS NULL OR direction = 'incoming'"
    )


def keep_people_in_one_delegation() -> None:
    op.add_column("delegates", sa.Column("traveller", sa.Text, nullable=False, server_default=""))
    op.add_column("delegates", sa.Column("days_away", DATERANGE))
    op.alter_column("delegates", "traveller", server_default=None)
    op.create_exclude_constraint(
        "ex_delegates_traveller_days_away_visit_id",
        "delegates",
        ("traveller", "="),
        ("days_away", "&&"),
        ("visit_id", "<>"),
        using="gist",
        where=sa.text("traveller <> ''"),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.text(DELEGATES)).all():
        name = " ".join(unicodedata.normalize("NFKC", row.display_name).casefold().split())
        if name:
            who = {"id": row.id, "traveller": f"{row.city_id}/{name}"}
            connection.execute(sa.text("UPDATE delegates SET traveller = :traveller WHERE id = :id"), who)
            if not row.off:
                hold_days(connection, id=row.id, first=row.start_date, last=row.end_date)


def hold_days(connection: sa.Connection, **values: Any) -> None:
    """Hold a delegate's days; of those who were in two delegations already, the first one entered holds them."""
    with suppress(IntegrityError), connection.begin_nested():
        connection.execute(sa.text(HOLD), values)
