"""What a service counts has labels from fixed sets, whatever is sent to it."""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import grpc
import pytest
from austausch.exchange.v1.events_pb2 import VisitCreated
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis import database_metrics, outbox, outbox_metrics
from chassis.client import metadata_for
from chassis.consumer import Origin, unknown
from chassis.contract import find_method
from chassis.database import Database, Session
from chassis.identity import Role
from chassis.jetstream import DEAD_LETTERS, STREAM
from chassis.outbox import Relay, emit
from chassis.redelivery import ACK_WAIT_SECONDS
from tests.calls import person
from tests.chassis import sample
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


def value(metric: str, **labels: str) -> float:
    """Return the value of a series; 0 where there is none."""
    return REGISTRY.get_sample_value(metric, labels) or 0.0


async def test_how_much_waits_in_the_outbox_and_how_long_is_told_however_much_it_is(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_metrics, "REPORT_SECONDS", 0.05)
    async with database.begin() as session:
        for number in range(3 * outbox.BATCH):
            emit(session, sample.visit_created(f"visits/{number}"))
        await session.execute(text("UPDATE outbox SET create_time = now() - interval '1 hour' WHERE true"))

    name = str(database.engine.url.database)
    async with working(outbox_metrics.report(database)):
        await until(lambda: asyncio.sleep(0, value("outbox_waiting", database=name) == 3 * outbox.BATCH))
        assert value("outbox_oldest_seconds", database=name) == pytest.approx(3600, abs=60)
        async with database.begin() as session:
            await session.execute(text("UPDATE outbox SET publish_time = now()"))
        await until(lambda: asyncio.sleep(0, value("outbox_waiting", database=name) == 0))
        assert value("outbox_oldest_seconds", database=name) == 0


async def use_connections(url: str) -> dict[str, float]:
    """Return what is counted of a use of a database: while it lasts, and after statements that were refused."""
    database = Database(url)
    async with database.begin() as session:
        await session.execute(text("SELECT 1"))
        name = str(database.engine.url.database)
        in_use, at_most = (value(f"database_connections_{each}", database=name) for each in ("in_use", "max"))
        counted = {"during": in_use, "at most": at_most}
    for statement in ("SELECT 1 / 0", "SET LOCAL statement_timeout = 1; SELECT pg_sleep(1)"):
        with pytest.raises(DBAPIError):  # noqa: PT012 - the last statement of a transaction
            async with database.engine.connect() as connection:
                for each in statement.split("; "):
                    await connection.execute(text(each))
    counted["after"] = value("database_connections_in_use", database=name)
    counted |= {state: value("database_errors_total", sqlstate=state) for state in ("other", "57014")}
    assert labels("database_errors", "sqlstate") <= {*database_metrics.STATES, "other"}
    await database.dispose()
    return counted


def use_connections_alone(url: str) -> dict[str, float]:
    return asyncio.run(use_connections(url))


async def test_connections_in_use_and_errors_are_counted_by_sqlstates_of_a_fixed_set(database_url: str) -> None:
    # In a process of its own: the services that other tests run in this one use connections whenever they like.
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        counted = await asyncio.wrap_future(process.submit(use_connections_alone, database_url))
    assert counted == {"during": 1, "at most": 8, "after": 0, "other": 1, "57014": 1}


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
        await until(lambda: asyncio.sleep(0, value("events_pending", consumer="sample") == 100))
