"""Ask an HTTP/3 server for one page in so many connections: `http3_client.py HOST CA_FILE CONNECTIONS`.

Prints the status and the length of each body.
"""

from __future__ import annotations

import asyncio
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol, QuicStreamHandler
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import QuicEvent


class Asker(QuicConnectionProtocol):
    """One request, one answer."""

    def __init__(self, quic: QuicConnection, stream_handler: QuicStreamHandler | None = None) -> None:
        super().__init__(quic, stream_handler)
        self._http = H3Connection(quic)
        self._ended = asyncio.get_running_loop().create_future()
        self.status = ""
        self.body_bytes = 0

    async def ask(self, host: str) -> None:
        """Send the request and wait for the end of the answer."""
        stream = self._quic.get_next_available_stream_id()
        fields = {b":method": b"GET", b":scheme": b"https", b":authority": host.encode(), b":path": b"/"}
        self._http.send_headers(stream_id=stream, headers=list(fields.items()), end_stream=True)
        self.transmit()
        await asyncio.wait_for(self._ended, timeout=10)

    def quic_event_received(self, event: QuicEvent) -> None:
        for one in self._http.handle_event(event):
            if isinstance(one, HeadersReceived):
                self.status = dict(one.headers)[b":status"].decode()
            elif isinstance(one, DataReceived):
                self.body_bytes += len(one.data)
            if isinstance(one, HeadersReceived | DataReceived) and one.stream_ended and not self._ended.done():
                self._ended.set_result(None)


async def main(host: str, authority_file: str, connections: int) -> None:
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN)
    configuration.load_verify_locations(authority_file)
    for _ in range(connections):
        async with connect(host, 443, configuration=configuration, create_protocol=Asker) as asker:
            assert isinstance(asker, Asker)
            await asker.ask(host)
            print(asker.status, asker.body_bytes)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
