"""How many passwords are hashed at once: one budget for all workers, held under the limits of deploy/compose.yaml."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest
import yaml

from chassis.errors import Unavailable
from deploy.embedded import free_port
from gateway.accounts import password_budget
from gateway.settings import GatewaySettings
from tests.gateway.browsing import COORDINATOR, OWN_PASSWORD, choose_password, execute, send, sign_in
from tests.gateway.conftest import Gateway, Rest, environment

Door = Callable[..., Gateway]
ROOT = Path(__file__).resolve().parents[2]
# Memory controllers of cgroups: of version 1, and of version 2.
GROUPS = {Path("/sys/fs/cgroup/memory"): "memory.limit_in_bytes", Path("/sys/fs/cgroup"): "memory.max"}


@dataclass
class Served:
    """A gateway as operators run it: gunicorn with two workers."""

    url: str
    process: subprocess.Popen[bytes]

    def sign_in(self, number: int) -> tuple[int, Any]:
        """Return the status and the `Retry-After` of a sign-in, each with an address of its own."""
        body = json.dumps(COORDINATOR).encode()
        headers = {"Content-Type": "application/json", "X-Forwarded-For": f"198.51.{number // 250}.{number % 250}"}
        try:
            with urlopen(Request(f"{self.url}/api/v1/sessions", body, headers), timeout=60) as answer:
                return answer.status, None
        except HTTPError as error:
            return error.code, error.headers["Retry-After"]

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()


@contextmanager
def serving(gateway: Gateway, group: Path | None = None) -> Iterator[Served]:
    """Run the gateway, in a control group if one is given."""
    port = free_port()
    settings = GatewaySettings(
        **{**gateway.settings.__dict__, "listen": f"127.0.0.1:{port}", "trusted_proxies": 1, "log_level": "error"}
    )
    variables = environment(settings) | {"LOG_LEVEL": "error"}
    enter = f"echo $$ > {group / 'cgroup.procs'}; " if group else ""
    command = ["sh", "-c", f'{enter}exec "$0" -m gateway', sys.executable]
    process = subprocess.Popen(command, cwd=ROOT, env=variables)
    served = Served(f"http://127.0.0.1:{port}", process)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urlopen(f"{served.url}/healthz", timeout=5).close()
                if len(served.workers()) == settings.workers:
                    break
            except OSError:
                assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield served
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def memory_limit() -> Iterator[Path]:
    """A control group that has as much memory as the gateway's container."""
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
    limit = int(compose["x-process"]["deploy"]["resources"]["limits"]["memory"].removesuffix("M")) * 1024 * 1024
    for root, file in GROUPS.items():
        group = root / f"austausch-test-{os.getpid()}"
        try:
            group.mkdir()
            (group / file).write_text(str(limit))
            break
        except OSError:
            if group.is_dir():
                group.rmdir()
    else:
        pytest.skip("no memory controller: this machine lets nobody make a cgroup")
    yield group
    deadline = time.monotonic() + 60
    while (group / "cgroup.procs").read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    group.rmdir()


def test_a_rush_of_sign_ins_stays_within_the_memory_of_the_container(door: Door, memory_limit: Path) -> None:
    with serving(door(), memory_limit) as served:
        before = {worker.pid for worker in served.workers()}
        with ThreadPoolExecutor(48) as pool:
            answers = list(pool.map(served.sign_in, range(96)))

        assert {worker.pid for worker in served.workers()} == before, "no worker was killed"
        statuses = Counter(status for status, _wait in answers)
        assert set(statuses) == {200, 503}
        assert statuses[200] >= password_budget.HASHES_AT_ONCE + password_budget.QUEUE
        assert {wait for status, wait in answers if status == 503} == {str(password_budget.RETRY_AFTER_SECONDS)}
        assert served.sign_in(0)[0] == 200


def test_eight_people_sign_in_at_once(door: Door) -> None:
    with serving(door()) as served, ThreadPoolExecutor(8) as pool:
        assert [status for status, _wait in pool.map(served.sign_in, range(8))] == [200] * 8


