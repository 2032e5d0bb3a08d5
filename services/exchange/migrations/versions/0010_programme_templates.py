"""Programmes that are kept without a visit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "exchange_0010"
down_revision = "exchange_0009"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "programme_templates",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("items", JSONB, nullable=False),
        sa.Column("item_count", sa.Integer, nullable=False),
        sa.Column("day_count", sa.Integer, nullable=False),
        sa.Column("create_time", MOMENT, nullable=False),
        sa.Column("update_time", MOMENT, nullable=False),
        sa.Column("updater", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_programme_templates"),
        sa.CheckConstraint("direction IN ('incoming', 'outgoing')", name=op.f("ck_programme_templates_direction")),
        sa.CheckConstraint("item_count > 0", name=op.f("ck_programme_templates_not_empty")),
        sa.CheckConstraint("day_count >= 0", name=op.f("ck_programme_templates_day_count_not_negative")),
    )
    op.create_index("ix_programme_templates_title_id", "programme_templates", ["title", "id"])
