"""The migrations build what the model says."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from chassis.database import driver_url
from services.knowledge.model import Base
from tests.conftest import FreshDatabase


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
