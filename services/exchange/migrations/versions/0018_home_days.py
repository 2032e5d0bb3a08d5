"""
The day on which a booking begins in the visit's home city, so that a year can be added up by days.

The column is not called ``day``: the release before groups by what it computes under that name, and PostgreSQL would
take the column instead.
"""

import sqlalchemy as sa
from alembic import op

revision = "exchange_0018"
down_revision = "exchange_0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bookings", sa.Column("home_day", sa.Date))
    op.execute(
        "UPDATE bookings SET home_day = CAST(timezone(cities.time_zone, lower(bookings.period)) AS date)"
        " FROM agenda_items, visits, cities WHERE agenda_items.id = bookings.agenda_item_id"
        " AND visits.id = agenda_items.visit_id AND cities.id = visits.home_city_id"
    )
    op.create_index(
        op.f("ix_bookings_resource_home_day"), "bookings", ["resource", "home_day"], postgresql_include=["period"]
    )
