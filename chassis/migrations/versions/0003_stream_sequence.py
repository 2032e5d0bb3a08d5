"""Where in NATS's stream an event was stored, so that one that NATS has lost can be sent again."""

import sqlalchemy as sa
from alembic import op

revision = "chassis_0003"
down_revision = "chassis_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("stream_sequence", sa.BigInteger))
    op.create_index(
        "ix_outbox_stream_sequence",
        "outbox",
        ["stream_sequence"],
        postgresql_where=sa.text("stream_sequence IS NOT NULL"),
    )
