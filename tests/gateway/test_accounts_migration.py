"""The migrations of the accounts database build what the model says, beside a gateway of the version before."""

from datetime import timedelta

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from chassis.database_urls import driver_url
from chassis.migrate import migrate
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
    changed = account_admin.update_account(
        engine, "accounts/old", "1", {"department": "Press"}, "Operator", lambda account: None
    )
    assert (changed.department, changed.etag, changed.updater) == ("Press", "2", "Operator")
    assert not changed.must_choose_password, "whoever has a password keeps it"
    engine.dispose()


def test_tokens_and_first_passwords_of_the_version_before_go_on(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE tokens DROP COLUMN scope, DROP COLUMN confirm_time")
        connection.execute("ALTER TABLE accounts DROP COLUMN first_password_expire_time")
        connection.execute("UPDATE alembic_version SET version_num = 'accounts_0003'")
        connection.execute(
            "INSERT INTO accounts (id, email, display_name, password_hash, roles, city, department, locale, disabled,"
            " create_time, update_time, must_choose_password)"
            " VALUES ('old', 'old@city.example', 'Old', '', '{member}', '', '', '', false, now(), now(), true)"
        )
        connection.execute(
            "INSERT INTO tokens (id, account_id, kind, digest, title, create_time, expire_time)"
            " VALUES ('t', 'old', 'personal', 'x', 'Import', now() - interval '3 days', now() + interval '3 days')"
        )

    migrate(url, "gateway.accounts", messaging=False)

    with psycopg.connect(url) as connection:
        token = connection.execute("SELECT scope, confirm_time = create_time FROM tokens").fetchone()
        days = connection.execute("SELECT first_password_expire_time - now() FROM accounts").fetchone()
    assert token == ("write", True)
    assert days
    assert timedelta(days=6) < days[0] <= timedelta(days=7)
