"""The visit on which the panel of a forum meets."""

import sqlalchemy as sa
from alembic import op

revision = "forum_0005"
down_revision = "forum_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("forums", sa.Column("visit", sa.Text, nullable=False, server_default=""))
    op.alter_column("forums", "visit", server_default=None)
    op.create_index("ix_forums_visit", "forums", ["visit"])
