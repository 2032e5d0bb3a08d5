"""The outbox of work queues: tasks that wait to be published."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "chassis_0002"
down_revision = "chassis_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbox_tasks",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("headers", JSONB, nullable=False),
    )
    # The same relay as for events, told that it is tasks that wait.
    op.execute(
        "CREATE FUNCTION notify_outbox_tasks() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_notify('outbox', 'tasks'); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER outbox_tasks_inserted AFTER INSERT ON outbox_tasks "
        "FOR EACH STATEMENT EXECUTE FUNCTION notify_outbox_tasks()"
    )
