"""Candidate dates of visits."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "exchange_0014"
down_revision = "exchange_0013"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "date_options",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("visit_id", sa.Text, nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date, nullable=False),
        sa.Column("replies", JSONB, nullable=False),
        sa.Column("create_time", MOMENT, nullable=False),
        sa.Column("update_time", MOMENT, nullable=False),
        sa.Column("updater", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_date_options"),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name="fk_date_options_visit_id", ondelete="CASCADE"),
        sa.UniqueConstraint("visit_id", "start_date", "end_date", name="uq_date_options_visit_id_start_date_end_date"),
        sa.CheckConstraint(
            "end_date BETWEEN start_date AND start_date + 365", name=op.f("ck_date_options_dates_in_order")
        ),
    )
