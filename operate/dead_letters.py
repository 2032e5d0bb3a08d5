"""``austausch dead-letters``: what consumers and workers gave up on, listed and sent to them once more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click
import nats.errors
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from chassis.dead_letters import DeadLetter, read, replay
from operate import messages
from operate.messages import MessagesUnreachable
from operate.settings import MessageSettings, load

SECONDS = 10
COLUMNS = ("subject", "time", "consumer", "reason")


@click.group("dead-letters", short_help="List or replay what was given up.")
def dead_letters_command() -> None:
    """List or replay the events and tasks that were given up."""


@dead_letters_command.command("list")
def list_command() -> None:
    """
    Print each with its id, type, when and by which consumer it was given up, why, and what it is about.

    One a line, divided by tabs.
    """
    asyncio.run(_list())


@dead_letters_command.command("replay")
@click.argument("ids", metavar="[ID]...", nargs=-1)
def replay_command(ids: tuple[str, ...]) -> None:
    """Send them (all, or those with these ids) once more to who gave up on them."""
    asyncio.run(_replay(set(ids)))


async def _list() -> None:
    async with _jetstream() as jetstream:
        for letter in await _read(jetstream):
            told = (letter.headers.get(f"dead-{column}", "") for column in COLUMNS)
            click.echo("\t".join([letter.id, *told, " ".join(letter.about.split())]))


async def _replay(ids: set[str]) -> None:
    async with _jetstream() as jetstream:
        letters = await _read(jetstream)
        if missing := ids - {letter.id for letter in letters}:
            raise click.ClickException(f"There is no dead letter {', '.join(sorted(missing))}; nothing was replayed.")
        for letter in letters:
            if not ids or letter.id in ids:
                await replay(jetstream, letter)
                click.echo(f"replayed {letter.id}")


async def _read(jetstream: JetStreamContext) -> list[DeadLetter]:
    try:
        return await read(jetstream)
    except NotFoundError:  # The services make the stream when they start.
        return []


@asynccontextmanager
async def _jetstream() -> AsyncIterator[JetStreamContext]:
    try:
        async with messages.connected(load(MessageSettings).nats_url) as client:
            yield client.jetstream(timeout=SECONDS)
    except MessagesUnreachable as error:
        raise click.ClickException(str(error)) from None
    except nats.errors.Error as error:
        raise click.ClickException(f"NATS: {' '.join(str(error).split()) or type(error).__name__}") from None
