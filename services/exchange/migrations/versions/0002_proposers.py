"""Who proposed a visit; not known of those that are there already."""

import sqlalchemy as sa
from alembic import op

revision = "exchange_0002"
down_revision = "exchange_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("visits", sa.Column("proposer", sa.Text, nullable=False, server_default=""))
    op.alter_column("visits", "proposer", server_default=None)
