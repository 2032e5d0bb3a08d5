"""What cities, partnerships, exchanges, visits, rooms and people are called, as searches read it."""

from alembic import op

from chassis.folded_names import add_folded_name, create_functions

revision = "exchange_0004"
down_revision = "exchange_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_functions(op)
    add_folded_name(op, "cities", "display_name", "local_name", "id")
    add_folded_name(op, "partnerships", "theme")
    add_folded_name(op, "exchanges", "title")
    add_folded_name(op, "visits", "title")
    add_folded_name(op, "rooms", "display_name", "address")
    add_folded_name(op, "people", "display_name", "function", "department")
