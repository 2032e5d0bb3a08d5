"""An RPC as its caller sees it: who may call, what is refused, and how errors travel."""

import asyncio
import importlib
from typing import Any

import grpc
import pytest
from austausch.exchange.v1.exchange_pb2 import (
    City,
    CreateCityRequest,
    GetCityRequest,
    ListCitiesRequest,
    UpdateCityRequest,
)
from google.protobuf.field_mask_pb2 import FieldMask
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text

from chassis import errors
from chassis.client import metadata_for
from chassis.database import Database, Session
from chassis.errors import DomainError, Violation
from chassis.identity import Identity, Role, Signer
from chassis.server import Service, running
from chassis.settings import ServiceSettings
from chassis.status import from_rpc_error, to_grpc
from tests.calls import person
from tests.chassis.conftest import RunningSample

MANNHEIM = City(display_name="Mannheim", country_code="DE", time_zone="Europe/Berlin")
# On the wire: field 5000 is the number 1.
UNKNOWN_FIELD = bytes.fromhex("c0b80201")


async def refusal(call: Any) -> DomainError:
    """Return the domain error that a call ends with."""
    with pytest.raises(grpc.RpcError) as raised:
        await call
    return from_rpc_error(raised.value)


async def get(cities: RunningSample, token: str | None) -> DomainError:
    """Return how a call with a token is refused."""
    metadata = metadata_for(token) if token is not None else ()
    call = cities.channel.unary_unary(
        "/austausch.exchange.v1.CityService/GetCity", request_serializer=GetCityRequest.SerializeToString
    )
    return await refusal(call(GetCityRequest(name="cities/mannheim"), metadata=metadata, timeout=60))


async def test_a_call_without_a_token_is_unauthenticated(cities: RunningSample) -> None:
    assert isinstance(await get(cities, None), errors.Unauthenticated)
    assert isinstance(await get(cities, ""), errors.Unauthenticated)
    assert isinstance(await get(cities, "nonsense"), errors.Unauthenticated)


async def test_an_expired_token_is_unauthenticated(cities: RunningSample) -> None:
    old = Signer("gateway", cities.keys.private["gateway"], lifetime_seconds=-60)
    assert isinstance(await get(cities, old.token(person(Role.COORDINATOR))), errors.Unauthenticated)


async def test_a_role_that_the_contract_does_not_name_is_refused_before_the_request_is_read(
    cities: RunningSample,
) -> None:
    assert isinstance(await refusal(cities.as_(Role.PARTNER).CreateCity(CreateCityRequest())), errors.PermissionDenied)
    assert isinstance(await refusal(cities.as_().GetCity(GetCityRequest())), errors.PermissionDenied)


async def test_a_service_may_call_as_itself(cities: RunningSample) -> None:
    forum = Identity(subject="services/forum", name="forum", roles=frozenset({Role.SERVICE}))
    answer = await refusal(cities.as_identity(forum).GetCity(GetCityRequest(name="cities/mannheim")))
    assert isinstance(answer, errors.NotFound)


async def test_a_domain_error_arrives_with_reason_metadata_and_violations(cities: RunningSample) -> None:
    async def fail(_session: Session) -> None:
        raise errors.AlreadyExists(
            "Saal 1 ist schon vergeben ☂", reason="DOUBLE_BOOKING", metadata={"resource": "rooms/saal-1"},
        )  # fmt: skip

    cities.servicer.before_get = fail
    error = await refusal(cities.as_(Role.MEMBER).GetCity(GetCityRequest(name="cities/mannheim")))
    assert isinstance(error, errors.AlreadyExists)
    assert error.message == "Saal 1 ist schon vergeben ☂"
    assert (error.reason, error.metadata) == ("DOUBLE_BOOKING", {"resource": "rooms/saal-1"})
    nothing = await refusal(cities.as_(Role.COORDINATOR).CreateCity(CreateCityRequest(city=City(), city_id="Ä")))
    assert isinstance(nothing, errors.InvalidArgument)
    assert nothing.reason == "INVALID_FIELD"
    assert {violation.field for violation in nothing.violations} >= {
        "city_id",
        "city.display_name",
        "city.country_code",
    }
    assert Violation("city.display_name", "required", "is required") in nothing.violations


