"""Services while NATS is away, has lost its data, or closes a connection."""

import asyncio
import gc
from dataclasses import replace
from pathlib import Path

import pytest
from austausch.exchange.v1.exchange_pb2 import CreateCityRequest, GetCityRequest
from nats.aio.client import Client
from nats.errors import ConnectionClosedError

from chassis import server
from chassis.client import aio_channel
from chassis.identity import Role
from chassis.jetstream import STREAM, connect, ensure_streams
from chassis.settings import ServiceSettings
from chassis.work_queue import Progress
from deploy import embedded
from tests.calls import Keys, RunningService
from tests.chassis import sample
from tests.chassis.messaging import count_is, effects, put_in, tell, unpublished, until, worker
from tests.chassis.nats_servers import NatsServer, running
from tests.chassis.test_calls import MANNHEIM
from tests.stack import suspend


async def test_calls_are_served_while_nats_is_away_and_their_events_arrive_later(
    database_url: str, keys: Keys, tmp_path: Path
) -> None:
    with embedded.nats(tmp_path / "nats") as nats:
        pass
    settings = ServiceSettings(
        database_url=database_url, nats_url=nats.url, identity_trusted_keys=keys.trusted, shutdown_seconds=5
    )
    service = sample.service(settings)
    async with server.running(service) as address, aio_channel(address) as channel:
        caller = RunningService("exchange", address, settings, service.database, channel, keys).as_(Role.COORDINATOR)
        await caller.CreateCity(CreateCityRequest(city=MANNHEIM, city_id="mannheim"))
        assert (await caller.GetCity(GetCityRequest(name="cities/mannheim"))).display_name == "Mannheim"
        assert await unpublished(service.database) == 1
        with embedded.nats(tmp_path / "nats", port=nats.port):
            await until(lambda: effects(service.database))
        # And once more, after a restart of NATS.
        await caller.CreateCity(CreateCityRequest(city=MANNHEIM, city_id="monnem"))
        with embedded.nats(tmp_path / "nats", port=nats.port):
            await until(lambda: count_is(service.database, 2))


async def test_a_nats_that_lost_its_data_gets_its_streams_again(database_url: str, keys: Keys, tmp_path: Path) -> None:
    with embedded.nats(tmp_path / "old") as nats:
        pass
    settings = ServiceSettings(
        database_url=database_url, nats_url=nats.url, identity_trusted_keys=keys.trusted, shutdown_seconds=5
    )
    (tmp_path / "new").mkdir(mode=0o700)
    (tmp_path / "new" / "password").write_text((tmp_path / "old" / "password").read_text())
    service = sample.service(settings)
    service = replace(service, workers=[worker(service.database)])
    async with server.running(service):
        with embedded.nats(tmp_path / "old", port=nats.port):
            await tell(service.database)
            await put_in(service.database, "1")
            await until(lambda: count_is(service.database, 2))
        assert await service.workers[0].get_progress() is None
        with embedded.nats(tmp_path / "new", port=nats.port):
            await tell(service.database, "visits/2")
            await put_in(service.database, "2")
            await until(lambda: count_is(service.database, 4))

            async def nothing_is_left() -> bool:
                return await service.workers[0].get_progress() == Progress(waiting=0, in_hand=0, dead=0)

            # They are acknowledged once they are done.
            await until(nothing_is_left)


async def test_a_connection_that_nats_closes_for_good_is_replaced(settings: ServiceSettings) -> None:
    service = sample.service(settings)
    service = replace(service, workers=[worker(service.database)])
    async with server.running(service):
        await tell(service.database)
        await until(lambda: effects(service.database))
        # The client gives up a connection on which the server reports an error of the protocol.
        await break_protocol(service)
        await tell(service.database, "visits/2")
        await put_in(service.database, "1")
        await until(lambda: count_is(service.database, 3))


async def test_a_request_on_its_way_fails_with_its_connection_and_the_next_one_is_answered(tmp_path: Path) -> None:
    with running(NatsServer(tmp_path / "nats")) as nats:
        connection = await connect(nats.url, "test")
        jetstream = connection.jetstream(timeout=600)
        await ensure_streams(jetstream)
        assert nats.process
        await asyncio.to_thread(suspend, nats.process.pid)
        asked = asyncio.create_task(jetstream.stream_info(STREAM))
        await asyncio.sleep(0.2)
        nats.kill()
        with pytest.raises(ConnectionClosedError):
            await asyncio.wait_for(asked, 60)
        nats.start()
        assert (await asyncio.wait_for(jetstream.stream_info(STREAM), 60)).config.name == STREAM
        await connection.close()


async def break_protocol(service: server.Service) -> None:
    """Send NATS, on the service's own connection, what it does not understand."""
    # Their types themselves: asked for its class, a proxy of Flask's looks for an app.
    clients = [each for each in gc.get_objects() if type(each) is Client]
    (client,) = [each for each in clients if each.is_connected and each.options["name"] == service.name]
    assert client._transport
    client._transport.write(b"NONSENSE\r\n")
    await asyncio.sleep(0.2)
