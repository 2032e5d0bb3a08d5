"""Days on which venues are closed; none for those that are there already."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "exchange_0019"
down_revision = "exchange_0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("venues", sa.Column("closed_dates", JSONB, nullable=False, server_default="[]"))
