"""Outbox, inbox and request ids: the tables that every service has."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "chassis_0001"
down_revision = None
branch_labels = ("chassis",)
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("headers", JSONB, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("create_time", moment, nullable=False),
        sa.Column("publish_time", moment),
    )
    op.create_index("ix_outbox_waiting", "outbox", ["id"], postgresql_where=sa.text("publish_time IS NULL"))
    op.create_index("ix_outbox_publish_time", "outbox", ["publish_time"])
    # The relay of any replica wakes when the transaction commits.
    op.execute(
        "CREATE FUNCTION notify_outbox() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_notify('outbox', ''); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER outbox_inserted AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION notify_outbox()"
    )
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("receive_time", moment, nullable=False),
    )
    op.create_index("ix_inbox_receive_time", "inbox", ["receive_time"])
    op.create_table(
        "request_ids",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("request_digest", sa.LargeBinary, nullable=False),
        sa.Column("answer", sa.LargeBinary),
        sa.Column("create_time", moment, nullable=False),
    )
    op.create_index("ix_request_ids_create_time", "request_ids", ["create_time"])
