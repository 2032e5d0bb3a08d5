"""A server of calendars: real HTTP and HTTPS on an address of this machine, which answers as a test says."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from deploy.certificate import new_self_signed


@dataclass
class CalendarServer:
    """
    What it answers, and what it was asked.

    Attributes:
        base: URL of its root.
        pages: Path → status, headers, content; or what writes an answer.
        asked: The paths that were asked for, with the name of the host that was asked.
    """

    base: str
    pages: dict[str, tuple[int, dict[str, str], bytes] | Callable[[BaseHTTPRequestHandler], None]] = field(
        default_factory=dict
    )
    asked: list[tuple[str, str]] = field(default_factory=list)

    def put(self, path: str, text: str | bytes, status: int = 200, **headers: str) -> str:
        """Let it answer at a path, and return the URL."""
        content = text.encode() if isinstance(text, str) else text
        self.pages[path] = (status, {name.replace("_", "-"): value for name, value in headers.items()}, content)
        return self.base + path


@contextmanager
def serve(folder: Path, *, tls: bool = True, host: str = "localhost") -> Iterator[CalendarServer]:
    """Run a server on 127.0.0.1; its certificate, for localhost, is `folder`/server.crt."""
    served = CalendarServer("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append((self.path, self.headers["Host"]))
            page = served.pages.get(self.path, (404, {}, b"nothing"))
            if callable(page):
                page(self)
                return
            status, headers, content = page
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        files = folder / "server.crt", folder / "server.key"
        for file, content in zip(files, new_self_signed(), strict=True):
            file.write_text(content)
        context.load_cert_chain(*files)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    served.base = f"{'https' if tls else 'http'}://{host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
