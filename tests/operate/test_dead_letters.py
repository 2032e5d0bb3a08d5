"""``austausch dead-letters`` on a real JetStream."""

import asyncio

from austausch.exchange.v1.events_pb2 import VisitCreated

from chassis.jetstream import DEAD_LETTERS, connect, ensure_streams
from chassis.redelivery import bury
from deploy.embedded import Nats
from tests.operate.austausch import austausch, succeed

SUBJECT = VisitCreated.DESCRIPTOR.full_name
VISIT = "visits/018f2d5c-0000-7000-8000-000000000001"


async def bury_two(nats: Nats) -> None:
    """Let a consumer give up on two events."""
    client = await connect(nats.url, "test")
    jetstream = client.jetstream(timeout=5)
    await ensure_streams(jetstream)
    subscription = await jetstream.pull_subscribe(SUBJECT, durable="sample")
    for id_ in ("e1", "e2"):
        headers = {"ce-id": id_, "ce-subject": VISIT, "Nats-Msg-Id": id_}
        await jetstream.publish(SUBJECT, id_.encode(), headers=headers)
        (message,) = await subscription.fetch(1, timeout=60)
        await bury(jetstream, message, "sample", "LookupError: für immer\n城市")
    await client.close()


async def count(nats: Nats) -> int:
    client = await connect(nats.url, "test")
    stored = (await client.jetstream(timeout=5).stream_info(DEAD_LETTERS)).state.messages
    await client.close()
    return stored


def test_what_was_given_up_is_listed_and_one_of_it_replayed(nats_server: Nats) -> None:
    settings = {"NATS_URL": nats_server.url}
    asyncio.run(bury_two(nats_server))

    lines = succeed(settings, "dead-letters", "list").splitlines()

    first, second = (line.split("\t") for line in lines)
    assert (first[0], second[0]) == ("e1", "e2")
    assert first[1] == SUBJECT
    assert first[3:] == ["sample", "LookupError: für immer 城市", VISIT]
    assert succeed(settings, "dead-letters", "replay", "e1") == "replayed e1\n"
    assert asyncio.run(count(nats_server)) == 1
    assert succeed(settings, "dead-letters", "replay") == "replayed e2\n"
    assert asyncio.run(count(nats_server)) == 0


def test_an_id_that_there_is_not_is_refused(nats_server: Nats) -> None:
    settings = {"NATS_URL": nats_server.url}
    asyncio.run(bury_two(nats_server))

    refused = austausch(settings, "dead-letters", "replay", "e1", "e3")

    assert (refused.returncode, refused.stdout) == (1, "")
    assert "There is no dead letter e3; nothing was replayed." in refused.stderr
    assert asyncio.run(count(nats_server)) == 2


def test_before_any_service_ran_there_are_none(nats_server: Nats) -> None:
    assert succeed({"NATS_URL": nats_server.url}, "dead-letters", "list") == ""
