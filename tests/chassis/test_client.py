"""What happens around a call: deadline, identity, request id, errors."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import grpc
import pytest
from austausch.common.v1 import access_pb2
from austausch.exchange.v1 import exchange_pb2
from austausch.exchange.v1.exchange_pb2 import CreateCityRequest, GetCityRequest, UpdateCityRequest
from austausch.exchange.v1.exchange_pb2_grpc import CityServiceStub
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.empty_pb2 import Empty
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy import select

from chassis import server
from chassis.client import aio_calls, aio_channel, channel, metadata_for, prepare_calls, target
from chassis.contract import find_method, get_deadline
from chassis.database import Session
from chassis.errors import DeadlineExceeded, Internal, NotFound, PermissionDenied, Unauthenticated, Unavailable
from chassis.identity import Role
from chassis.server import Service
from chassis.settings import ServiceSettings
from chassis.status import from_rpc_error
from chassis.tables import RequestId
from deploy.embedded import free_port
from tests.calls import Keys, person
from tests.chassis import sample
from tests.chassis.conftest import RunningSample
from tests.chassis.messaging import until
from tests.chassis.test_calls import MANNHEIM
from tests.stack import ROOT

WORK_SECONDS = 1.5
DEADLINES = {"Hurry": 1, "Linger": 10}


def declare_contract() -> FileDescriptor:
    """Return a contract with RPCs that declare the `DEADLINES`."""
    file = descriptor_pb2.FileDescriptorProto(
        name="austausch/work/v1/work.proto",
        package="austausch.work.v1",
        dependency=["google/protobuf/empty.proto", access_pb2.DESCRIPTOR.name, annotations_pb2.DESCRIPTOR.name],
        syntax="proto3",
    )
    service = file.service.add(name="WorkService")
    for name, seconds in DEADLINES.items():
        method = service.method.add(
            name=name, input_type=".google.protobuf.Empty", output_type=".google.protobuf.Empty"
        )
        method.options.Extensions[access_pb2.access].roles.append(access_pb2.ROLE_MEMBER)
        method.options.Extensions[access_pb2.deadline_seconds] = seconds
        method.options.Extensions[annotations_pb2.http].get = f"/v1/{name.lower()}"
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
    return descriptor_pool.Default().FindFileByName(file.name)


CONTRACT = declare_contract()


def call_of(opened: Any, name: str) -> Any:
    """Return the RPC of a channel."""
    path = f"/austausch.work.v1.WorkService/{name}"
    return opened.unary_unary(path, request_serializer=Empty.SerializeToString, response_deserializer=Empty.FromString)


@pytest.fixture
async def work(settings: ServiceSettings) -> AsyncIterator[str]:
    """A service whose RPCs all take `WORK_SECONDS`; gives its address."""

    async def take_time(_request: Empty, _context: Any) -> Empty:
        await asyncio.sleep(WORK_SECONDS)
        return Empty()

    def add(_servicer: Any, to: Any) -> None:
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                take_time, request_deserializer=Empty.FromString, response_serializer=Empty.SerializeToString
            )
            for name in DEADLINES
        }
        to.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("austausch.work.v1.WorkService", handlers)])

    database = sample.service(settings).database
    service = Service(name="work", settings=settings, database=database, servicers=[(add, None)])
    async with server.running(service) as address:
        yield address


@pytest.fixture
def member(keys: Keys) -> Callable[[], str]:
    """Make tokens of a member."""
    return lambda: keys.token(person(Role.MEMBER))


@pytest.fixture
def coordinator(keys: Keys) -> Callable[[], str]:
    """Make tokens of a coordinator."""
    return lambda: keys.token(person(Role.COORDINATOR))


async def test_a_call_may_take_as_long_as_its_rpc_declares(work: str, member: Callable[[], str]) -> None:
    async with aio_calls(work, CONTRACT, member) as opened:
        hurried, lingered = await asyncio.gather(
            call_of(opened, "Hurry")(Empty()), call_of(opened, "Linger")(Empty()), return_exceptions=True
        )
    assert isinstance(hurried, DeadlineExceeded)
    assert lingered == Empty()


async def test_who_was_too_slow_is_said(work: str, member: Callable[[], str]) -> None:
    async with aio_calls(work, CONTRACT, member) as opened:
        with pytest.raises(DeadlineExceeded) as awaited:
            await call_of(opened, "Hurry")(Empty())
    with channel(work, CONTRACT) as threaded:
        hurry = call_of(prepare_calls(threaded, CONTRACT, member), "Hurry")
        with pytest.raises(DeadlineExceeded) as waited:
            await asyncio.to_thread(hurry, Empty())
    for error in (awaited.value, waited.value):
        assert (error.reason, error.metadata) == ("TOO_SLOW", {"service": "work"})
        assert error.message == "The work service takes too long to answer; try again."


async def test_a_service_holds_a_call_to_what_its_rpc_declares_whatever_the_caller_would_wait(
    work: str, member: Callable[[], str]
) -> None:
    async with aio_channel(work) as opened:
        with pytest.raises(grpc.RpcError) as raised:
            await call_of(opened, "Hurry")(Empty(), metadata=metadata_for(member()), timeout=60)
        assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert await call_of(opened, "Linger")(Empty(), metadata=metadata_for(member())) == Empty()


def test_an_rpc_that_declares_no_deadline_has_five_seconds() -> None:
    # In a process of its own: in this one, the tests have more time.
    asked = "get_deadline(find_method('/austausch.exchange.v1.VisitService/GetVisit'))"
    imports = "from austausch.exchange.v1 import exchange_pb2; from chassis.contract import find_method, get_deadline"
    program = f"{imports}; print({asked})"
    assert float(subprocess.check_output([sys.executable, "-c", program], cwd=ROOT)) == 5
    assert get_deadline(find_method("/austausch.work.v1.WorkService/Linger")) == 10


async def test_a_refusal_is_raised_as_what_it_is(
    cities: RunningSample, member: Callable[[], str], coordinator: Callable[[], str]
) -> None:
    create = CreateCityRequest(city=MANNHEIM, city_id="mannheim")
    for token, request, kind in (
        (member, GetCityRequest(name="cities/nowhere"), NotFound),
        (member, create, PermissionDenied),
        (str, create, Unauthenticated),
    ):
        async with aio_calls(cities.address, exchange_pb2.DESCRIPTOR, token) as opened:
            stub: Any = CityServiceStub(opened)
            with pytest.raises(kind):
                await (stub.CreateCity if request is create else stub.GetCity)(request)
        with channel(cities.address) as threaded:
            stub = CityServiceStub(prepare_calls(threaded, exchange_pb2.DESCRIPTOR, token))
            with pytest.raises(kind):
                await asyncio.to_thread(stub.CreateCity if request is create else stub.GetCity, request)


def test_where_nobody_listens_the_service_is_away(member: Callable[[], str]) -> None:
    address = f"127.0.0.1:{free_port()}"
    with channel(address, exchange_pb2.DESCRIPTOR) as opened:
        stub = CityServiceStub(prepare_calls(opened, exchange_pb2.DESCRIPTOR, member))
        with pytest.raises(Unavailable) as raised:
            stub.GetCity(GetCityRequest(name="cities/mannheim"), timeout=0.5)
    assert (raised.value.reason, raised.value.metadata) == ("SERVICE_AWAY", {"service": "exchange"})
    assert address not in raised.value.message


async def test_a_call_goes_past_the_proxy_that_the_environment_names(
    work: str, member: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("grpc_proxy", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name in ("no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)

    async with aio_calls(work, CONTRACT, member) as calls:
        await call_of(calls, "Linger")(Empty())
    with channel(work, CONTRACT) as opened:
        await asyncio.to_thread(call_of(prepare_calls(opened, CONTRACT, member), "Linger"), Empty())


async def test_a_write_without_a_request_id_is_given_one_and_keeps_its_own(
    cities: RunningSample, coordinator: Callable[[], str]
) -> None:
    own = "f81d4fae-7dec-41d0-a765-00a0c91e6bf6"
    requests = [
        CreateCityRequest(city=MANNHEIM, city_id="mannheim"),
        CreateCityRequest(city=MANNHEIM, city_id="haifa", request_id=own),
    ]
    async with aio_calls(cities.address, exchange_pb2.DESCRIPTOR, coordinator) as opened:
        stub: Any = CityServiceStub(opened)
        for request in requests:
            await stub.CreateCity(request)
    assert [request.request_id for request in requests] == ["", own]
    async with cities.database.begin() as session:
        ids = set(await session.scalars(select(RequestId.request_id)))
    assert len(ids) == 2
    assert own in ids


async def test_a_read_is_tried_again_and_a_write_without_a_request_id_is_not(
    cities: RunningSample, coordinator: Callable[[], str]
) -> None:
    tries = 0

    async def fail_twice(_session: Session) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise ConnectionResetError

    cities.servicer.before_get = fail_twice
    cities.servicer.before_update = fail_twice
    async with aio_calls(cities.address, exchange_pb2.DESCRIPTOR, coordinator) as opened:
        stub: Any = CityServiceStub(opened)
        with pytest.raises(NotFound):
            await stub.GetCity(GetCityRequest(name="cities/mannheim"))
        assert tries == 3
        tries = 0
        with pytest.raises(Unavailable):
            await stub.UpdateCity(UpdateCityRequest(city=exchange_pb2.City(name="cities/mannheim")))
        assert tries == 1


async def test_what_a_replica_of_an_older_release_does_not_know_another_one_answers(
    cities: RunningSample, settings: ServiceSettings, coordinator: Callable[[], str]
) -> None:
    older = replace(sample.service(settings), servicers=[])
    async with server.running(older) as address:
        replicas = f"{address},{cities.address}"
        async with aio_calls(replicas, exchange_pb2.DESCRIPTOR, coordinator) as opened:
            stub: Any = CityServiceStub(opened)
            city = await stub.CreateCity(CreateCityRequest(city=MANNHEIM, city_id="mannheim"))
            for number in range(10):
                city.display_name = f"Mannheim {number}"
                city = await stub.UpdateCity(UpdateCityRequest(city=city))
                assert await stub.GetCity(GetCityRequest(name=city.name)) == city
        async with aio_calls(address, exchange_pb2.DESCRIPTOR, coordinator) as opened:
            with pytest.raises(Unavailable) as raised:
                await CityServiceStub(opened).GetCity(GetCityRequest(name=city.name))  # type: ignore[misc]
    assert raised.value.reason == "SERVICE_AWAY"


async def test_what_a_service_could_not_get_from_another_is_not_tried_again(
    cities: RunningSample, member: Callable[[], str]
) -> None:
    tries = 0

    async def find_nobody(_session: Session) -> None:
        nonlocal tries
        tries += 1
        raise Unavailable("No answer without it.", reason="OTHER_AWAY") from DeadlineExceeded(
            "Too slow.", reason="TOO_SLOW"
        )

    cities.servicer.before_get = find_nobody
    async with aio_calls(cities.address, exchange_pb2.DESCRIPTOR, member) as opened:
        stub: Any = CityServiceStub(opened)
        with pytest.raises(Unavailable) as raised:
            await stub.GetCity(GetCityRequest(name="cities/mannheim"))
    assert (raised.value.reason, tries) == ("OTHER_AWAY", 1)


async def test_an_rpc_with_a_request_id_that_would_do_a_repeat_again_is_a_defect(
    settings: ServiceSettings, coordinator: Callable[[], str]
) -> None:
    class Forgetful(sample.CityServicer):
        async def CreateCity(self, request: Any, context: Any) -> Any:
            return exchange_pb2.City()

    made = sample.service(settings)
    add, _ = made.servicers[0]
    service = replace(made, servicers=[(add, Forgetful(made.database))])
    async with server.running(service) as address, aio_calls(address, exchange_pb2.DESCRIPTOR, coordinator) as opened:
        stub: Any = CityServiceStub(opened)
        with pytest.raises(Internal):
            await stub.CreateCity(CreateCityRequest(city=MANNHEIM, city_id="mannheim"))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("exchange:50051", "exchange:50051"),
        ("dns:///exchange-headless.austausch.svc:50051", "dns:///exchange-headless.austausch.svc:50051"),
        ("10.0.0.1:50051, 10.0.0.2:50051", "ipv4:10.0.0.1:50051,10.0.0.2:50051"),
        ("[fd00::1]:50051,[fd00::2]:50051", "ipv6:[fd00::1]:50051,[fd00::2]:50051"),
        ("ipv4:10.0.0.1:50051,10.0.0.2:50051", "ipv4:10.0.0.1:50051,10.0.0.2:50051"),
    ],
)
def test_an_address_names_one_process_or_its_replicas(address: str, expected: str) -> None:
    assert target(address) == expected


async def test_no_call_fails_while_connections_are_renewed(
    settings: ServiceSettings, coordinator: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    often = {"grpc.max_connection_age_ms": 300, "grpc.max_connection_age_grace_ms": 5_000}
    monkeypatch.setattr(server, "OPTIONS", list({**dict(server.OPTIONS), **often}.items()))
    service = sample.service(settings)
    async with (
        server.running(service) as address,
        aio_calls(address, exchange_pb2.DESCRIPTOR, coordinator) as opened,
    ):
        stub: Any = CityServiceStub(opened)
        await stub.CreateCity(CreateCityRequest(city=MANNHEIM, city_id="mannheim"))
        async with asyncio.timeout(120):
            for _ in range(600):
                await stub.GetCity(GetCityRequest(name="cities/mannheim"))
                await asyncio.sleep(0.005)


async def test_more_calls_than_a_service_can_answer_in_time_are_refused_at_once_and_it_recovers(
    settings: ServiceSettings, member: Callable[[], str]
) -> None:
    service = sample.service(replace(settings, pool_size=1))
    servicer = service.servicers[0][1]
    go_on, capacity = asyncio.Event(), server.CALLS_PER_CONNECTION

    async def wait(_session: Session) -> None:
        await go_on.wait()

    servicer.before_get = wait
    async with server.running(service) as address, aio_channel(address, exchange_pb2.DESCRIPTOR) as opened:
        stub: Any = CityServiceStub(opened)

        def call() -> asyncio.Task[Any]:
            request = GetCityRequest(name="cities/mannheim")
            return asyncio.ensure_future(stub.GetCity(request, metadata=metadata_for(member()), timeout=60))

        calls = [call() for _ in range(5 * capacity)]
        await until(lambda: asyncio.sleep(0, sum(map(asyncio.Task.done, calls)) == 4 * capacity))
        # Nobody is refused later who was let in.
        refused, waiting = await asyncio.wait(calls, timeout=1)
        assert len(waiting) == capacity
        told = [from_rpc_error(error) for each in refused if isinstance(error := each.exception(), grpc.RpcError)]
        assert {(error.code, error.reason) for error in told} == {("UNAVAILABLE", "SERVICE_BUSY")}
        assert len(told) == 4 * capacity
        health = await health_pb2_grpc.HealthStub(opened).Check(health_pb2.HealthCheckRequest(), timeout=5)
        assert health.status == health_pb2.HealthCheckResponse.SERVING

        go_on.set()
        answered, _ = await asyncio.wait(waiting)
        answered.add(call())
        await asyncio.wait(answered)
        codes = {error.code() for each in answered if isinstance(error := each.exception(), grpc.RpcError)}
        assert codes == {grpc.StatusCode.NOT_FOUND}
