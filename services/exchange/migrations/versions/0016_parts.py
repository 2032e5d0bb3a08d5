"""Who receives and who speaks at an agenda item, and groups that may be there; those that are there already attend."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "exchange_0016"
down_revision = "exchange_0015"
branch_labels = None
depends_on = None

TABLE = "agenda_items"


def upgrade() -> None:
    for name in ("receiving_people", "speaking_people", "optional_groups"):
        op.add_column(TABLE, sa.Column(name, ARRAY(sa.Text), nullable=False, server_default="{}"))
    op.create_check_constraint(
        op.f("ck_agenda_items_parts_of_present"),
        TABLE,
        "(receiving_people || speaking_people) <@ (people || optional_people)",
    )
