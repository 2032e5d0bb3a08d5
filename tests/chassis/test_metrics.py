"""What a service counts has labels from fixed sets, whatever is sent to it."""

import asyncio

import grpc
import pytest
from austausch.exchange.v1.events_pb2 import VisitCreated
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from prometheus_client import REGISTRY

from chassis.client import metadata_for
from chassis.consumer import Origin, unknown
from chassis.contract import find_method
from chassis.database import Database, Session
from chassis.deliveries import ACK_WAIT_SECONDS
from chassis.identity import Role
from chassis.jetstream import DEAD_LETTERS, STREAM
from chassis.outbox import Relay
from tests.calls import person
from tests.chassis.conftest import RunningSample
from tests.chassis.messaging import consumer, has_stored, tell, until, working

CODES = {code.name for code in grpc.StatusCode}
INVENTED = 50


def labels(metric: str, label: str) -> set[str]:
    """Return the values of a label of our metrics whose names begin so."""
    samples = [sample for family in REGISTRY.collect() for sample in family.samples]
    return {sample.labels[label] for sample in samples if sample.name.startswith(metric) and label in sample.labels}


async def test_invented_calls_add_no_label(cities: RunningSample) -> None:
    metadata = metadata_for(cities.keys.token(person(Role.COORDINATOR)))
    for number in range(INVENTED):
        for path in (f"/austausch.exchange.v1.CityService/Get{number}", f"/made.up{number}/Get", f"/{number}"):
            with pytest.raises(grpc.RpcError):
                await cities.channel.unary_unary(path)(b"\xff", metadata=metadata, timeout=5)
    call = cities.channel.unary_unary("/austausch.exchange.v1.CityService/GetCity")
    with pytest.raises(grpc.RpcError):
        await call(b"", metadata=metadata, timeout=5)

    methods = labels("rpc_seconds", "method")
    assert "CityService/GetCity" in methods
    assert all(find_method(f"/austausch.exchange.v1.{method}") for method in methods if method.startswith("City"))
    assert not {method for method in methods if any(character.isdigit() for character in method)}
    assert labels("rpc_seconds", "code") <= CODES


async def test_invented_events_add_no_label(database: Database, jetstream: JetStreamContext) -> None:
    async with working(consumer(database, jetstream).run()):
        await until(lambda: is_subscribed(jetstream))
        # As a newer version of the same service does, which shares the subscription while both run.
        config = ConsumerConfig(
            durable_name="sample",
            filter_subjects=["austausch.>"],
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_SECONDS,
            deliver_policy=DeliverPolicy.ALL,
            max_deliver=-1,
            max_ack_pending=256,
        )
        await jetstream.add_consumer(STREAM, config)
        for number in range(INVENTED):
            await jetstream.publish(f"austausch.made.up{number}", b"", headers={"ce-id": str(number)})
        # Unreadable, and given up at once.
        await jetstream.publish("austausch.exchange.v1.VisitCreated", b"", headers={"ce-id": "1"})
        await until(lambda: has_stored(jetstream, 1, DEAD_LETTERS))
        await until(lambda: asyncio.sleep(0, unknown._value.get() >= INVENTED))

    types = labels("events_", "type")
    assert not {kind for kind in types if "made.up" in kind}
    assert "austausch.exchange.v1.VisitCreated" in types


async def is_subscribed(jetstream: JetStreamContext) -> bool:
    """Tell whether the consumer of the sample waits for messages."""
    return any(info.name == "sample" and info.num_waiting for info in await jetstream.consumers_info(STREAM))


def value(metric: str, **labels: str) -> float | None:
    """Return what a metric says."""
    return REGISTRY.get_sample_value(metric, labels)


async def test_everything_that_waits_is_counted(database: Database, jetstream: JetStreamContext) -> None:
    small = (await jetstream.stream_info(STREAM)).config
    await jetstream.update_stream(small, max_bytes=1)
    await tell(database, *(f"visits/{number}" for number in range(700)))
    async with working(Relay(database, jetstream).run()):
        await until(lambda: asyncio.sleep(0, value("outbox_waiting") == 700))


async def test_it_is_counted_how_far_a_consumer_is_behind_and_what_it_gave_up(
    database: Database, jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.consumer.LOOK_SECONDS", 0.1)

    async def refuse(session: Session, event: VisitCreated, origin: Origin) -> None:
        if event.visit.name == "visits/bad":
            raise LookupError
        await asyncio.sleep(60)

    runs = Relay(database, jetstream).run(), consumer(database, jetstream, refuse, back_off_seconds=()).run()
    async with working(*runs):
        await tell(database, "visits/bad")
        await until(lambda: asyncio.sleep(0, value("dead_letters", consumer="sample") == 1))
        await tell(database, *(f"visits/{number}" for number in range(100)))
        await until(lambda: asyncio.sleep(0, value("events_pending") == 100))
