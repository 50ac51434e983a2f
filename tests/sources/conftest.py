"""A real HTTPS server on loopback, and a record of every connection that this process makes."""

from __future__ import annotations

import asyncio
import ssl
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest
import trustme

from residency.sources.fetch import Fetcher
from residency.sources.fetch_policy import FetchPolicy

LOOPBACK = "127.0.0.1"
NAMES = ("site.example", "other.example", "rdap.example", "feeds.example", "localhost")
Handler = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Web:
    """A server that answers as a test tells it: pages by path, each a list of which the last one stays."""

    def __init__(self, tls: ssl.SSLContext, ca_file: Path) -> None:
        self.ca_file, self.port = ca_file, 0
        self.pages: dict[str, list[bytes | Handler]] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []  # host, path, headers
        self.at_once = self.most_at_once = 0
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, LOOPBACK, 0, ssl=self._tls), self._loop
        )
        self._server = started.result(10)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def page(
        self,
        path: str,
        body: bytes | str = b"{}",
        *,
        status: int = 200,
        type: str = "application/json",
        headers: Sequence[str] = (),
    ) -> None:
        """Add an answer for a path; several are given in turn."""
        content = body.encode() if isinstance(body, str) else body
        lines = [f"HTTP/1.1 {status} Any", f"Content-Type: {type}", f"Content-Length: {len(content)}", *headers]
        self.pages.setdefault(path, []).append("\r\n".join(lines).encode() + b"\r\n\r\n" + content)

    def handle(self, path: str, handler: Handler) -> None:
        """Let a coroutine write the whole answer."""
        self.pages.setdefault(path, []).append(handler)

    def url(self, path: str, host: str = "site.example") -> str:
        return f"https://{host}:{self.port}{path}"

    def policy(self, **said: object) -> FetchPolicy:
        """The policy under which this server may be asked by its names: the only place that allows loopback."""

        async def resolve(host: str) -> list[str]:
            return [LOOPBACK]

        defaults: dict[str, object] = {
            "hosts": frozenset(NAMES) - {"localhost"},
            "ports": frozenset({443, self.port}),
            "ca_file": self.ca_file,
            "resolve": resolve,
            "exempt_addresses": frozenset({LOOPBACK}),
            "min_interval_ms": 0.0,
        }
        return FetchPolicy(**(defaults | said))  # type: ignore[arg-type] # a test's own mapping

    def fetcher(self, **said: object) -> Fetcher:
        return Fetcher(self.policy(**said))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                path = lines[0].split(" ")[1]
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)}
                self.asked.append((headers.get("host", ""), path, headers))
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    await self._answer(path, writer)
                finally:
                    self.at_once -= 1
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def _answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        pages = self.pages.get(path)
        if not pages:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        else:
            page = pages.pop(0) if len(pages) > 1 else pages[0]
            if isinstance(page, bytes):
                writer.write(page)
            else:
                await page(writer)
        await writer.drain()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    """A certificate authority of the tests' own, and its file."""
    made = trustme.CA()
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    made.cert_pem.write_to_path(str(path))
    return made, path


@pytest.fixture
def web(authority: tuple[trustme.CA, Path]) -> Iterator[Web]:
    """A running server for the names above."""
    made, path = authority
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert(*NAMES).configure_cert(tls)
    server = Web(tls, path)
    server.start()
    yield server
    server.stop()


class Audit:
    """What this process connected to and looked up since the fixture was made."""

    def __init__(self) -> None:
        self.connected: list[str] = []
        self.looked_up: list[str] = []


_AUDITS: list[Audit] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _AUDITS:
        return
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        _AUDITS[-1].connected.append(str(arguments[1][0]))
    elif event == "socket.getaddrinfo":
        _AUDITS[-1].looked_up.append(str(arguments[0]))


sys.addaudithook(_hook)  # cannot be taken away again; silent unless a test asks


@pytest.fixture
def audit() -> Iterator[Audit]:
    """A record of every connection and look-up of this process during one test."""
    _AUDITS.append(Audit())
    yield _AUDITS[-1]
    _AUDITS.pop()
