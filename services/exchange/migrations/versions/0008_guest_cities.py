"""
Visits with several guest cities, each with its own delegation.

Delegates who are there already belong to the city that travels.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "exchange_0008"
down_revision = "exchange_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_texts("visits", "other_guest_ids")
    op.create_index("ix_visits_other_guest_ids", "visits", ["other_guest_ids"], postgresql_using="gin")
    add_texts("agenda_items", "delegation_ids")
    op.add_column("delegates", sa.Column("city_id", sa.Text))
    op.execute(
        "UPDATE delegates SET city_id = CASE visits.direction WHEN 'incoming' THEN visits.city_id"
        " ELSE visits.home_city_id END FROM visits WHERE visits.id = delegates.visit_id"
    )
    op.alter_column("delegates", "city_id", nullable=False)
    op.create_foreign_key("fk_delegates_city_id", "delegates", "cities", ["city_id"], ["id"])
    op.drop_index("uq_delegates_head", "delegates")
    op.create_index(
        "uq_delegates_head", "delegates", ["visit_id", "city_id"], unique=True, postgresql_where=sa.text("head")
    )


def add_texts(table: str, name: str) -> None:
    """Add a column of lists, empty in rows that are there already."""
    op.add_column(table, sa.Column(name, ARRAY(sa.Text), nullable=False, server_default="{}"))
    op.alter_column(table, name, server_default=None)
