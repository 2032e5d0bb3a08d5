"""
A hub with many members: ``python -m tests.bench.hub [INSTALLATIONS] [LEARNINGS]`` has 1,000 installations publish ten
learnings each to one hub, at once, and tells how long it takes until all are found.

The hub is a whole platform. The installations are simulated, each with a key of its own: what comes in is what as many
platforms would send, through the gateway, signed; not simulated is the network between them.
"""

import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from austausch.knowledge.v1 import hub_pb2, knowledge_pb2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf import json_format

from chassis.identity import new_private_key
from services.knowledge.hub_client import HubClient, HubFailed, Membership
from services.knowledge.signatures import load_private_key
from tests import stack
from tests.knowledge.installations import public_pem

AT_ONCE = 32
WORDS = ("Wasser", "Schule", "Verkehr", "Klima", "Haushalt", "Personal", "Spielplatz", "Energie", "Radweg", "Baum")
SEED = 7


@dataclass(frozen=True)
class Member:
    """One simulated installation."""

    id: str
    key: Ed25519PrivateKey
    content: str


def main(installations: int, learnings: int) -> None:
    """Simulate, and print what was measured."""
    chance = random.Random(SEED)
    members = [make_member(number, learnings, chance) for number in range(installations)]
    with tempfile.TemporaryDirectory() as folder, stack.running(Path(folder) / "data") as hub:
        administrator = Administrator(hub.url)
        before = administrator.count_found()
        started = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(administrator.register, members))
        report("installations registered", installations, time.monotonic() - started)
        started = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            waits = sorted(pool.map(lambda member: publish(hub.url, member), members))
        taken = time.monotonic() - started
        report("requests taken", installations, taken)
        report("learnings taken", installations * learnings, taken)
        while administrator.count_found() < before + installations * learnings:
            time.sleep(0.1)
        print(f"all found after {time.monotonic() - started:.1f} s")
        print(f"an installation waited {waits[len(waits) // 2]:.2f} s (median), {waits[-1]:.2f} s at most")


def make_member(number: int, learnings: int, chance: random.Random) -> Member:
    """Return an installation with something to publish."""
    publications = [
        hub_pb2.Publication(
            learning=f"learnings/learning-{index}",
            version=1,
            content=knowledge_pb2.Learning(
                title=" ".join(chance.sample(WORDS, 4)),
                language="de",
                observation=" ".join(chance.choices(WORDS, k=60)),
                recommendation=" ".join(chance.choices(WORDS, k=30)),
                remedial_action="Satzung ändern",
                owner="Organisation",
                state=knowledge_pb2.Learning.STATE_VALIDATED,
            ),
        )
        for index in range(learnings)
    ]
    for each in publications:
        each.content.create_time.FromSeconds(1_700_000_000 + chance.randrange(10_000_000))
    content = json_format.MessageToJson(hub_pb2.PublicationBatch(publications=publications), indent=None)
    return Member(f"city-{number}", load_private_key(new_private_key()), content)


def publish(url: str, member: Member) -> float:
    """Have the hub take what an installation publishes, as often as that needs; return the seconds until it did."""
    client = HubClient(Membership(url, f"installations/{member.id}", member.key))
    started = time.monotonic()
    while True:
        try:
            refusals: Sequence[str] = client.publish(member.content)
        except HubFailed:
            time.sleep(0.5)
            continue
        if any(refusals):
            raise RuntimeError(f"the hub refused: {refusals}")
        return time.monotonic() - started


class Administrator:
    """Registers installations at the hub, and searches there."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(maxsize=AT_ONCE)
        token = self._call("POST", "sessions", {"email": "admin@mannheim.example", "password": "demo"})["token"]
        self._pool.headers = {"Authorization": f"Bearer {token}"}

    def register(self, member: Member) -> None:
        """Let an installation publish."""
        installation = {
            "displayName": member.id,
            "city": f"cities/{member.id}",
            "uri": f"https://{member.id}.example",
            "publicKey": public_pem(member.key),
        }
        self._call("POST", f"installations?installationId={member.id}", installation)

    def count_found(self) -> int:
        """Return how many learnings are found."""
        return int(self._call("GET", "learnings:search?pageSize=1")["totalSize"])

    def _call(self, verb: str, path: str, body: Any = None) -> Any:
        headers = {**self._pool.headers, "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        answer = self._pool.request(verb, f"{self._url}/api/v1/{path}", body=data, headers=headers)
        if answer.status != 200:
            raise RuntimeError(f"{verb} {path}: {answer.status} {answer.data.decode()}")
        return answer.json()


def report(what: str, count: int, seconds: float) -> None:
    """Print how many of something were done in which time."""
    print(f"{count:,} {what} in {seconds:.1f} s: {count / seconds:,.0f} a second")


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*given, *(1_000, 10)[len(given) :])
