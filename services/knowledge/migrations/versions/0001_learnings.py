"""Learnings, and what is known of visits."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "knowledge_0001"
down_revision = None
branch_labels = ("knowledge",)
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATES = (
    "observation", "insight", "lesson_identified", "implemented", "validated", "embedded", "rejected", "superseded",
)  # fmt: skip


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def texts(name: str) -> sa.Column[list[str]]:
    return sa.Column(name, ARRAY(sa.Text), nullable=False)


def check(constraint: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_learnings_{constraint}"))


def one_of(constraint: str, column: str, *values: str) -> sa.CheckConstraint:
    members = ", ".join(f"'{value}'" for value in values)
    return check(constraint, f"{column} IN ({members})")


def upgrade() -> None:
    op.create_table(
        "learnings",
        text("id"),
        sa.Column("create_time", MOMENT, nullable=False),
        sa.Column("update_time", MOMENT, nullable=False),
        text("updater"),
        sa.Column("version", sa.Integer, nullable=False),
        text("title"),
        text("language"),
        text("observation"),
        text("discussion"),
        text("conclusion"),
        text("recommendation"),
        texts("topics"),
        texts("sdg_targets"),
        texts("cities"),
        text("source"),
        text("source_title"),
        text("remedial_action"),
        text("owner"),
        text("department"),
        text("author"),
        text("author_name"),
        text("validator"),
        text("validator_name"),
        sa.Column("review_date", sa.Date),
        text("visibility"),
        text("state"),
        text("reject_reason"),
        text("successor"),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_learnings"),
        one_of("visibility", "visibility", "internal", "partners", "public"),
        one_of("learning_state", "state", *STATES),
        check("complete", "title <> '' AND language <> '' AND observation <> ''"),
        check(
            "assigned",
            "state NOT IN ('lesson_identified', 'implemented', 'validated', 'embedded')"
            " OR (remedial_action <> '' AND owner <> '')",
        ),
        check("validated_by", "state NOT IN ('validated', 'embedded') OR validator <> ''"),
        check("validated_by_another", "validator = '' OR validator <> author"),
        check("rejected_for", "(state = 'rejected') = (reject_reason <> '')"),
        check("superseded_by", "(state = 'superseded') = (successor <> '')"),
        check("superseded_by_another", "successor <> id"),
    )
    for column in ("create_time", "update_time", "revision", "author", "owner"):
        op.create_index(f"ix_learnings_{column}", "learnings", [column])
    # Finds a forum's own learnings and those of its conclusions and recommendations, whatever the collation.
    op.create_index("ix_learnings_source", "learnings", ["source"], postgresql_ops={"source": "text_pattern_ops"})
    for column in ("topics", "cities"):
        op.create_index(f"ix_learnings_{column}", "learnings", [column], postgresql_using="gin")

    # The search index reads what transactions changed that it has not seen: exact whatever order they commit in,
    # which a time or a sequence would not be.
    op.execute(
        "CREATE FUNCTION stamp_learning() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.revision := pg_current_xact_id()::text::bigint; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER learning_stamped BEFORE INSERT OR UPDATE ON learnings"
        " FOR EACH ROW EXECUTE FUNCTION stamp_learning()"
    )
    op.execute(
        "CREATE FUNCTION notify_learnings() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_notify('learnings', ''); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER learnings_changed AFTER INSERT OR UPDATE ON learnings"
        " FOR EACH STATEMENT EXECUTE FUNCTION notify_learnings()"
    )

    op.create_table(
        "known_visits",
        text("name"),
        text("title"),
        texts("cities"),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_known_visits"),
    )
