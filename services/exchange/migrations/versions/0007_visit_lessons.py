"""What was decided about learnings while visits were planned."""

import sqlalchemy as sa
from alembic import op

revision = "exchange_0007"
down_revision = "exchange_0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "visit_lessons",
        sa.Column("visit_id", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("create_time", MOMENT, nullable=False),
        sa.Column("update_time", MOMENT, nullable=False),
        sa.Column("updater", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("visit_id", "id", name="pk_visit_lessons"),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name="fk_visit_lessons_visit_id", ondelete="CASCADE"),
        sa.CheckConstraint("decision IN ('open', 'accepted', 'dismissed')", name=op.f("ck_visit_lessons_decision")),
    )
    op.create_index("ix_visit_lessons_visit_id_update_time_id", "visit_lessons", ["visit_id", "update_time", "id"])
