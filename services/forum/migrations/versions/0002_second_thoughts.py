"""What a recommendation keeps of answers that were corrected, and of implementations that came back as not done."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "forum_0002"
down_revision = "forum_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With defaults for good: the version before goes on writing while this one is rolled out.
    op.add_column("recommendations", sa.Column("former_answers", JSONB, nullable=False, server_default="[]"))
    for column in ("return_reason", "returner"):
        op.add_column("recommendations", sa.Column(column, sa.Text, nullable=False, server_default=""))
    op.add_column("recommendations", sa.Column("return_time", sa.DateTime(timezone=True)))
    op.create_check_constraint(
        op.f("ck_recommendations_returned_for"), "recommendations", "(return_time IS NULL) = (return_reason = '')"
    )
