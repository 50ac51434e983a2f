"""A DNS server on loopback that does what no real one does, over UDP and TCP, and takes note of what it was asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.resolve.servers.processes import LOOPBACK, free_port
from tests.resolve.servers.threads import loop_thread
from tests.resolve.ways import TCP, UDP, Elsewhere, Query, Wait, framed, honest, read_query


class Hostile:
    """The server: where it listens, and how often it was asked for what."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: Counter[tuple[str, str, int]] = Counter()  # (transport, way of answering, type)
        self.questions: list[bytes] = []  # as sent, with the case of their letters
        self.ids: list[int] = []
        self.ports: list[int] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> str:
        return f"udp://{LOOPBACK}:{self.port}"

    def count(self, way: str) -> int:
        """Return how often a way of answering was asked for, over both transports and for all types."""
        return sum(count for (_, name, _), count in self.asked.items() if name == way)

    @property
    def names(self) -> set[bytes]:
        """The names asked for, in wire form and lower case."""
        return {question[:-4].lower() for question in self.questions}

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._other, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(LOOPBACK, 0))
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=(LOOPBACK, self.port))
        self._tcp = await asyncio.start_server(self._connected, LOOPBACK, self.port)

    async def stop(self) -> None:
        self._udp.close()
        self._other.close()
        self._tcp.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    def _note(self, transport: str, query: Query, client_port: int) -> None:
        self.asked[transport, query.way, query.type] += 1
        self.questions.append(query.question)
        self.ids.append(int.from_bytes(query.id, "big"))
        self.ports.append(client_port)

    def datagram(self, wire: bytes, client: tuple[str, int]) -> None:
        """Answer over UDP."""
        query = read_query(wire)
        self._note("udp", query, client[1])
        task = asyncio.ensure_future(self._answer(query, client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, query: Query, client: tuple[str, int]) -> None:
        for sent in UDP.get(query.way, honest)(query):
            if isinstance(sent, Wait):
                await asyncio.sleep(sent.seconds)
            elif isinstance(sent, Elsewhere):
                self._other.sendto(sent.data, client)
            else:
                self._udp.sendto(sent, client)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with suppress(OSError, EOFError):
                while await self._answer_over_tcp(reader, writer):
                    pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer_over_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one query; says whether another one may come."""
        size = int.from_bytes(await reader.readexactly(2), "big")
        query = read_query(await reader.readexactly(size))
        self._note("tcp", query, writer.get_extra_info("peername")[1])
        if query.way not in TCP:
            writer.write(framed(query.honest()))
            return True
        for sent in TCP[query.way](query):
            if isinstance(sent, Wait):
                await asyncio.sleep(sent.seconds)
            elif isinstance(sent, bytes):
                writer.write(sent)
                await writer.drain()
        return False


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: Hostile) -> None:
        self._server = server

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.datagram(data, addr)


@contextmanager
def hostile_server() -> Iterator[Hostile]:
    """Run the server until the end of the block."""
    server = Hostile(free_port())
    with loop_thread() as thread:
        thread.run(server.start())
        try:
            yield server
        finally:
            thread.run(server.stop())
