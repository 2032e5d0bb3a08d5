"""
New signing keys while the stack runs, as the documentation says: `austausch rotate-keys`.

It takes a minute and a half, so it runs beside other checks; they have to leave the containers as they are.
"""

import base64
import json
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import journey
import stack
from checks import Checks
from place import LOG, SECRETS, Failed, output, step

# Of the whole rotation; it waits for 87 s.
SECONDS = 300
# Somebody works meanwhile, so often.
PAUSE_SECONDS = 1.0
LEAST_CALLS = 30
# <linux/if_ether.h> and <asm-generic/socket.h>.
EVERY_PROTOCOL, FORCED_BUFFER_SIZE = 3, 33
# A token's header, with its claims behind it; gRPC sends both as they are.
TOKEN_HEADER = re.compile(rb"(eyJ[\w-]+)\.eyJ")
# Who signs when somebody creates a forum for a visit: the gateway for them, and the forum, which asks for the visit.
SIGNERS = ("gateway", "forum")
# Who reads which file of the keys.
READ = {
    "exchange": "trusted-keys.json",
    "forum": "forum-key.pem",
    "knowledge": "trusted-keys.json",
    "gateway": "gateway-key.pem",
}


@contextmanager
def running(checks: Checks) -> Iterator[None]:
    """Rotate the keys while the block runs; check afterwards that somebody who was signed in before noticed nothing."""
    client = journey.Client(journey.EMAIL, journey.PASSWORD)
    visit = client.get("/visits")["visits"][0]["name"]
    old, containers = _read_trusted(), _describe_containers()
    checks.that("control: calls are signed with the first keys", lambda: _are_signed(client, visit, old))
    answers: list[str] = []
    stop = threading.Event()
    worker = threading.Thread(target=_work, args=(client, visit, answers, stop), daemon=True)
    command = stack.command_with_secrets("python", "-m", "operate", "rotate-keys", "/secrets")
    with LOG.open("a") as log, subprocess.Popen(command, stdout=log, stderr=log) as rotation:
        try:
            worker.start()
            yield
            with step("waiting for new signing keys"):
                code = rotation.wait(SECONDS)
            # Everybody looks at the files once a second.
            stop.wait(2)
        finally:
            stop.set()
            worker.join()
            rotation.kill()
    new = _read_trusted()
    checks.that("all signing keys are replaced", lambda: code == 0 and len(new) == len(old) and not new & old)
    checks.that("containers see the new keys", lambda: all(map(_sees_file, READ)))
    checks.that("who was signed in before stays so, and is never refused", lambda: _are_answered(answers))
    checks.that("calls are signed with the new keys", lambda: _are_signed(client, visit, new))
    checks.that("no container was started again for it", lambda: _describe_containers() == containers)


def _read_trusted() -> set[str]:
    return {key["kid"] for key in json.loads((SECRETS / "trusted-keys.json").read_text())["keys"]}


def _sees_file(process: str) -> bool:
    name = READ[process]
    seen = output("podman", "exec", stack.get_container(process), "cat", f"/run/secrets/{name}")
    return seen == (SECRETS / name).read_text().strip()


def _describe_containers() -> list[str]:
    """Return a line for each running container that differs once it is made or started again."""
    names = map(stack.get_container, (*stack.PROCESSES, *stack.SERVERS, stack.PROXY))
    return output("podman", "inspect", "--format", "{{.Id}} {{.State.Pid}} {{.State.StartedAt}}", *names).splitlines()


def _call(client: journey.Client, visit: str) -> None:
    """Have all `SIGNERS` sign a call."""
    client.post("/forums", title="Controllers", city="cities/mannheim", language="de", visit=visit)


def _work(client: journey.Client, visit: str, answers: list[str], stop: threading.Event) -> None:
    while not stop.wait(PAUSE_SECONDS):
        try:
            _call(client, visit)
            answers.append("")
        except (Failed, OSError) as error:
            answers.append(str(error))


def _are_answered(answers: list[str]) -> bool:
    if refused := [answer for answer in answers if answer]:
        raise Failed(f"{len(refused)} of {len(answers)}: {refused[0]}")
    return len(answers) >= LEAST_CALLS


def _are_signed(client: journey.Client, visit: str, trusted: set[str]) -> bool:
    """Tell whether calls are signed with these keys, as far as they are of `SIGNERS`, and with no other."""
    wanted = {kid for kid in trusted if kid.partition("/")[0] in SIGNERS}
    return len(wanted) == len(SIGNERS) and _read_kids_of_calls(client, visit) == wanted


def _read_kids_of_calls(client: journey.Client, visit: str) -> set[str]:
    """Return the ids of the keys that have signed what containers send each other while somebody works."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(EVERY_PROTOCOL)) as wire:
        wire.setsockopt(socket.SOL_SOCKET, FORCED_BUFFER_SIZE, 1 << 24)
        _call(client, visit)
        wire.setblocking(False)
        packets = []
        with suppress(BlockingIOError):
            while True:
                packets.append(wire.recv(1 << 17))
    headers = {header for packet in packets for header in TOKEN_HEADER.findall(packet)}
    return {json.loads(base64.urlsafe_b64decode(header + b"=="))["kid"] for header in headers}
