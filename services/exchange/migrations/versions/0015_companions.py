"""Delegates who accompany others."""

import sqlalchemy as sa
from alembic import op

revision = "exchange_0015"
down_revision = "exchange_0014"
branch_labels = None
depends_on = None

OF_DELEGATION = ["id", "visit_id", "city_id"]


def upgrade() -> None:
    op.add_column("delegates", sa.Column("companion_of_id", sa.Text))
    op.create_unique_constraint("uq_delegates_id_visit_id_city_id", "delegates", OF_DELEGATION)
    op.create_foreign_key(
        "fk_delegates_companion_of_id_visit_id_city_id",
        "delegates",
        "delegates",
        ["companion_of_id", "visit_id", "city_id"],
        OF_DELEGATION,
        ondelete="SET NULL (companion_of_id)",
    )
    op.create_check_constraint(op.f("ck_delegates_companion_of_another"), "delegates", "companion_of_id <> id")
    op.create_index("ix_delegates_companion_of_id", "delegates", ["companion_of_id"])
