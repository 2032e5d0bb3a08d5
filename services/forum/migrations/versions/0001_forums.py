"""Forums, their trees, panels with the log of eligibility, working groups, conclusions and recommendations."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "forum_0001"
down_revision = None
branch_labels = ("forum",)
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def one_of(table: str, constraint: str, column: str, *values: str) -> sa.CheckConstraint:
    members = ", ".join(f"'{value}'" for value in values)
    return check(table, constraint, f"{column} IN ({members})")


def check(table: str, constraint: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{constraint}"))


def refers(table: str, column: str, target: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    """Return the key of a reference within one forum."""
    return sa.ForeignKeyConstraint(
        ["forum_id", column],
        [f"{target}.forum_id", f"{target}.id"],
        name=op.f(f"fk_{table}_forum_id_{column}"),
        ondelete=ondelete,
    )


def history() -> list[sa.Column[Any]]:
    """Return the columns that every resource ends with."""
    return [
        sa.Column("create_time", MOMENT, nullable=False),
        sa.Column("update_time", MOMENT, nullable=False),
        sa.Column("updater", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    ]


def create_forum_table(table: str, *parts: sa.Column[Any] | sa.Constraint) -> None:
    """Create the table of a resource that belongs to a forum."""
    op.create_table(
        table,
        *texts("forum_id", "id"),
        *parts,
        *history(),
        sa.ForeignKeyConstraint(["forum_id"], ["forums.id"], name=op.f(f"fk_{table}_forum_id")),
        sa.PrimaryKeyConstraint("forum_id", "id", name=op.f(f"pk_{table}")),
    )


def create_link_table(table: str, key: list[str], owner: tuple[str, str], other: tuple[str, str, str | None]) -> None:
    """Create a table of references from an owner, with which they end, to something else of the same forum."""
    (owner_column, owner_table), (other_column, other_table, ondelete) = owner, other
    op.create_table(
        table,
        *texts("forum_id", owner_column, other_column),
        refers(table, owner_column, owner_table, "CASCADE"),
        refers(table, other_column, other_table, ondelete),
        sa.PrimaryKeyConstraint("forum_id", *key, name=op.f(f"pk_{table}")),
    )
    indexed = owner_column if owner_column not in key else other_column
    op.create_index(op.f(f"ix_{table}_forum_id_{indexed}"), table, ["forum_id", indexed])


def upgrade() -> None:
    op.create_table(
        "forums",
        *texts("id", "title", "subject", "city", "purpose"),
        sa.Column("panel_city_cap", sa.Integer, nullable=False),
        *texts("language"),
        sa.Column("start_date", sa.Date),
        sa.Column("end_date", sa.Date),
        *history(),
        check("forums", "dates_in_order", "end_date >= start_date"),
        check("forums", "cap_not_negative", "panel_city_cap >= 0"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forums")),
    )
    _create_subject_nodes()
    _create_panelists()
    create_forum_table("working_groups", *texts("title"))
    create_link_table(
        "ownerships", ["node_id"], ("working_group_id", "working_groups"), ("node_id", "subject_nodes", None)
    )
    create_link_table(
        "memberships",
        ["working_group_id", "panelist_id"],
        ("working_group_id", "working_groups"),
        ("panelist_id", "panelists", "CASCADE"),
    )
    _create_conclusions()
    _create_recommendations()


def _create_subject_nodes() -> None:
    create_forum_table(
        "subject_nodes",
        sa.Column("parent_id", sa.Text),
        *texts("kind", "code", "title", "description"),
        sa.Column("sdg_targets", ARRAY(sa.Text), nullable=False),
        *texts("department"),
        refers("subject_nodes", "parent_id", "subject_nodes"),
        one_of(
            "subject_nodes", "node_kind", "kind",
            "strategic_goal", "top_indicator", "management_goal", "budget_product", "measure", "indicator",
            "commitment",
        ),
    )  # fmt: skip
    op.create_index(op.f("ix_subject_nodes_forum_id_parent_id"), "subject_nodes", ["forum_id", "parent_id"])
    op.create_index(
        op.f("ix_subject_nodes_forum_id_code"),
        "subject_nodes",
        ["forum_id", "code"],
        unique=True,
        postgresql_where=sa.text("code <> ''"),
    )
    create_link_table(
        "fulfilments",
        ["node_id", "commitment_id"],
        ("node_id", "subject_nodes"),
        ("commitment_id", "subject_nodes", None),
    )


def _create_panelists() -> None:
    create_forum_table(
        "panelists",
        *texts("function", "affiliation", "kind", "origin", "city", "residence_city"),
        sa.Column("politically_neutral", sa.Boolean, nullable=False),
        *texts("conflict_of_interest"),
        sa.Column("has_conflict", sa.Boolean, nullable=False),
        *texts("account", "state"),
        sa.Column("eligible", sa.Boolean, nullable=False),
        sa.Column("ineligible_reasons", ARRAY(sa.Text), nullable=False),
        sa.Column("eligibility_check_time", MOMENT, nullable=False),
        one_of("panelists", "panelist_kind", "kind", "practitioner", "academic"),
        one_of("panelists", "origin", "origin", "partner_city", "friendship_city", "national"),
        one_of("panelists", "panelist_state", "state", "invited", "accepted", "declined", "withdrawn"),
        check("panelists", "eligible_without_reasons", "eligible = (cardinality(ineligible_reasons) = 0)"),
        check("panelists", "city_given", "origin = 'national' OR city <> ''"),
    )
    op.create_index(op.f("ix_panelists_account"), "panelists", ["account"])
    op.create_index(
        op.f("ix_panelists_forum_id_account"),
        "panelists",
        ["forum_id", "account"],
        unique=True,
        postgresql_where=sa.text("account <> '' AND state IN ('invited', 'accepted')"),
    )
    op.create_table(
        "eligibility_checks",
        *texts("id", "forum_id"),
        sa.Column("panelist_id", sa.Text),
        *texts("occasion", "city"),
        sa.Column("eligible", sa.Boolean, nullable=False),
        sa.Column("ineligible_reasons", ARRAY(sa.Text), nullable=False),
        sa.Column("check_time", MOMENT, nullable=False),
        one_of("eligibility_checks", "occasion", "occasion", "invitation", "change", "write", "request"),
        sa.ForeignKeyConstraint(["forum_id"], ["forums.id"], name=op.f("fk_eligibility_checks_forum_id")),
        refers("eligibility_checks", "panelist_id", "panelists", "SET NULL (panelist_id)"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eligibility_checks")),
    )
    for column in ("panelist_id", "check_time"):
        op.create_index(op.f(f"ix_eligibility_checks_forum_id_{column}"), "eligibility_checks", ["forum_id", column])


def _create_conclusions() -> None:
    create_forum_table(
        "conclusions",
        *texts("title", "text", "language", "dissent", "state"),
        sa.Column("adopt_time", MOMENT),
        one_of("conclusions", "conclusion_state", "state", "draft", "adopted"),
        check("conclusions", "adopt_time_when_adopted", "(state = 'adopted') = (adopt_time IS NOT NULL)"),
    )
    create_link_table(
        "conclusion_working_groups",
        ["conclusion_id", "working_group_id"],
        ("conclusion_id", "conclusions"),
        ("working_group_id", "working_groups", None),
    )
    create_link_table(
        "conclusion_nodes",
        ["conclusion_id", "node_id"],
        ("conclusion_id", "conclusions"),
        ("node_id", "subject_nodes", None),
    )


def _create_recommendations() -> None:
    create_forum_table(
        "recommendations",
        *texts("conclusion_id", "title", "text", "language", "owner_department"),
        sa.Column("due_date", sa.Date),
        *texts("evidence", "state"),
        sa.Column("verdict", sa.Text),
        *texts("answer_reason", "answerer"),
        sa.Column("answer_time", MOMENT),
        *texts("implementer", "implementer_subject", "verifier"),
        sa.Column("verify_time", MOMENT),
        one_of(
            "recommendations", "recommendation_state", "state",
            "draft", "adopted", "answered", "planned", "in_progress", "implemented", "verified",
        ),
        one_of("recommendations", "verdict", "verdict", "accepted", "partly", "rejected"),
        check("recommendations", "verdict_when_answered", "(verdict IS NULL) = (state IN ('draft', 'adopted'))"),
        check(
            "recommendations", "rejected_stays_answered", "verdict IS DISTINCT FROM 'rejected' OR state = 'answered'"
        ),
        check("recommendations", "verify_time_when_verified", "(state = 'verified') = (verify_time IS NOT NULL)"),
        refers("recommendations", "conclusion_id", "conclusions"),
    )  # fmt: skip
    op.create_index(op.f("ix_recommendations_forum_id_conclusion_id"), "recommendations", ["forum_id", "conclusion_id"])
    op.create_index(op.f("ix_recommendations_owner_department"), "recommendations", ["owner_department"])
