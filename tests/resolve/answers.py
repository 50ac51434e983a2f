"""Lookups of the tests' own making, from messages as a server sends them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from tests.traffic.capture import messages

from residency.model.resolution import DnsVantage, Lookup, Resolution
from residency.resolve.bulk import Task, make_lookup
from residency.resolve.exchange import Received
from residency.resolve.names import TYPES, read_questions
from residency.resolve.query import read_reply
from residency.resolve.snapshots import snapshots_of
from residency.resolve.vantages import parse_vantage
from residency.resolve.wire import build_query

AT = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
POINTER = b"\xc0\x0c"
VANTAGE = parse_vantage("lab=127.0.0.1")


def message(name: str, type_: str, *records: bytes, flags: int = 0x8180) -> bytes:
    """Return a response with id 7 to a question."""
    question = messages.question(messages.name(name), TYPES[type_])
    return b"\0\x07" + messages.dns([question], records, flags=flags)[2:]


def address(text: str, owner: bytes = POINTER, ttl_s: int = 60) -> bytes:
    """Return a record of an IPv4 address."""
    return messages.record(owner, messages.A, bytes(map(int, text.split("."))), ttl_s=ttl_s)


def lookup(
    name: str, wire: bytes, *, type_: str = "A", at: datetime = AT, round_: int = 1, vantage: DnsVantage = VANTAGE
) -> Lookup:
    """Return the lookup that this message makes."""
    (question,) = read_questions(name)
    sent = build_query(question.name, TYPES[type_], number=7).wire
    received = Received(transport="udp", wire=wire)
    reply = read_reply(received, type_, server=str(vantage.servers[0]), at=at, sent=sent)
    return make_lookup(Task(question=question, vantage=vantage, round=round_), (reply,), at)


def resolution(*lookups: Lookup, vantages: Sequence[DnsVantage] = (VANTAGE,)) -> Resolution:
    """Return lookups as a run would."""
    return Resolution(items=lookups, vantages=tuple(vantages), types=("A",), snapshots=snapshots_of(lookups, vantages))
