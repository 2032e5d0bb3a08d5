"""The migrations of the accounts database build what the model says, beside a gateway of the version before."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from chassis.database import driver_url
from gateway.accounts import account_admin
from gateway.accounts.model import Base
from tests.conftest import FreshDatabase


@pytest.fixture
def url(fresh_database: FreshDatabase) -> str:
    return fresh_database("gateway.accounts")


def test_the_migrated_schema_is_that_of_the_model(url: str) -> None:
    engine = create_engine(driver_url(url, "psycopg"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_an_account_that_the_version_before_created_can_be_changed(url: str) -> None:
    engine = create_engine(driver_url(url, "psycopg"))
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO accounts (id, email, display_name, password_hash, roles, city, department, locale,"
                " disabled, create_time, update_time)"
                " VALUES ('old', 'Old@city.example', 'Old', '', '{member}', '', '', '', false, now(), now())"
            )
        )
    changed = account_admin.update(
        engine, "accounts/old", "1", {"department": "Press"}, "Operator", lambda account: None
    )
    assert (changed.department, changed.etag, changed.updater) == ("Press", "2", "Operator")
    assert not changed.must_choose_password, "whoever has a password keeps it"
    engine.dispose()
