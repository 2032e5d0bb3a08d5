"""The migrations build what the model says."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from chassis.database_urls import driver_url
from chassis.migrate import migrate
from services.knowledge.model import Base
from tests.conftest import FreshDatabase, OldDatabase


@pytest.fixture
def url(fresh_database: FreshDatabase) -> str:
    return fresh_database("services.knowledge")


def test_the_migrated_schema_is_that_of_the_model(url: str) -> None:
    def is_ours(_object: object, name: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or name in Base.metadata.tables

    engine = create_engine(driver_url(url, "psycopg"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False, "include_object": is_ours})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


BEFORE = """
    INSERT INTO learnings (id, create_time, update_time, updater, version, title, language, observation, discussion,
                           conclusion, recommendation, topics, sdg_targets, cities, source, source_title,
                           remedial_action, owner, department, author, author_name, validator, validator_name,
                           visibility, state, reject_reason, successor, revision)
    VALUES ('l', now(), now(), '', 3, 'L', 'de', 'O', '', '', '', '{}', '{}', '{}', '', '', '', '', '', 'accounts/a',
            '', '', '', 'internal', 'insight', '', '', 0);
"""


def test_learnings_of_the_release_before_have_followed_no_version(old_database: OldDatabase) -> None:
    url = old_database("services.knowledge", "knowledge_0001")
    engine = create_engine(driver_url(url, "psycopg"))
    with engine.begin() as connection:
        connection.exec_driver_sql(BEFORE)
    migrate(url, "services.knowledge")
    with engine.begin() as connection:
        (row,) = connection.execute(text("SELECT version, source_version FROM learnings")).all()
    engine.dispose()
    assert row == (3, 0)


def test_what_is_superseded_in_the_release_before_keeps_its_successor(old_database: OldDatabase) -> None:
    url = old_database("services.knowledge", "knowledge_0005")
    engine = create_engine(driver_url(url, "psycopg"))
    superseded = BEFORE.replace("'l', now()", "'old', now()").replace("'insight', '', ''", "'superseded', '', 'l'")
    with engine.begin() as connection:
        connection.exec_driver_sql(BEFORE + superseded)
    migrate(url, "services.knowledge")
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT id, state, successor FROM learnings ORDER BY id")).all()
        # The version before goes on writing while this one is rolled out.
        connection.exec_driver_sql(BEFORE.replace("'l', now()", "'later', now()"))
    engine.dispose()
    assert rows == [("l", "insight", ""), ("old", "superseded", "l")]
