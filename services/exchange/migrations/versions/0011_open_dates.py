"""Ideas may have no dates and no host department yet; lists have those without dates after all others."""

import sqlalchemy as sa
from alembic import op

revision = "exchange_0011"
down_revision = "exchange_0010"
branch_labels = None
depends_on = None

START_ORDER = sa.text("coalesce(start_date, '9999-01-01'::date)")


def upgrade() -> None:
    for name in ("start_date", "end_date"):
        op.alter_column("visits", name, nullable=True)
    for name, rule in (
        ("dates_whole", "(start_date IS NULL) = (end_date IS NULL)"),
        ("dates_unless_idea", "start_date IS NOT NULL OR state IN ('idea', 'cancelled')"),
        ("host_department_unless_idea", "host_department <> '' OR state IN ('idea', 'postponed', 'cancelled')"),
    ):
        op.create_check_constraint(op.f(f"ck_visits_{name}"), "visits", rule)
    op.drop_index("ix_visits_city_id_start_date", "visits")
    op.drop_index("ix_visits_start_date_id", "visits")
    op.create_index("ix_visits_city_id_start_order", "visits", ["city_id", START_ORDER])
    op.create_index("ix_visits_start_order_id", "visits", [START_ORDER, "id"])
