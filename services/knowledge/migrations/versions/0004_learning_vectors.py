"""Vectors of learnings, by model."""

import sqlalchemy as sa
from alembic import op

revision = "knowledge_0004"
down_revision = "knowledge_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "learning_vectors",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", "model", name="pk_learning_vectors"),
        sa.ForeignKeyConstraint(["id"], ["learnings.id"], name="fk_learning_vectors_id_learnings", ondelete="CASCADE"),
    )
    op.create_index("ix_learning_vectors_model_revision_id", "learning_vectors", ["model", "revision", "id"])
    op.execute(
        "CREATE TRIGGER learning_vector_stamped BEFORE INSERT OR UPDATE ON learning_vectors"
        " FOR EACH ROW EXECUTE FUNCTION stamp_learning()"
    )
    op.execute(
        "CREATE FUNCTION notify_learning_vectors() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_notify('learning_vectors', ''); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER learning_vectors_changed AFTER INSERT OR UPDATE ON learning_vectors"
        " FOR EACH STATEMENT EXECUTE FUNCTION notify_learning_vectors()"
    )
