"""What the log says of an outage."""

import logging

import pytest
import structlog
from structlog.testing import LogCapture

from chassis import outages
from chassis.outages import Outage


def test_an_outage_that_comes_and_goes_is_told_of_once_a_minute_with_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    capture = LogCapture()
    level = structlog.make_filtering_bound_logger(logging.INFO)
    monkeypatch.setattr(outages, "log", structlog.wrap_logger(None, processors=[capture], wrapper_class=level))
    outage = Outage("sample.retry", "sample.again")
    for _ in range(5):
        outage.tell("no room")
        outage.end()
    outage.tell("no answer")
    outage.end()
    assert [(line["event"], line.get("error")) for line in capture.entries] == [
        ("sample.retry", "no room"),
        ("sample.again", None),
        ("sample.retry", "no answer"),
        ("sample.again", None),
    ]
