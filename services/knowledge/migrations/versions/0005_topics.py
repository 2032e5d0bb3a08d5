"""The vocabulary of topics."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "knowledge_0005"
down_revision = "knowledge_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Labels are found by any part of them.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.create_table(
        "topics",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("scheme", sa.Text, nullable=False),
        sa.Column("notation", sa.Text, nullable=False),
        sa.Column("broader", ARRAY(sa.Text), nullable=False),
        sa.Column("related", ARRAY(sa.Text), nullable=False),
        sa.Column("definitions", JSONB, nullable=False),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_topics"),
        sa.UniqueConstraint("uri", name="uq_topics_uri"),
    )
    op.create_index("ix_topics_scheme", "topics", ["scheme"])
    op.create_table(
        "topic_labels",
        sa.Column("topic_id", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("preferred", sa.Boolean, nullable=False),
        sa.Column("folded", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("topic_id", "language", "label", name="pk_topic_labels"),
        sa.ForeignKeyConstraint(
            ["topic_id"], ["topics.id"], name="fk_topic_labels_topic_id_topics", ondelete="CASCADE"
        ),
    )
    op.create_index(
        "ix_topic_labels_folded",
        "topic_labels",
        ["folded"],
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.create_table(
        "topic_imports",
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("import_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("file", name="pk_topic_imports"),
    )