def test_a_killed_worker_keeps_no_place(door: Door) -> None:
    with serving(door()) as served:
        for _ in range(2):
            with ThreadPoolExecutor(10) as pool:
                rush = [pool.submit(lambda number=number: _quietly(served, number)) for number in range(10)]
                time.sleep(0.1)  # while it hashes
                for worker in served.workers():
                    os.kill(worker.pid, signal.SIGKILL)
                for attempt in rush:
                    attempt.result()
        deadline = time.monotonic() + 60
        while len(served.workers()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)

        with ThreadPoolExecutor(8) as pool:
            assert [status for status, _wait in pool.map(served.sign_in, range(20, 28))] == [200] * 8


def _quietly(served: Served, number: int) -> None:
    with suppress(OSError):  # its worker was killed
        served.sign_in(number)


@contextmanager
def places_taken() -> Iterator[Callable[[], None]]:
    """Let another process of this gateway take all places to hash, until the block ends or what it gives is called."""
    other, told = os.pipe()
    child = os.fork()
    if not child:
        for place in range(password_budget.HASHES_AT_ONCE):
            password_budget._take_place(range(place, place + 1))
        os.write(told, b"x")
        signal.pause()
    assert os.read(other, 1) == b"x"
    ended: list[int] = []

    def end() -> None:
        if not ended:
            os.kill(child, signal.SIGKILL)
            ended.append(os.waitpid(child, 0)[0])

    yield end
    end()


def test_whoever_finds_no_place_is_told_to_come_again_and_is_not_counted(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(password_budget, "WAIT_SECONDS", 0.1)
    gateway = door()
    page, rest = gateway.app.test_client(), Rest(gateway.app.test_client(), "")

    with places_taken():
        by_page = sign_in(page)
        by_rest = rest.post("/v1/sessions", COORDINATOR)

    assert by_page.status_code == by_rest.status_code == 503
    assert int(by_page.headers["Retry-After"]) == int(by_rest.headers["Retry-After"]) > 0
    assert "Very many people are signing in just now" in by_page.text
    assert by_rest.json["error"]["details"][0]["reason"] == "SIGN_IN_BUSY"
    execute(gateway, "DO $$ BEGIN ASSERT (SELECT count(*) FROM sign_in_attempts) = 0; END $$")


def test_whoever_finds_no_place_for_an_own_password_is_told_to_come_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(password_budget, "WAIT_SECONDS", 0.1)
    gateway = door()
    client = gateway.app.test_client()
    sign_in(client)
    execute(gateway, "UPDATE accounts SET must_choose_password = true")

    with places_taken():
        busy = send(client, "/account/first-password", sign_in__new_password=OWN_PASSWORD)

    assert busy.status_code == 503
    assert int(busy.headers["Retry-After"]) > 0
    assert "Very many people are signing in just now" in busy.text
    choose_password(client)


@pytest.mark.parametrize(
    "change", ["UPDATE accounts SET disabled = true", "UPDATE accounts SET password_hash = 'of another password'"]
)
def test_who_waits_to_sign_in_while_the_account_is_locked_or_reset_stays_out(
    door: Door, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(password_budget, "WAIT_SECONDS", 30.0)
    gateway = door()
    with places_taken() as free, ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(Rest(gateway.app.test_client(), "").post, "/v1/sessions", COORDINATOR)
        while not password_budget._held:  # until it waits, and has read the account
            assert not attempt.done()
            time.sleep(0.01)
        execute(gateway, change)
        free()

        assert attempt.result().status_code == 401


def test_a_full_queue_turns_away_at_once() -> None:
    ended: list[float] = []

    def hash_one(_number: int) -> None:
        started = time.monotonic()
        with pytest.raises(Unavailable), password_budget.hold_hashing_place():
            pass
        ended.append(time.monotonic() - started)

    with places_taken(), pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(password_budget.QUEUE + 3) as pool:
        patch.setattr(password_budget, "WAIT_SECONDS", 5.0)
        list(pool.map(hash_one, range(password_budget.QUEUE + 3)))

    assert sum(seconds < 2 for seconds in ended) == 3
