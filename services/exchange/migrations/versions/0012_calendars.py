"""Calendars of people."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSTZMULTIRANGE

revision = "exchange_0012"
down_revision = "exchange_0011"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "calendars",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("ics", sa.Text, nullable=False),
        sa.Column("busy", TSTZMULTIRANGE, nullable=False),
        sa.Column("read_time", MOMENT),
        sa.Column("try_time", MOMENT),
        sa.Column("failure_reason", sa.Text, nullable=False),
        sa.Column("failure_line", sa.Integer, nullable=False),
        sa.Column("failure_http_status", sa.Integer, nullable=False),
        sa.Column("next_read_time", MOMENT, nullable=False),
        sa.Column("create_time", MOMENT, nullable=False),
        sa.Column("update_time", MOMENT, nullable=False),
        sa.Column("updater", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calendars"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_calendars_person_id", ondelete="CASCADE"),
        sa.CheckConstraint("(url = '') <> (ics = '')", name=op.f("ck_calendars_one_source")),
    )
    op.create_index("ix_calendars_person_id_display_name_id", "calendars", ["person_id", "display_name", "id"])
    op.create_index("ix_calendars_next_read_time", "calendars", ["next_read_time"])
