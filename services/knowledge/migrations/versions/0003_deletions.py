"""Which learnings were deleted."""

import sqlalchemy as sa
from alembic import op

revision = "knowledge_0003"
down_revision = "knowledge_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deleted_learnings",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deleted_learnings"),
    )
    op.create_index("ix_deleted_learnings_revision_id", "deleted_learnings", ["revision", "id"])
    op.execute(
        "CREATE TRIGGER deleted_learning_stamped BEFORE INSERT OR UPDATE ON deleted_learnings"
        " FOR EACH ROW EXECUTE FUNCTION stamp_learning()"
    )
    op.execute(
        "CREATE TRIGGER deleted_learnings_changed AFTER INSERT ON deleted_learnings"
        " FOR EACH STATEMENT EXECUTE FUNCTION notify_learnings()"
    )
    # Learnings are read in the order of revision and id: many may be of one transaction.
    op.create_index("ix_learnings_revision_id", "learnings", ["revision", "id"])
    op.drop_index("ix_learnings_revision", "learnings")