async def test_an_error_with_hundreds_of_bad_fields_still_reaches_its_caller(cities: RunningSample) -> None:
    city = City(display_name="ä" * 9000, country_code="D" * 9000, languages=["ß" * 500] * 900)
    error = await refusal(cities.as_(Role.COORDINATOR).CreateCity(CreateCityRequest(city=city, city_id="x" * 9000)))
    assert isinstance(error, errors.InvalidArgument)
    assert error.violations


async def test_a_defect_is_internal_and_its_text_stays_inside(cities: RunningSample) -> None:
    async def fail(_session: Session) -> None:
        raise KeyError("the secret of the cellar")

    cities.servicer.before_get = fail
    error = await refusal(cities.as_(Role.MEMBER).GetCity(GetCityRequest(name="cities/mannheim")))
    assert isinstance(error, errors.Internal)
    assert "cellar" not in f"{error.message} {error.metadata}"


async def test_a_call_ends_at_its_deadline_and_gives_its_connection_back(cities: RunningSample) -> None:
    async def sleep(session: Session) -> None:
        await session.execute(text("SELECT pg_sleep(30)"))

    cities.servicer.before_get = sleep
    caller = cities.as_(Role.MEMBER)
    request = GetCityRequest(name="cities/mannheim")
    slow = [caller.GetCity(request, seconds=0.3) for _ in range(cities.settings.pool_size + 4)]
    assert {type(error) for error in await asyncio.gather(*map(refusal, slow))} == {errors.DeadlineExceeded}
    cities.servicer.before_get = None
    # The database is told to stop too: the connections are free long before the 30 seconds are over.
    again = [refusal(caller.GetCity(request, seconds=20)) for _ in range(cities.settings.pool_size)]
    assert {type(error) for error in await asyncio.gather(*again)} == {errors.NotFound}


async def test_a_repeat_of_a_create_makes_one_city_and_a_lost_update_is_told_who_was_faster(
    cities: RunningSample,
) -> None:
    caller = cities.as_(Role.COORDINATOR, name="Internationales Büro")
    request = CreateCityRequest(city=MANNHEIM, city_id="mannheim", request_id="f81d4fae-7dec-41d0-a765-00a0c91e6bf6")
    first, second = await asyncio.gather(caller.CreateCity(request), caller.CreateCity(request))
    assert first == second
    assert first.updater == "Internationales Büro"
    changed = City(name=first.name, display_name="Monnem", etag=first.etag)
    await caller.UpdateCity(UpdateCityRequest(city=changed, update_mask=FieldMask(paths=["display_name"])))
    late = await refusal(cities.as_(Role.COORDINATOR).UpdateCity(UpdateCityRequest(city=changed)))
    assert (late.code, late.reason) == ("ABORTED", "ETAG_MISMATCH")
    assert late.metadata["updater"] == "Internationales Büro"


async def test_a_servicer_without_declared_access_does_not_start(settings: ServiceSettings) -> None:
    # The health protocol's own service stands for a contract that declares nothing.
    health = importlib.import_module("grpc_health.v1.health_pb2_grpc")
    service = Service(
        name="sample",
        settings=settings,
        database=Database(settings.database_url),
        servicers=[(health.add_HealthServicer_to_server, health.HealthServicer())],
    )
    with pytest.raises(RuntimeError, match=r"grpc\.health\.v1\.Health\.Check does not declare who may call it"):
        async with running(service):
            pass


async def test_an_rpc_that_the_contract_does_not_have_is_unimplemented(cities: RunningSample) -> None:
    for path in ("/austausch.exchange.v1.CityService/Nothing", "/other.v1.Service/Get"):
        with pytest.raises(grpc.RpcError) as raised:
            await cities.channel.unary_unary(path)(b"", timeout=5)
        assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_what_a_newer_caller_says_is_refused_and_not_dropped(cities: RunningSample) -> None:
    city = City.FromString(MANNHEIM.SerializeToString() + UNKNOWN_FIELD)
    caller = cities.as_(Role.COORDINATOR)
    refused = await refusal(caller.CreateCity(CreateCityRequest(city=city, city_id="mannheim")))
    # Another replica may be of the caller's release: it is to try again.
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "SERVICE_AWAY")
    await caller.CreateCity(CreateCityRequest(city=MANNHEIM, city_id="mannheim"))


