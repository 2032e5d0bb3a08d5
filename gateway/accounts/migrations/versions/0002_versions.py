"""A version of every account, and who changed it last: two administrators at once must not undo each other's work."""

import sqlalchemy as sa
from alembic import op

revision = "accounts_0002"
down_revision = "accounts_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With defaults of the database's own, for a gateway of the version before goes on creating accounts meanwhile.
    op.add_column("accounts", sa.Column("version", sa.Integer, nullable=False, server_default="1"))
    op.add_column("accounts", sa.Column("updater", sa.Text, nullable=False, server_default=""))
