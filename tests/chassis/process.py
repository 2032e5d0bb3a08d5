"""The sample as a process, ``python -m tests.chassis.process [migrate]``; ``SLOW`` makes GetCity take that long."""

import asyncio
import functools
import os
import sys

from chassis import server
from chassis.database import Session
from chassis.settings import ServiceSettings, load
from tests.chassis import sample

if __name__ == "__main__":
    # Where the chassis looks for a service of this name.
    sys.modules["services.sample"] = sample

    def build(settings: ServiceSettings) -> server.Service:
        """Wire the sample up."""
        service = sample.service(settings)
        seconds = float(os.environ.get("SLOW", "0"))

        async def sleep(_session: Session) -> None:
            await asyncio.sleep(seconds)
            if "DEFECT" in os.environ:
                raise KeyError(settings.database_url)

        service.servicers[0][1].before_get = sleep
        return service

    server.main("sample", functools.partial(load, ServiceSettings, "sample"), build)
