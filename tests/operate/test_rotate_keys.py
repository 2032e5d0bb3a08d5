"""New signing keys while the platform runs, and people work."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from austausch.exchange.v1 import exchange_pb2, exchange_pb2_grpc

from chassis.client import aio_channel, metadata_for
from chassis.identity import LEEWAY_SECONDS, LIFETIME_SECONDS, Role, Signer, Verifier
from deploy.credentials import keep_credentials, keep_keys
from operate.rotate_keys import rotate, tell
from tests import stack
from tests.bench.client import Client
from tests.calls import person
from tests.operate.austausch import austausch, settings_of


def kids(directory: Path) -> list[str]:
    return [key["kid"] for key in json.loads((directory / "trusted-keys.json").read_text())["keys"]]


@pytest.fixture
def platform(used_data: Path) -> Iterator[stack.Stack]:
    """A platform with the demo data, of this test alone."""
    with stack.running(used_data) as running:
        yield running


def test_nobody_is_refused_while_the_keys_of_a_running_platform_change(platform: stack.Stack) -> None:
    exchange = settings_of(platform.data)["EXCHANGE_LISTEN"]
    old_key = (platform.data / "gateway-key.pem").read_text()
    old_kids, said, waited = kids(platform.data), [], []
    answers: list[str] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            # The others still come with the old key, and the gateway signs with the new one.
            assert accepts(exchange, Signer("gateway", old_key))
            assert accepts(exchange, Signer("gateway", (platform.data / "gateway-key.pem").read_text()))
        time.sleep(seconds)

    with working(platform.url, answers):
        rotate(platform.data, 1, wait, said.append)
        time.sleep(3)

    assert len(answers) > 100
    assert set(answers) == {"answered"}
    assert waited[1] >= LIFETIME_SECONDS + LEEWAY_SECONDS
    assert not set(kids(platform.data)) & set(old_kids)
    assert [kid.partition("/")[0] for kid in kids(platform.data)] == ["gateway", "forum", "knowledge"]
    assert not accepts(exchange, Signer("gateway", old_key))
    assert "PRIVATE" not in "".join(said)


def accepts(address: str, signer: Signer) -> bool:
    """Tell whether the exchange service takes a token that was signed now."""

    async def call() -> bool:
        async with aio_channel(address) as channel:
            stub = exchange_pb2_grpc.CityServiceStub(channel)
            metadata = metadata_for(signer.token(person(Role.COORDINATOR)))
            try:
                await stub.ListCities(exchange_pb2.ListCitiesRequest(), metadata=metadata, timeout=60)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                    return False
                raise
            return True

    return asyncio.run(call())


@contextmanager
def working(url: str, answers: list[str]) -> Iterator[None]:
    """Let people read and write without a pause during the block; what became of each call is added to ``answers``."""
    stop = threading.Event()

    def work(number: int) -> None:
        client = Client(url)
        while not stop.is_set():
            try:
                client.get("/api/v1/visits", pageSize=2)
                [visit] = client.create_visits(1)
                # The forum asks the exchange service for the visit, with a token of its own.
                forum = {"title": "Reports", "city": "cities/mannheim", "language": "de", "visit": visit["name"]}
                client.post("/api/v1/forums", forum)
                answers.append("answered")
            except OSError as error:
                answers.append(f"{number}: {error}")
            time.sleep(0.05)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


@pytest.mark.parametrize("steps", [1, 2])
def test_a_rotation_that_was_interrupted_leaves_what_is_signed_trusted_and_can_be_done_again(
    steps: int, tmp_path: Path
) -> None:
    keep_keys(tmp_path)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == steps:
            raise Interrupted

    with pytest.raises(Interrupted):
        rotate(tmp_path, 1, wait, lambda _line: None)

    caller = person(Role.MEMBER)
    token = Signer("gateway", (tmp_path / "gateway-key.pem").read_text()).token(caller)
    assert Verifier(tmp_path / "trusted-keys.json").identity(token) == caller
    rotate(tmp_path, 1, lambda _seconds: None, lambda _line: None)
    assert len(kids(tmp_path)) == 3
    token = Signer("gateway", (tmp_path / "gateway-key.pem").read_text()).token(caller)
    assert Verifier(tmp_path / "trusted-keys.json").identity(token) == caller


def test_each_stage_is_copied_before_the_next_begins(tmp_path: Path) -> None:
    keep_keys(tmp_path)
    names = ("trusted-keys.json", "gateway-key.pem")
    before = [(tmp_path / name).read_text() for name in names]
    copy = f"cd {tmp_path} && to=copy-$(ls -d copy-* 2>/dev/null | wc -l) && mkdir $to && cp *.json *.pem $to"

    rotate(tmp_path, 1, lambda _seconds: None, lambda line: tell(line, copy))

    first, second, third = ([(tmp_path / f"copy-{i}" / name).read_text() for name in names] for i in range(3))
    assert (first[0] != before[0], first[1]) == (True, before[1])
    assert (second[0], second[1] != first[1]) == (first[0], True)
    assert (third[0] != second[0], third[1]) == (True, second[1])


def test_a_stage_that_could_not_be_copied_is_the_last(tmp_path: Path) -> None:
    keep_keys(tmp_path)
    before = (tmp_path / "gateway-key.pem").read_text()

    failed = austausch({}, "rotate-keys", tmp_path, "--spread-seconds", "1", "--after-each", "exit 7")

    assert failed.returncode == 1
    assert "ended with code 7; the next stage did not begin." in failed.stderr
    assert (tmp_path / "gateway-key.pem").read_text() == before


def test_files_stay_where_containers_have_mounted_them_and_closed_as_they_were(tmp_path: Path) -> None:
    keep_credentials(tmp_path)
    names = ("gateway-key.pem", "forum-key.pem", "knowledge-key.pem", "trusted-keys.json")
    before = [((tmp_path / name).stat().st_ino, (tmp_path / name).stat().st_mode) for name in names]

    rotate(tmp_path, 1, lambda _seconds: None, lambda _line: None)

    assert [((tmp_path / name).stat().st_ino, (tmp_path / name).stat().st_mode) for name in names] == before
    kept = [(tmp_path / name).read_text() for name in names]
    keep_credentials(tmp_path)
    assert [json.loads(kept[-1])["keys"], *kept[:-1]] == [
        json.loads((tmp_path / "trusted-keys.json").read_text())["keys"],
        *((tmp_path / name).read_text() for name in names[:-1]),
    ]


def test_a_directory_without_keys_is_refused_by_name(tmp_path: Path) -> None:
    refused = austausch({}, "rotate-keys", tmp_path)

    assert refused.returncode == 1
    assert f"{tmp_path}/trusted-keys.json: No such file or directory" in refused.stderr
