"""The databases of an installation, on a real PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from deploy.databases import create_databases, main, wanted
from deploy.embedded import HOST, Postgres

UrlOf = Callable[[str, str], str]


@pytest.fixture
def url_of(postgres_server: Postgres) -> Iterator[UrlOf]:
    """URLs of databases whose owners have the same name; both are gone after the test."""
    names: set[str] = set()

    def url(name: str, password: str) -> str:
        names.add(name)
        return f"postgresql://{name}:{password}@{HOST}:{postgres_server.port}/{name}"

    yield url
    with psycopg.connect(postgres_server.url_for("postgres"), autocommit=True) as admin:
        for name in names:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def test_each_owner_can_use_its_database(postgres_server: Postgres, url_of: UrlOf) -> None:
    urls = [url_of("first_city", "one"), url_of("second_city", "two")]
    assert create_databases(postgres_server.url_for("postgres"), [wanted(url) for url in urls]) == [
        "first_city",
        "second_city",
    ]
    for url in urls:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE EXTENSION btree_gist")
            connection.execute("CREATE TABLE visit (id int)")


def test_nobody_else_can_connect(postgres_server: Postgres, url_of: UrlOf) -> None:
    urls = [url_of("first_city", "one"), url_of("second_city", "two")]
    create_databases(postgres_server.url_for("postgres"), [wanted(url) for url in urls])
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(f"{urls[0].removesuffix('first_city')}second_city")


def test_an_administrator_who_is_no_superuser_can_create_them_and_run_again(
    postgres_server: Postgres, url_of: UrlOf
) -> None:
    administrator = f"postgresql://city_admin:admin@{HOST}:{postgres_server.port}/postgres"
    databases = [wanted(url_of("first_city", "one")), wanted(url_of("second_city", "two"))]
    with psycopg.connect(postgres_server.url_for("postgres"), autocommit=True) as admin:
        admin.execute("CREATE ROLE city_admin LOGIN CREATEROLE CREATEDB PASSWORD 'admin'")
        try:
            assert create_databases(administrator, databases) == ["first_city", "second_city"]
            assert create_databases(administrator, databases) == []
            with psycopg.connect(url_of("first_city", "one")) as connection:
                connection.execute("CREATE EXTENSION btree_gist")
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(url_of("first_city", "one").removesuffix("first_city") + "second_city")
        finally:
            for database in databases:
                admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database.name)))
                admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(database.owner)))
            admin.execute("DROP ROLE city_admin")


def test_a_second_run_keeps_the_data_and_takes_a_new_password(postgres_server: Postgres, url_of: UrlOf) -> None:
    create_databases(postgres_server.url_for("postgres"), [wanted(url_of("first_city", "one"))])
    with psycopg.connect(url_of("first_city", "one")) as connection:
        connection.execute("CREATE TABLE visit (id int)")
    assert create_databases(postgres_server.url_for("postgres"), [wanted(url_of("first_city", "it's%20new"))]) == []
    with psycopg.connect(url_of("first_city", "it's%20new")) as connection:
        assert connection.execute("SELECT count(*) FROM visit").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url_of("first_city", "one"))


@pytest.mark.parametrize("url", ["postgresql://city:pass word@host/city", "postgresql://host/city", "city"])
def test_a_file_without_a_whole_url_is_named_and_its_content_is_not(
    url: str, postgres_server: Postgres, tmp_path: Path
) -> None:
    (tmp_path / "administrator").write_text(postgres_server.url_for("postgres"))
    (tmp_path / "city-url").write_text(url)
    with pytest.raises(SystemExit) as refused:
        main([str(tmp_path / "administrator"), str(tmp_path / "city-url")])
    assert str(refused.value) == f"{tmp_path}/city-url: not of the form postgresql://user:password@host/database"
