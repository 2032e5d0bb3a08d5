"""Runs of the planner."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "exchange_0006"
down_revision = "exchange_0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATES = "'running', 'scheduled', 'infeasible', 'undecided', 'cancelled', 'interrupted', 'applied'"


def upgrade() -> None:
    op.create_table(
        "schedule_runs",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("visit_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("options", JSONB, nullable=False),
        sa.Column("items", JSONB, nullable=False),
        sa.Column("plan", JSONB),
        sa.Column("heard_time", MOMENT, nullable=False),
        sa.Column("create_time", MOMENT, nullable=False),
        sa.Column("update_time", MOMENT, nullable=False),
        sa.Column("updater", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_schedule_runs"),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name="fk_schedule_runs_visit_id", ondelete="CASCADE"),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_schedule_runs_run_state")),
    )
    op.create_index("ix_schedule_runs_visit_id_create_time_id", "schedule_runs", ["visit_id", "create_time", "id"])
    op.create_index(
        "uq_schedule_runs_running",
        "schedule_runs",
        ["visit_id"],
        unique=True,
        postgresql_where=sa.text("state = 'running'"),
    )
