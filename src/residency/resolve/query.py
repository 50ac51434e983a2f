"""Asking one server for one type of one name: its way, its attempts, and what the answer means."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from residency.errors import UsageError
from residency.limits import LIMITS
from residency.model.resolution import LookupOutcome, NameServer, Reply
from residency.resolve.circuit import Circuit
from residency.resolve.datagrams import Datagrams
from residency.resolve.dnssec import Anchors, Validator
from residency.resolve.exchange import Received, Transport
from residency.resolve.names import TYPES
from residency.resolve.outcomes import Meaning, read_meaning
from residency.resolve.streams import Streams
from residency.resolve.wire import Query, build_query, is_cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How servers are asked: whose certificates count, whether case is mixed, and how many questions a second."""

    ca_file: Path | None = None
    mixes_case: bool = False
    anchors: Anchors | None = None  # where given, signatures are asked for and checked
    max_per_second: int | None = None


class Servers:
    """The servers of one run, each with its transport and circuit; used in one event loop, closed at its end."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._ways: dict[NameServer, tuple[Transport, Circuit]] = {}
        self._validators: dict[tuple[NameServer, str], Validator] = {}
        self._context: ssl.SSLContext | None = None

    async def ask(self, server: NameServer, name: str, type_: str, subnet: str, until: float) -> Reply:
        """Ask once, again after silence, and return the reply; raises nothing for what the network does."""
        way, circuit = self._ways.get(server) or self._open(server)
        at, clock = datetime.now(UTC), asyncio.get_running_loop().time
        if not await circuit.admit(until):
            return _not_asked(server, type_, at, circuit, is_late=clock() >= until or not circuit.is_open)
        began, query, received = clock(), None, None
        for patience_s in LIMITS.dns_attempts_s:
            began = clock()
            if began >= until and received is not None:
                break
            query = self._query(name, TYPES[type_], subnet)
            received = await way.exchange(query, min(until, began + patience_s))
            if received.fault is not LookupOutcome.TIMEOUT:
                break
        if query is None or received is None:
            return _not_asked(server, type_, at, circuit, is_late=True)
        reply = read_reply(received, type_, server=str(server), at=at, took_ms=(clock() - began) * 1e3, sent=query.wire)
        circuit.report(reply.outcome)
        return await self._checked(server, reply, type_, subnet, until)

    async def _checked(self, server: NameServer, reply: Reply, type_: str, subnet: str, until: float) -> Reply:
        """Return the reply with what its signatures say, where anchors were given."""
        if self._manner.anchors is None:
            return reply
        way, _ = self._ways[server]

        async def ask(name: str, number: int) -> bytes:
            patience_s = LIMITS.dns_attempts_s[-1]
            query = self._query(name, number, subnet)
            received = await way.exchange(query, min(until, asyncio.get_running_loop().time() + patience_s))
            return received.wire

        validator = self._validators.setdefault((server, subnet), Validator(self._manner.anchors, ask))
        return await validator.check(reply, TYPES[type_])

    def _query(self, name: str, type_: int, subnet: str) -> Query:
        """Return a question whose id nobody can guess."""
        bits = int.from_bytes(os.urandom(32), "big") if self._manner.mixes_case else None
        return build_query(
            name,
            type_,
            number=int.from_bytes(os.urandom(2), "big"),
            subnet=subnet,
            wants_signatures=self._manner.anchors is not None,
            case_bits=bits,
        )

    def _open(self, server: NameServer) -> tuple[Transport, Circuit]:
        found = self._ways[server] = self._transport(server), Circuit(interval_s=self._interval_s(server))
        return found

    def _interval_s(self, server: NameServer) -> float:
        rate = self._manner.max_per_second
        if rate is None and not ipaddress.ip_address(server.address).is_loopback:
            rate = LIMITS.dns_queries_per_s
        return 1 / rate if rate else 0.0

    def _transport(self, server: NameServer) -> Transport:
        if server.transport == "udp":
            return Datagrams(server, Streams(server))
        if server.transport == "tcp":
            return Streams(server)
        if server.transport == "tls":
            return Streams(server, self._tls())
        if server.transport == "https":
            from residency.resolve.doh import DnsOverHttps

            return DnsOverHttps(server, self._tls())
        from residency.resolve.doq import DnsOverQuic

        return DnsOverQuic(server, self._manner.ca_file)

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            try:
                self._context = ssl.create_default_context(cafile=self._manner.ca_file)
            except OSError as error:
                raise UsageError("no file of certificate authorities", path=self._manner.ca_file) from error
        return self._context

    async def close(self) -> None:
        """Close every connection of every server."""
        for way, _ in self._ways.values():
            await way.close()


def read_reply(
    received: Received, type_: str, *, server: str, at: datetime, took_ms: float = 0.0, sent: bytes = b""
) -> Reply:
    """Return what came of one exchange, now or when it is replayed: the wire decides, by the same reading."""
    discarded = (f"{received.discarded} packets that answer something else",) if received.discarded else ()
    if not received.wire or received.fault is not None:
        return Reply(
            type=type_,
            outcome=received.fault or LookupOutcome.TIMEOUT,
            server=server,
            at=at,
            took_ms=took_ms,
            transport=received.transport,
            detail=received.detail,
            notes=discarded,
            sent=sent,
        )
    meaning = received.meaning or _meaning_of_whole(received.wire, TYPES[type_])
    return Reply(
        type=type_,
        outcome=meaning.outcome,
        server=server,
        at=at,
        took_ms=took_ms,
        transport=received.transport,
        detail=meaning.detail,
        chain=meaning.chain,
        addresses=meaning.addresses,
        bindings=meaning.bindings,
        names=meaning.names,
        dnssec=meaning.dnssec,
        scope=meaning.scope,
        notes=(*discarded, *meaning.notes),
        sent=sent,
        wire=received.wire,
    )


def _meaning_of_whole(wire: bytes, type_: int) -> Meaning:
    """Return what a message says that no other way could bring whole: one that was cut even there says nothing."""
    if is_cut(wire):
        return Meaning(outcome=LookupOutcome.TRUNCATED, detail="the answer says that it was cut")
    return read_meaning(wire, type_)


def _not_asked(server: NameServer, type_: str, at: datetime, circuit: Circuit, *, is_late: bool) -> Reply:
    what = "not asked: time was up" if is_late else f"not asked: the server failed {circuit.failures} times in a row"
    outcome = LookupOutcome.TIMEOUT if is_late else circuit.last_fault
    return Reply(type=type_, outcome=outcome, server=str(server), at=at, detail=what)
