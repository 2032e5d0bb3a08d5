"""Cities, partnerships, exchanges, visits, delegations, programmes and bookings."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE, ExcludeConstraint

revision = "exchange_0001"
down_revision = None
branch_labels = ("exchange",)
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def texts(name: str) -> sa.Column[list[str]]:
    return sa.Column(name, ARRAY(sa.Text), nullable=False)


def one_of(table: str, constraint: str, column: str, *values: str) -> sa.CheckConstraint:
    members = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({members})", name=op.f(f"ck_{table}_{constraint}"))


def check(table: str, constraint: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{constraint}"))


def foreign_key(table: str, *columns: str, to: tuple[str, ...], ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(columns, to, name=f"fk_{table}_{'_'.join(columns)}", ondelete=ondelete)


def resource_table(table: str, *parts: sa.Column[Any] | sa.Constraint) -> None:
    """Create a table with the columns that every resource has."""
    op.create_table(
        table,
        text("id"),
        *parts,
        sa.Column("create_time", MOMENT, nullable=False),
        sa.Column("update_time", MOMENT, nullable=False),
        text("updater"),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    )


def index(table: str, *columns: str, using: str = "btree") -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns), postgresql_using=using)


def upgrade() -> None:
    # Equality of text inside a GiST index, for the bookings.
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    create_cities()
    create_partnerships()
    create_exchanges()
    create_visits()
    create_delegates()
    create_rooms_and_people()
    create_programmes()


def create_cities() -> None:
    resource_table(
        "cities",
        text("display_name"),
        text("local_name"),
        text("country_code"),
        text("subdivision_code"),
        text("time_zone"),
        sa.Column("working_week", ARRAY(sa.SmallInteger), nullable=False),
        texts("languages"),
        sa.Column("latitude", sa.Double),
        sa.Column("longitude", sa.Double),
        text("holiday_calendar"),
        check("cities", "latitude_range", "latitude BETWEEN -90 AND 90"),
        check("cities", "longitude_range", "longitude BETWEEN -180 AND 180"),
        check("cities", "location_whole", "(latitude IS NULL) = (longitude IS NULL)"),
        check("cities", "working_week_days", "working_week <@ ARRAY[1, 2, 3, 4, 5, 6, 7]::smallint[]"),
    )
    index("cities", "display_name", "id")


def create_partnerships() -> None:
    resource_table(
        "partnerships",
        text("city_id"),
        text("kind"),
        text("state"),
        sa.Column("start_date", sa.Date),
        sa.Column("end_date", sa.Date),
        text("theme"),
        one_of("partnerships", "partnership_kind", "kind", "partnership", "friendship", "project", "contact"),
        one_of(
            "partnerships", "partnership_state", "state",
            "initiated", "council_approved", "signed", "active", "dormant", "ended",
        ),
        check("partnerships", "dates_in_order", "end_date >= start_date"),
        foreign_key("partnerships", "city_id", to=("cities.id",)),
        sa.UniqueConstraint("id", "city_id", name="uq_partnerships_id_city_id"),
    )  # fmt: skip
    index("partnerships", "city_id", "id")
    index("partnerships", "create_time", "id")


def create_exchanges() -> None:
    resource_table(
        "exchanges",
        text("title"),
        text("kind"),
        text("partnership_id"),
        text("city_id"),
        text("department"),
        texts("topics"),
        text("objectives"),
        texts("sdg_targets"),
        one_of("exchanges", "exchange_kind", "kind", "administrative", "school", "culture", "friendship"),
        foreign_key("exchanges", "partnership_id", "city_id", to=("partnerships.id", "partnerships.city_id")),
        sa.UniqueConstraint("id", "city_id", name="uq_exchanges_id_city_id"),
    )
    index("exchanges", "partnership_id")
    index("exchanges", "city_id")
    index("exchanges", "create_time", "id")
    index("exchanges", "topics", using="gin")


def create_visits() -> None:
    resource_table(
        "visits",
        text("title"),
        text("exchange_id"),
        text("city_id"),
        text("home_city_id"),
        text("direction"),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date, nullable=False),
        text("host_department"),
        text("purpose"),
        text("state"),
        text("reason"),
        sa.Column("debrief", JSONB),
        sa.Column("new_dates_due", sa.Boolean, nullable=False),
        one_of("visits", "direction", "direction", "incoming", "outgoing"),
        one_of(
            "visits", "visit_state", "state",
            "idea", "agreed", "planned", "confirmed", "running", "reported", "closed", "cancelled", "postponed",
        ),
        check("visits", "dates_in_order", "end_date BETWEEN start_date AND start_date + 365"),
        check("visits", "debrief_when_reported", "(state IN ('reported', 'closed')) = (debrief IS NOT NULL)"),
        check("visits", "reason_when_off", "state NOT IN ('cancelled', 'postponed') OR reason <> ''"),
        foreign_key("visits", "exchange_id", "city_id", to=("exchanges.id", "exchanges.city_id")),
        foreign_key("visits", "home_city_id", to=("cities.id",)),
    )  # fmt: skip
    index("visits", "exchange_id")
    index("visits", "city_id", "start_date")
    index("visits", "start_date", "id")
    index("visits", "state")


def create_delegates() -> None:
    resource_table(
        "delegates",
        text("visit_id"),
        text("function"),
        text("display_name"),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("head", sa.Boolean, nullable=False),
        texts("languages"),
        text("dietary_needs"),
        text("access_needs"),
        check("delegates", "rank_range", "rank BETWEEN 0 AND 999"),
        foreign_key("delegates", "visit_id", to=("visits.id",)),
    )
    index("delegates", "visit_id")
    op.create_index("uq_delegates_head", "delegates", ["visit_id"], unique=True, postgresql_where=sa.text("head"))


def create_rooms_and_people() -> None:
    resource_table(
        "rooms",
        text("display_name"),
        text("address"),
        sa.Column("seats", sa.Integer, nullable=False),
        sa.Column("step_free", sa.Boolean, nullable=False),
        check("rooms", "seats_not_negative", "seats >= 0"),
    )
    resource_table("people", text("function"), text("display_name"), text("department"), texts("languages"))


def create_programmes() -> None:
    resource_table(
        "agenda_items",
        text("visit_id"),
        text("title"),
        text("notes"),
        sa.Column("start_time", MOMENT, nullable=False),
        sa.Column("end_time", MOMENT, nullable=False),
        sa.Column("room_id", sa.Text),
        text("place"),
        texts("people"),
        texts("interpretation_languages"),
        check("agenda_items", "times_in_order", "end_time > start_time"),
        foreign_key("agenda_items", "visit_id", to=("visits.id",)),
        foreign_key("agenda_items", "room_id", to=("rooms.id",)),
    )
    index("agenda_items", "visit_id", "start_time", "id")
    index("agenda_items", "room_id")
    op.create_table(
        "bookings",
        text("agenda_item_id"),
        text("resource"),
        sa.Column("period", TSTZRANGE, nullable=False),
        sa.PrimaryKeyConstraint("agenda_item_id", "resource", name="pk_bookings"),
        ExcludeConstraint(("resource", "="), ("period", "&&"), using="gist", name="ex_bookings_resource_period"),
        check("bookings", "period_not_empty", "NOT isempty(period)"),
        foreign_key("bookings", "agenda_item_id", to=("agenda_items.id",), ondelete="CASCADE"),
    )
