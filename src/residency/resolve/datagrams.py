"""DNS over UDP, falling to TCP where an answer is cut (RFC 1035 section 4.2, RFC 7766).

Each question has a socket of its own: the system picks an unpredictable port for it, the id is random, and the kernel
drops what comes from anywhere but the server. What comes from there and answers another question is passed over.
"""

from __future__ import annotations

import asyncio
import socket

from residency.limits import LIMITS
from residency.model.resolution import LookupOutcome, NameServer
from residency.resolve.exchange import Received, Transport, unanswered, unreachable
from residency.resolve.outcomes import read_meaning
from residency.resolve.wire import Fit, Query, fit, is_cut

_MAX_MESSAGE = 65_535


class Datagrams:
    """Asks one server over UDP; `streams` is the way for answers that do not fit."""

    def __init__(self, server: NameServer, streams: Transport) -> None:
        self._address = (server.address, server.port)
        self._family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
        self._streams = streams

    async def exchange(self, query: Query, until: float) -> Received:
        """Ask over UDP, and over TCP where the answer says that it was cut."""
        received = await self._over_udp(query, until)
        if not received.wire or not is_cut(received.wire):
            return received
        whole = await self._streams.exchange(query, until)
        if whole.wire:
            return whole
        return Received(
            transport="tcp",
            fault=LookupOutcome.TRUNCATED,
            detail=f"cut over UDP; over TCP: {whole.detail}",
            discarded=received.discarded,
        )

    async def close(self) -> None:
        """Close the connections of cut answers."""
        await self._streams.close()

    async def _over_udp(self, query: Query, until: float) -> Received:
        waiting = _Waiting(query)
        with socket.socket(self._family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            try:
                sock.connect(self._address)
                sock.send(query.wire)
                return await waiting.receive(sock, until)
            except TimeoutError:
                return waiting.ended()
            except OSError as error:
                return unreachable("udp", error)


class _Waiting:
    """The wait for one answer: what was passed over so far, and an answer that is in doubt."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._doubtful: Received | None = None
        self._discarded = 0

    async def receive(self, sock: socket.socket, until: float) -> Received:
        """Return the first good answer.

        One that cannot be read, or does not repeat the question, is not the end at once: it could have been sent to
        hide the good one.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout_at(until) as patience:
            while True:
                wire = await loop.sock_recv(sock, _MAX_MESSAGE)
                how = fit(wire, self._query)
                if how is not Fit.NO:
                    received = self._read(wire)
                    if how is Fit.YES and not _is_damaged(received):
                        return received
                    self._doubtful = received
                    patience.reschedule(min(patience.when() or until, loop.time() + LIMITS.dns_after_damage_s))
                self._discarded += 1
                if self._discarded > LIMITS.max_dns_discarded:
                    raise TimeoutError
                await asyncio.sleep(0)  # a flood is always ready to read: let others, and the clock, have their turn

    def _read(self, wire: bytes) -> Received:
        meaning = None if is_cut(wire) else read_meaning(wire, self._query.type)
        return Received(transport="udp", wire=wire, discarded=self._discarded, meaning=meaning)

    def ended(self) -> Received:
        """Return what is left when time is up: the doubtful answer, if one came."""
        if self._doubtful is not None:
            return self._doubtful
        if self._discarded > LIMITS.max_dns_discarded:
            return unanswered("udp", f"over {LIMITS.max_dns_discarded} packets that answer something else")
        return unanswered("udp", "no answer in time", discarded=self._discarded)


def _is_damaged(received: Received) -> bool:
    return received.meaning is not None and received.meaning.outcome is LookupOutcome.MALFORMED
