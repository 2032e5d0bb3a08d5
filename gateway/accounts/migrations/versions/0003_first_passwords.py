"""Whose password was made up for them: it is for choosing an own one, and nothing else."""

import sqlalchemy as sa
from alembic import op

revision = "accounts_0003"
down_revision = "accounts_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Whoever has a password by now keeps it; a gateway of the version before goes on creating accounts meanwhile.
    op.add_column("accounts", sa.Column("must_choose_password", sa.Boolean, nullable=False, server_default=sa.false()))
