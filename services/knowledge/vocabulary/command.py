"""``python -m services.knowledge import-topics FILE``: what an operator sees of an import."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from chassis.settings import ServiceSettings
from services.knowledge.vocabulary.importing import import_topics

USAGE = "usage: python -m services.knowledge import-topics FILE (SKOS: .ttl, .nt, .rdf, .jsonld, …, also with .gz)"


def run_import(settings: ServiceSettings, arguments: Sequence[str]) -> None:
    """
    Import the file that the arguments name, and say on standard error how far it is.

    Raises:
        SystemExit: It could not be imported: nothing has changed.
    """
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.exit(USAGE)
    try:
        done = asyncio.run(import_topics(settings.database_url, Path(arguments[0]), _report))
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        sys.exit(f"knowledge: nothing was imported: {error}")
    except KeyboardInterrupt:
        sys.exit("knowledge: nothing was imported: it was broken off")
    _report(f"{done.concepts:,} topics with {done.labels:,} labels imported; {done.withdrawn:,} withdrawn")


def _report(step: str) -> None:
    print(f"import-topics: {step}", file=sys.stderr, flush=True)
