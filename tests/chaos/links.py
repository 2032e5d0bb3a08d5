"""A connection that can be cut, slowed down or silenced: what stands between two processes of a run."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from deploy.embedded import HOST, free_port

CHUNK = 64 * 1024
SLOW_SECONDS = 0.2


class Link:
    """
    Passes TCP connections on to a port of this machine, from a port of its own.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._is_cut = False
        self._delay = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()

    def cut(self) -> None:
        """Break every connection, and each new one."""
        self._is_cut = True
        self._loop.call_soon_threadsafe(self._abort)

    def slow_down(self) -> None:
        """Hold back what passes, in each direction, for `SLOW_SECONDS`."""
        self._delay = SLOW_SECONDS

    def silence(self) -> None:
        """Take what comes and pass nothing on, as a network does that loses every packet."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def mend(self) -> None:
        """Pass everything on at once."""
        self._is_cut, self._delay = False, 0.0
        self._loop.call_soon_threadsafe(self._flows.set)

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Pass connections on until the block ends."""
        self._flows.set()
        server = self._loop.run_until_complete(asyncio.start_server(self._pass_on, HOST, self.port))
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(server.close)
            self._loop.call_soon_threadsafe(self._abort)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self._is_cut:
                return
            far_reader, far_writer = await asyncio.open_connection(HOST, self._target)
            self._writers.add(far_writer)
            try:
                await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
            finally:
                self._writers.discard(far_writer)
                far_writer.transport.abort()
        except OSError:
            pass  # The one side or the other is gone: so is the connection.
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._flows.wait()
            if self._delay:
                await asyncio.sleep(self._delay)
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