async def test_a_lost_database_connection_is_unavailable_and_the_next_call_has_a_new_one(
    cities: RunningSample,
) -> None:
    caller = cities.as_(Role.MEMBER)
    request = GetCityRequest(name="cities/mannheim")
    assert isinstance(await refusal(caller.GetCity(request)), errors.NotFound)

    async def lose(session: Session) -> None:
        await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    cities.servicer.before_get = lose
    assert isinstance(await refusal(caller.GetCity(request)), errors.Unavailable)
    cities.servicer.before_get = None
    assert isinstance(await refusal(caller.GetCity(request)), errors.NotFound)


async def test_after_a_restart_of_postgresql_a_caller_does_not_notice_the_old_connections(
    cities: RunningSample,
) -> None:
    caller = cities.as_(Role.MEMBER)
    request = GetCityRequest(name="cities/mannheim")
    await asyncio.gather(*(refusal(caller.GetCity(request)) for _ in range(5)))
    async with cities.database.begin() as session:
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        others = "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        await session.execute(text(f"{end} {others}"))
    answers = await asyncio.gather(*(refusal(caller.GetCity(request)) for _ in range(5)))
    assert {type(error) for error in answers} == {errors.NotFound}


async def code_of(call: Any) -> str:
    """Return the code that a call ends with."""
    try:
        await call
    except grpc.RpcError as error:
        return from_rpc_error(error).code
    return "OK"


words = st.text(max_size=40) | st.sampled_from(["\0", "a\0b", "'; DROP TABLE cities; --", "<script>", "😀", "‮abc"])


@given(name=words, title=words, zone=words, languages=st.lists(words, max_size=3), city_id=words, order=words,
       token=words, size=st.integers(-(2**31), 2**31 - 1), paths=st.lists(words, max_size=3))  # fmt: skip
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_no_text_whatever_makes_a_call_fail_as_our_defect(
    cities: RunningSample, name: str, title: str, zone: str, languages: list[str], city_id: str, order: str,
    token: str, size: int, paths: list[str],
) -> None:  # fmt: skip
    caller = cities.as_(Role.COORDINATOR)
    city = City(name=name, display_name=title, time_zone=zone, languages=languages, country_code="DE", etag=zone[:20])
    for call in (
        caller.GetCity(GetCityRequest(name=name)),
        caller.CreateCity(CreateCityRequest(city=city, city_id=city_id, request_id=token[:36])),
        caller.UpdateCity(UpdateCityRequest(city=city, update_mask=FieldMask(paths=paths))),
        caller.UpdateCity(UpdateCityRequest(city=city)),
        caller.ListCities(ListCitiesRequest(page_size=size, page_token=token, order_by=order)),
    ):
        assert await code_of(call) in {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "ABORTED"}


def test_an_error_of_every_code_comes_back_as_what_it_was() -> None:
    violations = [
        Violation("first", "string.min_len", "is short", {"min_len": "3"}),
        Violation("second", "REQUIRED", "is not there"),
        Violation("third", "TOPIC_MALFORMED", "is bad", {"example": "water"}),
    ]
    for code, kind in errors.BY_CODE.items():
        sent = errors.from_code(code, "text", reason="WHY", metadata={"a": "b"}, violations=violations)
        trailers = to_grpc(sent).trailing_metadata
        error = grpc.aio.AioRpcError(
            grpc.StatusCode[code], grpc.aio.Metadata(), grpc.aio.Metadata(*trailers), details="text"
        )
        back = from_rpc_error(error)
        assert type(back) is kind
        assert (back.message, back.reason, back.metadata) == (sent.message, sent.reason, sent.metadata)
        assert back.violations == sent.violations


def test_an_error_that_is_not_ours_keeps_its_code_and_text() -> None:
    error = grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details="no route"
    )
    back = from_rpc_error(error)
    assert isinstance(back, errors.Unavailable)
    assert back.reason == "SERVICE_AWAY"
    assert back.message == "no route"
