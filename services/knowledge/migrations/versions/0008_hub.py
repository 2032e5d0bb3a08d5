"""Installations that publish here, what they published, and what a hub was told."""

import sqlalchemy as sa
from alembic import op

revision = "knowledge_0008"
down_revision = "knowledge_0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def upgrade() -> None:
    op.create_table(
        "installations",
        text("id"),
        sa.Column("create_time", MOMENT, nullable=False),
        sa.Column("update_time", MOMENT, nullable=False),
        text("updater"),
        sa.Column("version", sa.Integer, nullable=False),
        text("display_name"),
        text("city"),
        text("uri"),
        text("public_key"),
        text("state"),
        sa.PrimaryKeyConstraint("id", name="pk_installations"),
        sa.CheckConstraint("state IN ('active', 'revoked')", name=op.f("ck_installations_installation_state")),
        sa.CheckConstraint(
            "display_name <> '' AND city <> '' AND uri <> '' AND public_key <> ''",
            name=op.f("ck_installations_complete"),
        ),
    )
    op.create_index("ix_installations_display_name_id", "installations", ["display_name", "id"])
    op.create_index("ix_installations_create_time_id", "installations", ["create_time", "id"])
    op.create_table(
        "publications",
        text("installation_id"),
        text("original"),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("learning_id", sa.Text),
        sa.PrimaryKeyConstraint("installation_id", "original", name="pk_publications"),
        sa.ForeignKeyConstraint(["installation_id"], ["installations.id"], name="fk_publications_installation_id"),
    )
    op.create_table(
        "used_signatures",
        text("installation_id"),
        text("id"),
        sa.Column("expire_time", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("installation_id", "id", name="pk_used_signatures"),
    )
    op.create_index("ix_used_signatures_expire_time", "used_signatures", ["expire_time"])
    op.create_table(
        "sent_learnings",
        text("hub"),
        text("learning_id"),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("is_withdrawn", sa.Boolean, nullable=False),
        text("refusal"),
        sa.PrimaryKeyConstraint("hub", "learning_id", name="pk_sent_learnings"),
        sa.CheckConstraint("version >= 0", name=op.f("ck_sent_learnings_version")),
    )

    op.add_column("learnings", sa.Column("installation_id", sa.Text))
    op.add_column("learnings", sa.Column("original_uri", sa.Text, nullable=False, server_default=""))
    op.create_foreign_key("fk_learnings_installation_id", "learnings", "installations", ["installation_id"], ["id"])
    op.create_index(
        "ix_learnings_installation_id", "learnings", ["installation_id"], postgresql_where="installation_id IS NOT NULL"
    )
    op.create_index(
        "ix_learnings_own_public",
        "learnings",
        ["id"],
        postgresql_where="installation_id IS NULL AND visibility = 'public'",
    )
    # Who validated a learning of another installation is told there, not here.
    op.drop_constraint("ck_learnings_validated_by", "learnings", type_="check")
    op.create_check_constraint(
        op.f("ck_learnings_validated_by"),
        "learnings",
        "state NOT IN ('validated', 'embedded') OR validator <> '' OR installation_id IS NOT NULL",
    )
