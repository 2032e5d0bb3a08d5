"""What a token may be used for, when its holder last gave the password, and how long a first password is good for."""

import sqlalchemy as sa
from alembic import op

revision = "accounts_0004"
down_revision = "accounts_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    # The tokens that there are go on as they were. With defaults of the database's own, for a gateway of the version
    # before goes on creating accounts and tokens meanwhile.
    op.add_column("tokens", sa.Column("scope", sa.Text, nullable=False, server_default="write"))
    op.create_check_constraint("ck_tokens_scope", "tokens", "scope IN ('read', 'write')")
    op.add_column("tokens", sa.Column("confirm_time", moment, nullable=True, server_default=sa.func.now()))
    op.execute("UPDATE tokens SET confirm_time = create_time")
    op.alter_column("tokens", "confirm_time", nullable=False)
    # Whoever has a first password now has as long as for a new one.
    expiry = sa.text("now() + interval '7 days'")
    op.add_column("accounts", sa.Column("first_password_expire_time", moment, nullable=False, server_default=expiry))
