"""DNS over TCP and TLS: a few connections to a server, each used by one question at a time and kept for the next.

A certificate is always checked, for the host name stated or else for the address (RFC 8310 section 8.1).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass

from residency.limits import LIMITS
from residency.model.resolution import LookupOutcome, NameServer
from residency.resolve.exchange import Received, unanswered, unreachable
from residency.resolve.wire import Fit, Query, fit


@dataclass(frozen=True, slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Streams:
    """The connections to one server, over TLS where a context is given."""

    def __init__(self, server: NameServer, context: ssl.SSLContext | None = None) -> None:
        self._server, self._context = server, context
        self._name = "tcp" if context is None else "tls"
        self._idle: list[_Connection] = []
        self._slots = asyncio.Semaphore(LIMITS.max_dns_connections)

    async def exchange(self, query: Query, until: float) -> Received:
        """Ask over a kept connection or a new one; a kept one that turns out to be closed is replaced once."""
        try:
            async with asyncio.timeout_at(until), self._slots:
                while self._idle:
                    with contextlib.suppress(OSError, EOFError):
                        return await self._ask(self._idle.pop(), query)
                return await self._ask(await self._connect(), query)
        except TimeoutError:
            return unanswered(self._name, "no whole answer in time")
        except EOFError:
            what = "the connection ended before the answer did"
            return Received(transport=self._name, fault=LookupOutcome.TRUNCATED, detail=what)
        except OSError as error:
            return unreachable(self._name, error)

    async def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            await _close(self._idle.pop())

    async def _connect(self) -> _Connection:
        server = self._server
        name = (server.host or server.address) if self._context else None
        reader, writer = await asyncio.open_connection(
            server.address, server.port, ssl=self._context, server_hostname=name
        )
        return _Connection(reader, writer)

    async def _ask(self, connection: _Connection, query: Query) -> Received:
        is_done = False
        try:
            connection.writer.write(len(query.wire).to_bytes(2, "big") + query.wire)
            await connection.writer.drain()
            received = await self._read(connection, query)
            is_done = True
        finally:
            if is_done:
                self._idle.append(connection)
            else:
                connection.writer.transport.abort()
        return received

    async def _read(self, connection: _Connection, query: Query) -> Received:
        for discarded in range(LIMITS.max_dns_discarded):
            size = int.from_bytes(await connection.reader.readexactly(2), "big")
            wire = await connection.reader.readexactly(size)
            if fit(wire, query) is not Fit.NO:
                return Received(transport=self._name, wire=wire, discarded=discarded)
        raise TimeoutError


async def _close(connection: _Connection) -> None:
    connection.writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(LIMITS.dns_close_s):
            await connection.writer.wait_closed()
