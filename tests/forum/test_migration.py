"""The migrations build what the model says."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from chassis.database_urls import driver_url
from chassis.migrate import migrate
from services.forum.model import Base
from tests.conftest import FreshDatabase, OldDatabase


@pytest.fixture
def url(fresh_database: FreshDatabase) -> str:
    return fresh_database("services.forum")


def test_the_migrated_schema_is_that_of_the_model(url: str) -> None:
    ours = set(Base.metadata.tables)

    def is_ours(_object: object, name: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or name in ours

    engine = create_engine(driver_url(url, "psycopg"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False, "include_object": is_ours})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


BEFORE = """
    INSERT INTO forums (id, title, subject, city, purpose, panel_city_cap, language, create_time, update_time, updater,
                        version)
    VALUES ('f', 'F', '', 'cities/mannheim', '', 0, 'de', now(), now(), '', 1);
    INSERT INTO conclusions (forum_id, id, title, text, language, dissent, state, adopt_time, create_time, update_time,
                             updater, version)
    VALUES ('f', 'c', 'C', 'C', 'de', '', 'adopted', now(), now(), now(), '', 1);
    INSERT INTO recommendations (forum_id, id, conclusion_id, title, text, language, owner_department, evidence, state,
                                 verdict, answer_reason, answerer, answer_time, implementer, implementer_subject,
                                 verifier, create_time, update_time, updater, version)
    VALUES ('f', 'r', 'c', 'R', 'R', 'de', '', 'E', 'implemented', 'accepted', 'Ja', 'A', now(), 'I', 'accounts/i', '',
            now(), now(), '', 7);
"""


def test_recommendations_of_the_release_before_have_never_come_back(old_database: OldDatabase) -> None:
    url = old_database("services.forum", "forum_0001")
    engine = create_engine(driver_url(url, "psycopg"))
    with engine.begin() as connection:
        connection.exec_driver_sql(BEFORE)
    migrate(url, "services.forum")
    with engine.begin() as connection:
        columns = "version, former_answers, return_reason, returner, return_time"
        (row,) = connection.execute(text(f"SELECT {columns} FROM recommendations")).all()  # noqa: S608 - ours
    engine.dispose()
    assert row == (7, [], "", "", None)


def test_what_the_release_before_had_under_review_is_about_nothing_yet(old_database: OldDatabase) -> None:
    url = old_database("services.forum", "forum_0003")
    node = """
        INSERT INTO subject_nodes (forum_id, id, kind, code, title, description, sdg_targets, department, create_time,
                                   update_time, updater, version)
        VALUES ('f', '{}', 'measure', '', 'N', '', '{{11}}', '', now(), now(), '', 3);
    """
    engine = create_engine(driver_url(url, "psycopg"))
    with engine.begin() as connection:
        connection.exec_driver_sql(BEFORE + node.format("before"))
    migrate(url, "services.forum")
    with engine.begin() as connection:
        # The version before goes on writing while this one is rolled out.
        connection.exec_driver_sql(node.format("meanwhile"))
        rows = connection.execute(text("SELECT id, version, topics FROM subject_nodes ORDER BY id")).all()
    engine.dispose()
    assert rows == [("before", 3, []), ("meanwhile", 3, [])]
