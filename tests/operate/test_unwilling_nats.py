"""A NATS that answers, and does not tell or do what it is asked: what operators are told."""

from dataclasses import replace
from pathlib import Path

from operate.findings import State
from tests.operate.test_doctor import DOCTOR, look_at_nats, nats_with

TELLS_OF_NO_STREAM = """
    authorization { users: [
        { user: "operator", password: "hidden", permissions: { publish: { deny: ["$JS.API.STREAM.INFO.>"] } } }
    ] }
"""


def test_a_nats_that_does_not_tell_of_a_stream_is_a_fault_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    store = f'jetstream {{ store_dir: "{tmp_path}/store" }}'
    with nats_with(tmp_path, f"{store}\n{TELLS_OF_NO_STREAM}") as (url, monitoring):
        named = url.replace("nats://", "nats://operator:hidden@")
        found = look_at_nats(replace(DOCTOR, nats_url=named, nats_monitoring_url=monitoring))

    (wrong,) = [finding for finding in found if finding.state is State.WRONG]
    assert wrong.said == "JetStream does not tell of its streams: nats: timeout"
    assert found[-1].said.startswith("it acknowledges events up to ")
