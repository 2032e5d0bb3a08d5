"""What forums, conclusions and recommendations are called, as searches read it."""

from alembic import op

from chassis.folded_names import add_folded_name, create_functions

revision = "forum_0003"
down_revision = "forum_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_functions(op)
    add_folded_name(op, "forums", "title", "subject")
    add_folded_name(op, "conclusions", "title")
    add_folded_name(op, "recommendations", "title")
