"""A superseded learning may have lost its successor to a deletion."""

from alembic import op

revision = "knowledge_0006"
down_revision = "knowledge_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_learnings_successor", "learnings", ["successor"], postgresql_where="successor <> ''")
    op.drop_constraint(op.f("ck_learnings_superseded_by"), "learnings")
    op.create_check_constraint(
        op.f("ck_learnings_superseded_by"), "learnings", "state = 'superseded' OR successor = ''"
    )
