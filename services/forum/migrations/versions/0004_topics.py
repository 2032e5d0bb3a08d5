"""What the nodes under review are about; of those that are there nobody has said it yet."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "forum_0004"
down_revision = "forum_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With a default for good: the version before goes on writing while this one is rolled out.
    op.add_column("subject_nodes", sa.Column("topics", ARRAY(sa.Text), nullable=False, server_default="{}"))
