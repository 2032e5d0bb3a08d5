"""``austausch republish``: the events of the last days once more."""

import asyncio
from datetime import UTC, datetime

import click
from sqlalchemy.exc import DBAPIError

from chassis.database import Database
from chassis.outbox import KEEP_PUBLISHED, republish
from operate.databases import OWNERS
from operate.settings import DatabaseSettings, load


@click.command("republish", short_help="Publish the events of 7 days again.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="Only what was emitted since then (UTC); all that is kept, 7 days, unless given.",
)  # fmt: skip
def republish_command(since: datetime | None) -> None:
    """
    Let the running services publish their events of the last 7 days again.

    For when NATS lost what it had. Who has applied an event does not apply it again.
    """
    moment = since.replace(tzinfo=UTC) if since else datetime.now(UTC) - KEEP_PUBLISHED
    settings = load(DatabaseSettings)
    for owner in OWNERS:
        if owner.messaging:
            try:
                count = republish_since(settings.get_url(owner.process), moment)
            except (OSError, DBAPIError) as error:
                raise click.ClickException(f"{owner.process}: {getattr(error, 'orig', error)}") from None
            click.echo(f"{owner.process}: {count} events will be published again")


def republish_since(url: str, since: datetime) -> int:
    """
    Let the relay of a service publish again what was emitted since a time, and return how many events that are.

    Args:
        url: URL of the service's database.
    """
    return asyncio.run(_republish(url, since))


async def _republish(url: str, since: datetime) -> int:
    database = Database(url, pool_size=1)
    try:
        return await republish(database, since)
    finally:
        await database.dispose()
