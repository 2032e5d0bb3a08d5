"""``austausch rebuild-index``: lets the knowledge service fill its search index anew."""

from dataclasses import dataclass
from typing import cast

import click
import psycopg

from chassis.setting_types import DatabaseUrl
from chassis.settings import secret
from operate.databases import connected
from operate.settings import load

# What the running indexers listen to, and for.
CHANNEL, REBUILD = "learnings", "rebuild"


@dataclass(frozen=True, kw_only=True)
class KnowledgeSettings:
    """Where the learnings are."""

    knowledge_database_url: DatabaseUrl = secret()


@click.command("rebuild-index", short_help="Let the search index be filled anew.")
def rebuild_index_command() -> None:
    """
    Let every running knowledge process fill its search index anew, from the database.

    Search goes on from what the index holds, and a log line index.filled says when the new one has taken over.
    """
    try:
        with connected(load(KnowledgeSettings).knowledge_database_url) as connection:
            statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = %s"
            # Who listens says nothing else on that connection.
            listening = cast(tuple[int], connection.execute(statement, [f'LISTEN "{CHANNEL}"']).fetchone())[0]
            connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, REBUILD])
    except psycopg.Error as error:
        raise click.ClickException(" ".join(str(error).split())) from None
    if not listening:
        raise click.ClickException(
            "No knowledge process runs. One that is started builds its index anew when its folder is empty."
        )
    click.echo(f"{listening} knowledge processes fill their index anew")
