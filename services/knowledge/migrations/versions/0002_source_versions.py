"""Which version of its recommendation a learning has followed; of those that are there it is not known."""

import sqlalchemy as sa
from alembic import op

revision = "knowledge_0002"
down_revision = "knowledge_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("learnings", sa.Column("source_version", sa.Integer, nullable=False, server_default="0"))
