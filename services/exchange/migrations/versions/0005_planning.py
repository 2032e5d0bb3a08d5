"""
Programmes that are planned before they have times: what an item needs, and who has to be there.

Items that are there already last as long as their times say.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, TSTZMULTIRANGE

revision = "exchange_0005"
down_revision = "exchange_0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
TEXT, TEXTS = sa.Text(), ARRAY(sa.Text)


def upgrade() -> None:
    add("visits", "head_count", sa.Integer(), "0")
    op.create_check_constraint(op.f("ck_visits_head_count_range"), "visits", "head_count BETWEEN 0 AND 1000")
    add("delegates", "email", TEXT, "")
    op.add_column("delegates", sa.Column("group", TEXT))
    op.create_check_constraint(
        op.f("ck_delegates_group"), "delegates", "\"group\" IN ('politics', 'staff', 'companions')"
    )
    add("rooms", "equipment", TEXTS, "{}")
    add("people", "email", TEXT, "")
    add("people", "language_pairs", TEXTS, "{}")
    add("people", "absences", TSTZMULTIRANGE(), "{}")
    plan_agenda_items()
    order_agenda_items()


def add(table: str, name: str, kind: Any, filled: str) -> None:
    """Add a column that is never null; rows that are there already get `filled`."""
    op.add_column(table, sa.Column(name, kind, nullable=False, server_default=filled))
    op.alter_column(table, name, server_default=None)


def plan_agenda_items() -> None:
    table = "agenda_items"
    op.add_column(table, sa.Column("duration_minutes", sa.Integer))
    op.execute(
        "UPDATE agenda_items SET duration_minutes ="
        " least(greatest(ceil(extract(epoch FROM end_time - start_time) / 60), 1), 1440)::integer"
    )
    op.alter_column(table, "duration_minutes", nullable=False)
    op.create_check_constraint(op.f("ck_agenda_items_duration_range"), table, "duration_minutes BETWEEN 1 AND 1440")
    for name in ("start_time", "end_time"):
        op.alter_column(table, name, nullable=True)
    op.create_check_constraint(op.f("ck_agenda_items_times_whole"), table, "(start_time IS NULL) = (end_time IS NULL)")
    for name in ("optional_people", "groups", "equipment"):
        add(table, name, TEXTS, "{}")
    for name in ("whole_delegation", "fixed", "needs_room", "step_free", "open_end"):
        add(table, name, sa.Boolean(), "false")
    for name in ("earliest_start_time", "latest_end_time"):
        op.add_column(table, sa.Column(name, MOMENT))
    add(table, "seats", sa.Integer(), "0")
    add(table, "rain_place", TEXT, "")
    op.add_column(table, sa.Column("transport", TEXT))
    op.create_check_constraint(
        op.f("ck_agenda_items_transport"), table, "transport IN ('walk', 'bus', 'train', 'ferry', 'car')"
    )
    op.add_column(table, sa.Column("interpreter_id", TEXT))
    op.create_foreign_key("fk_agenda_items_interpreter_id", table, "people", ["interpreter_id"], ["id"])
    op.create_index("ix_agenda_items_interpreter_id", table, ["interpreter_id"])


def order_agenda_items() -> None:
    items = ("agenda_items.id",)
    op.create_table(
        "precedences",
        sa.Column("after_id", sa.Text, nullable=False),
        sa.Column("before_id", sa.Text, nullable=False),
        sa.Column("gap_minutes", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("after_id", "before_id", name="pk_precedences"),
        sa.ForeignKeyConstraint(["after_id"], items, name="fk_precedences_after_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["before_id"], items, name="fk_precedences_before_id", ondelete="CASCADE"),
        sa.CheckConstraint("before_id <> after_id", name=op.f("ck_precedences_of_two_items")),
        sa.CheckConstraint("gap_minutes >= 0", name=op.f("ck_precedences_gap_not_negative")),
    )
    op.create_index("ix_precedences_before_id", "precedences", ["before_id"])
