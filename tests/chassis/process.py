"""
The sample as a process, ``python -m tests.chassis.process [work|migrate]``.

``SLOW`` makes GetCity take that long; ``WORK`` says how long a batch of tasks takes, and gives it a work queue. A task
named ``deadly`` kills the process.
"""

import asyncio
import functools
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace

import structlog

from chassis import server
from chassis.database import Session
from chassis.settings import ServiceSettings, load
from chassis.work_queue import Worker
from tests.chassis import sample

log = structlog.get_logger(__name__)
# Shorter than in earnest, so that the tests need not wait long for what a killed worker had in hand.
ACK_WAIT_SECONDS = 2.0

if __name__ == "__main__":
    # Where the chassis looks for a service of this name.
    sys.modules["services.sample"] = sample

    def build(settings: ServiceSettings) -> server.Service:
        """Wire the sample up."""
        service = sample.service(settings)
        seconds = float(os.environ.get("SLOW", "0"))

        async def sleep(_session: Session) -> None:
            log.debug("sample.sleeping")
            await asyncio.sleep(seconds)
            if "DEFECT" in os.environ:
                raise KeyError(settings.database_url)

        async def work(keys: Sequence[str]) -> None:
            if "deadly" in keys:
                os.kill(os.getpid(), signal.SIGKILL)
            await asyncio.sleep(float(os.environ["WORK"]))
            await sample.record_keys(service.database, keys)

        service.servicers[0][1].before_get = sleep
        if "WORK" not in os.environ:
            return service
        ack_wait_seconds = float(os.environ.get("ACK_WAIT", ACK_WAIT_SECONDS))
        worker = Worker(sample.RECORD, service.database, work, ack_wait_seconds=ack_wait_seconds)
        return replace(service, workers=[worker])

    server.main("sample", functools.partial(load, ServiceSettings, "sample"), build)
