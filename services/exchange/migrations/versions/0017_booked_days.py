"""
Nothing: the day on which a booking begins has its column from exchange_0018, under another name.

Where this migration has run before, ``bookings`` has a column ``day`` that nobody uses.
"""

revision = "exchange_0017"
down_revision = "exchange_0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing."""
