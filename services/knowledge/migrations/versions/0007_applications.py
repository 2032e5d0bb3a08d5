"""Where learnings were applied, and how often."""

import sqlalchemy as sa
from alembic import op

revision = "knowledge_0007"
down_revision = "knowledge_0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def upgrade() -> None:
    op.create_table(
        "applications",
        text("id"),
        sa.Column("create_time", MOMENT, nullable=False),
        sa.Column("update_time", MOMENT, nullable=False),
        text("updater"),
        sa.Column("version", sa.Integer, nullable=False),
        text("learning_id"),
        text("department"),
        sa.Column("outcome", sa.Text),
        text("result"),
        sa.Column("applied_date", sa.Date),
        text("author"),
        text("author_name"),
        sa.PrimaryKeyConstraint("id", name="pk_applications"),
        sa.ForeignKeyConstraint(
            ["learning_id"], ["learnings.id"], name="fk_applications_learning_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("outcome IN ('helped', 'partly', 'did_not_help')", name=op.f("ck_applications_outcome")),
        sa.CheckConstraint("department <> '' AND result <> ''", name=op.f("ck_applications_complete")),
    )
    op.create_index("ix_applications_learning_id_create_time", "applications", ["learning_id", "create_time"])

    # With a default for good: the version before goes on writing while this one is rolled out.
    op.add_column("learnings", sa.Column("application_count", sa.Integer, nullable=False, server_default="0"))
    op.create_check_constraint(op.f("ck_learnings_application_count"), "learnings", "application_count >= 0")
    op.create_index("ix_learnings_application_count_id", "learnings", ["application_count", "id"])
