"""How often one may try to sign in, and what a refused attempt tells."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from time import perf_counter

import pytest

from gateway.accounts import throttle
from tests.gateway.browsing import COORDINATOR, execute, sign_in
from tests.gateway.conftest import Gateway, Rest

Door = Callable[..., Gateway]


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(door: Door) -> None:
    rest = Rest(door().app.test_client(), "")

    wrong = rest.post("/v1/sessions", {**COORDINATOR, "password": "wrong"})
    unknown = rest.post("/v1/sessions", {**COORDINATOR, "email": "nobody@city.example"})

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json == unknown.json


def test_a_wrong_password_and_an_unknown_address_take_the_same_time(door: Door) -> None:
    rest = Rest(door().app.test_client(), "")
    times: dict[str, list[float]] = {"coordinator@city.example": [], "nobody@city.example": []}

    for _ in range(7):
        for email, taken in times.items():
            started = perf_counter()
            rest.post("/v1/sessions", {"email": email, "password": "wrong"})
            taken.append(perf_counter() - started)

    known, unknown = (median(taken) for taken in times.values())
    assert 0.5 < known / unknown < 2


def test_ten_attempts_at_one_address_are_enough_whatever_the_worker(door: Door) -> None:
    gateways = [door(), door()]
    wrong = {**COORDINATOR, "password": "wrong"}

    codes = [Rest(gateways[i % 2].app.test_client(), "").post("/v1/sessions", wrong).status_code for i in range(10)]
    late = Rest(gateways[0].app.test_client(), "").post("/v1/sessions", COORDINATOR)

    assert codes == [401] * 10
    assert (late.status_code, late.json["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert 0 < int(late.headers["Retry-After"]) <= throttle.WINDOW.total_seconds() + 1


def test_attempts_at_once_are_all_counted(door: Door) -> None:
    gateway = door()
    wrong = {**COORDINATOR, "password": "wrong"}

    with ThreadPoolExecutor(8) as pool:
        codes = list(
            pool.map(lambda _: Rest(gateway.app.test_client(), "").post("/v1/sessions", wrong).status_code, range(24))
        )

    assert sorted(codes) == [401] * 10 + [429] * 14


def test_one_network_address_has_fifty_attempts_over_all_accounts(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "ATTEMPTS_PER_ADDRESS", 5)
    rest = Rest(door().app.test_client(), "")

    codes = [
        rest.post("/v1/sessions", {"email": f"nobody{i}@city.example", "password": "x"}).status_code for i in range(6)
    ]

    assert codes == [401] * 5 + [429]


def test_a_successful_sign_in_is_not_counted_and_time_heals(door: Door) -> None:
    gateway = door()
    rest = Rest(gateway.app.test_client(), "")
    wrong = {**COORDINATOR, "password": "wrong"}
    codes = [rest.post("/v1/sessions", wrong if i < 9 else COORDINATOR).status_code for i in range(10)]
    codes += [rest.post("/v1/sessions", wrong).status_code for _ in range(11)]
    assert codes == [401] * 9 + [200] + [401] * 10 + [429]

    execute(gateway, "UPDATE sign_in_attempts SET window_start = window_start - interval '15 minutes'")

    assert rest.post("/v1/sessions", COORDINATOR).status_code == 200


def test_too_many_attempts_at_the_page_are_told_to_wait(door: Door) -> None:
    client = door().app.test_client()

    codes = [sign_in(client, password="wrong").status_code for _ in range(11)]
    late = sign_in(client)

    assert codes == [401] * 10 + [429]
    assert int(late.headers["Retry-After"]) > 0
