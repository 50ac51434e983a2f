"""DNS over QUIC (RFC 9250), by the connections of dnspython and aioquic; needs the extra `doq`.

dnspython carries the bytes; the messages are read by this package, within its bounds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol, cast

from residency.errors import UsageError, shorten
from residency.limits import LIMITS
from residency.model.resolution import LookupOutcome, NameServer
from residency.resolve.exchange import Received, unanswered, unreachable
from residency.resolve.wire import Fit, Query, fit


class _Stream(AbstractAsyncContextManager["_Stream"], Protocol):
    async def send(self, datagram: bytes, is_end: bool = False) -> None: ...
    async def receive(self) -> bytes: ...


class _Connection(Protocol):
    async def make_stream(self) -> _Stream: ...
    async def close(self) -> None: ...


class _Manager(AbstractAsyncContextManager["_Manager"], Protocol):
    """What is used of dnspython's manager of connections, which has no types."""

    def connect(self, address: str, port: int) -> _Connection: ...


class DnsOverQuic:
    """Asks one server over one QUIC connection, a stream for each question."""

    def __init__(self, server: NameServer, ca_file: Path | None) -> None:
        try:
            import aioquic  # noqa: F401 (without it, dnspython's names are there but do nothing)
            from dns import quic
        except ImportError as error:
            raise UsageError("DNS over QUIC needs another package: pip install 'residency[doq]'") from error
        self._server = server
        self._slots = asyncio.Semaphore(LIMITS.max_dns_streams_at_once)
        verify = True if ca_file is None else str(ca_file)
        make = cast("Callable[..., _Manager]", quic.AsyncioQuicManager)  # type: ignore[attr-defined] # not in __all__
        self._manager = make(verify_mode=verify, server_name=server.host or server.address)

    async def exchange(self, query: Query, until: float) -> Received:
        """Ask on a stream of its own; there the id is 0 (RFC 9250 section 4.2.1)."""
        from dns.exception import DNSException

        asked = Query(
            id=0, type=query.type, asked=query.asked, is_exact_case=query.is_exact_case, wire=b"\0\0" + query.wire[2:]
        )
        try:
            async with asyncio.timeout_at(until), self._slots, self._stream() as stream:
                await stream.send(asked.wire, True)
                wire = bytes(await stream.receive())
        except TimeoutError:
            return unanswered("quic", "no whole answer in time")
        except (DNSException, OSError, EOFError) as error:
            return unreachable("quic", error)
        if fit(wire, asked) is Fit.NO:
            what = "a DNS message that answers something else"
            return Received(transport="quic", fault=LookupOutcome.MALFORMED, detail=what)
        return Received(transport="quic", wire=wire)

    async def close(self) -> None:
        """Close the connection."""
        await self._manager.__aexit__(None, None, None)

    @asynccontextmanager
    async def _stream(self) -> AsyncIterator[_Stream]:
        connection = self._manager.connect(self._server.address, self._server.port)
        try:
            stream = await connection.make_stream()
        except Exception as error:
            await connection.close()  # so that the next question gets a new one
            raise ConnectionError(shorten(str(error) or "the QUIC handshake failed")) from error
        async with stream:
            yield stream
