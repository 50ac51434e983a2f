"""A small DNS server over QUIC (RFC 9250) that asks a real one over TCP: one stream a query, two bytes of length."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent, StreamDataReceived
from tests.resolve.servers.processes import LOOPBACK, free_port
from tests.resolve.servers.programs import Certificate
from tests.resolve.servers.threads import loop_thread


async def _ask(query: bytes, port: int) -> bytes:
    """Ask over TCP, where no answer is cut."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        writer.write(len(query).to_bytes(2, "big") + query)
        size = int.from_bytes(await reader.readexactly(2), "big")
        return await reader.readexactly(size)
    finally:
        writer.close()


class _Server(QuicConnectionProtocol):
    """One connection; `upstream` is the port of the real server."""

    upstream = 0

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, StreamDataReceived):
            streams: dict[int, bytearray] = self.__dict__.setdefault("streams", {})
            query = streams.setdefault(event.stream_id, bytearray())
            query += event.data
            if event.end_stream and len(query) - 2 == int.from_bytes(query[:2], "big"):
                self._answering = asyncio.ensure_future(self._answer(event.stream_id, bytes(query[2:])))

    async def _answer(self, stream: int, query: bytes) -> None:
        if query[:2] != b"\0\0":  # section 4.2.1: the id is 0
            self._quic.reset_stream(stream, 0x2)
        else:
            answer = await _ask(query, self.upstream)
            self._quic.send_stream_data(stream, len(answer).to_bytes(2, "big") + answer, end_stream=True)
        self.transmit()


@contextmanager
def quic_server(upstream: int, files: Certificate) -> Iterator[int]:
    """Run the server before a real one's port; gives its own port."""
    port = free_port()
    settings = QuicConfiguration(alpn_protocols=["doq"], is_client=False)
    settings.load_cert_chain(str(files.chain), str(files.key))
    protocol = type("Server", (_Server,), {"upstream": upstream})
    with loop_thread() as thread:
        server = thread.run(serve(LOOPBACK, port, configuration=settings, create_protocol=protocol))
        try:
            yield port
        finally:
            thread.loop.call_soon_threadsafe(server.close)
