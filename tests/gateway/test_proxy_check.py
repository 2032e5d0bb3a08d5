"""A setting for proxies that does not fit what comes in is told in the log, once."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from gateway.operations import proxy_check
from tests.gateway.conftest import Gateway

Door = Callable[..., Gateway]


@pytest.mark.parametrize(
    ("trusted", "forwarded", "warnings"),
    [
        (0, None, 0),
        (0, "198.51.100.7", 1),
        (1, "198.51.100.7", 0),
        (1, "203.0.113.9, 198.51.100.7", 0),  # what a client made up, and what the proxy added
        (1, None, 1),
        (2, "198.51.100.7", 1),
    ],
)
def test_a_request_that_does_not_fit_the_trusted_proxies_is_told_once(
    door: Door, trusted: int, forwarded: str | None, warnings: int
) -> None:
    client = door(trusted_proxies=trusted).app.test_client()
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}

    with capture_logs() as logs:
        for _ in range(3):
            client.get("/sign-in", headers=headers, environ_base={"REMOTE_ADDR": "172.18.0.1"})

    assert [entry["log_level"] for entry in logs if "GATEWAY_TRUSTED_PROXIES" in entry["event"]] == [
        "warning"
    ] * warnings


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.0.0.5"])  # in the container; a kubelet
def test_a_health_check_from_inside_goes_round_the_proxy(door: Door, peer: str) -> None:
    client = door(trusted_proxies=1).app.test_client()

    with capture_logs() as logs:
        client.get("/healthz", environ_base={"REMOTE_ADDR": peer})
        before = [entry for entry in logs if entry["log_level"] == "warning"]
        client.get("/sign-in", environ_base={"REMOTE_ADDR": "172.18.0.1"})

    assert not before
    assert [entry for entry in logs if "GATEWAY_TRUSTED_PROXIES" in entry["event"]]


@pytest.mark.parametrize(("secure", "trusted", "warnings"), [(True, 0, 1), (True, 1, 0), (False, 0, 0)])
def test_settings_that_contradict_each_other_are_told_at_start(
    door: Door, *, secure: bool, trusted: int, warnings: int
) -> None:
    settings = door().settings.__class__(
        **{**door().settings.__dict__, "secure_cookies": secure, "trusted_proxies": trusted}
    )

    with capture_logs() as logs:
        proxy_check.warn_at_start(settings)

    assert len(logs) == warnings
