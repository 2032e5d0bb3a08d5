"""``austausch republish``: the events of the last days once more."""

import asyncio
from datetime import UTC, datetime

import click
from sqlalchemy.exc import DBAPIError

from chassis.outbox import KEEP_PUBLISHED, republish
from operate.databases import OWNERS, opened
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
                count = asyncio.run(_republish(settings.get_url(owner.process), moment))
            except (OSError, DBAPIError) as error:
                raise click.ClickException(f"{owner.process}: {getattr(error, 'orig', error)}") from None
            click.echo(f"{owner.process}: {count} events will be published again")


async def _republish(url: str, since: datetime) -> int:
    async with opened(url) as database:
        return await republish(database, since)
