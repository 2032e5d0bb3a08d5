"""
Consents of the cities that take part in a visit.

Visits that are there already have none: who agreed to them was not kept.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "exchange_0009"
down_revision = "exchange_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("visits", sa.Column("consents", JSONB, nullable=False, server_default="[]"))
    op.alter_column("visits", "consents", server_default=None)
