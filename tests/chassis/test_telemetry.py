"""What a process logs."""

import json
import subprocess
import sys

SCRIPT = """
import logging
import structlog
from chassis import telemetry
from chassis.settings import ProcessSettings

telemetry.set_up("sample", ProcessSettings(log_format="json"))
log = structlog.get_logger("sample")
for attempt in range(50):
    log.warning("outbox.retry", error="the disk is full")
    log.info("request", path="/")
log.warning("outbox.retry", error="the server is away")
for attempt in range(2):
    logging.getLogger("library").warning("it is late")
log.error("database.away", error="the disk is full")
for attempt in range(2):
    try:
        raise ValueError("defect")
    except ValueError:
        log.exception("rpc.defect")
"""


def test_a_warning_that_says_the_same_again_and_again_is_logged_once_a_minute_and_all_else_each_time() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]

    warnings = [(line["event"], line.get("error")) for line in lines if line["level"] in ("warning", "error")]
    assert warnings == [
        ("outbox.retry", "the disk is full"),
        ("outbox.retry", "the server is away"),
        ("it is late", None),
        ("it is late", None),
        ("database.away", "the disk is full"),
        ("rpc.defect", None),
        ("rpc.defect", None),
    ]
    assert [line["event"] for line in lines].count("request") == 50
