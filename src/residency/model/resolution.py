"""What names resolved to, from where and when: the values of `resolve`.

Each name has exactly one outcome for each vantage and round. Nothing here is "the" address of a name: answers of other
resolvers, subnets and times stand beside each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import overload

from residency.model.evidence import Snapshot
from residency.model.shown import Shown


class LookupOutcome(StrEnum):
    """How a lookup ended; each ends in exactly one way."""

    ANSWER = "answer"
    NODATA = "nodata"  # the name exists, with nothing of the types asked for (RFC 2308)
    NXDOMAIN = "nxdomain"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    TIMEOUT = "timeout"  # nobody answered in time, or nothing listens there
    MALFORMED = "malformed"  # what came cannot be read; the detail says at which byte
    TRUNCATED = "truncated"  # cut over UDP, and no whole answer over TCP
    LAME = "lame"  # the server is not responsible for the name and did not ask others
    CNAME_LOOP = "cname_loop"
    TOO_MANY_RECORDS = "too_many_records"
    NON_PUBLIC_ANSWER = "non_public_answer"  # private, loopback, documentation… (also inside NAT64 and 6to4)
    INVALID_NAME = "invalid_name"  # never asked


class Dnssec(StrEnum):
    """What is known of an answer's signatures, and by whom."""

    VALIDATED = "validated"  # here, against the anchors given
    BOGUS = "bogus"  # here: a signature that should be there is missing or wrong
    RESOLVER = "secure by the resolver's word"  # the AD bit: worth as much as the resolver and the way to it
    NONE = "not validated"


@dataclass(frozen=True, slots=True, kw_only=True)
class NameServer:
    """A server to ask: `transport` is udp (TCP where an answer is cut), tcp, tls, https or quic.

    `host` is the name that its certificate must carry; "" where that is the address. `path` is for https.
    """

    transport: str
    address: str
    port: int
    host: str = ""
    path: str = ""

    def __str__(self) -> str:
        name = f"{self.host}@" if self.host else ""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.transport}://{name}{address}:{self.port}{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsVantage:
    """From where names are looked up: the first of its servers that answers, with a client subnet if one is stated.

    `subnet` is a network in CIDR form that the server is told the question comes from (RFC 7871); "" for none.
    """

    name: str
    servers: tuple[NameServer, ...]
    subnet: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """One CNAME of the chain: `owner` is another name for `target`."""

    owner: str
    target: str
    ttl_s: int


@dataclass(frozen=True, slots=True)
class ResolvedAddress:
    """An address as answered, in its canonical text; its TTL is the smallest on the way to it."""

    text: str
    ttl_s: int
    is_public: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBinding:
    """One HTTPS or SVCB record (RFC 9460); priority 0 points elsewhere. `target` "." is the owner itself."""

    priority: int
    target: str
    ttl_s: int
    alpn: tuple[str, ...] = ()
    port: int | None = None
    hints: tuple[str, ...] = ()  # addresses, IPv4 first
    has_ech: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of asking one server for one type of a name.

    `chain` is in order from the name asked. `scope` is the client subnet that the server says its answer holds for, ""
    where it does not say. `wire` is the message as received, b"" where none came; `sent` the question as sent. `notes`
    name what was left out or odd.
    """

    type: str
    outcome: LookupOutcome
    server: str
    at: datetime
    took_ms: float = 0.0
    transport: str = ""
    detail: str = ""
    chain: tuple[Alias, ...] = ()
    addresses: tuple[ResolvedAddress, ...] = ()
    bindings: tuple[ServiceBinding, ...] = ()
    names: tuple[str, ...] = ()  # of PTR records
    dnssec: Dnssec = Dnssec.NONE
    scope: str = ""
    notes: tuple[str, ...] = ()
    sent: bytes = b""
    wire: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup(Shown):
    """One name at one vantage in one round: its outcome, and the replies that make it."""

    name: str
    given: str  # the text as given
    vantage: str
    round: int  # from 1
    at: datetime
    outcome: LookupOutcome
    detail: str = ""
    subnet: str = ""
    replies: tuple[Reply, ...] = ()

    @property
    def addresses(self) -> tuple[ResolvedAddress, ...]:
        """All addresses answered, in the order of the replies, each once; hints of HTTPS records are not among them."""
        found: dict[str, ResolvedAddress] = {}
        for reply in self.replies:
            for address in reply.addresses:
                found.setdefault(address.text, address)
        return tuple(found.values())

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The addresses that may be located or connected to: those of an outcome `answer`."""
        return tuple(a.text for a in self.addresses) if self.outcome is LookupOutcome.ANSWER else ()

    @property
    def chain(self) -> tuple[Alias, ...]:
        """The CNAMEs in order, of the first reply that has any."""
        return next((reply.chain for reply in self.replies if reply.chain), ())

    @property
    def bindings(self) -> tuple[ServiceBinding, ...]:
        """All HTTPS and SVCB records."""
        return tuple(binding for reply in self.replies for binding in reply.bindings)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that PTR records gave."""
        return tuple(name for reply in self.replies for name in reply.names)

    @property
    def has_ech(self) -> bool:
        """Does a record offer Encrypted Client Hello, so that observers see an outer name only?"""
        return any(binding.has_ech for binding in self.bindings)

    @property
    def dnssec(self) -> Dnssec:
        """The weakest of the replies that answered; bogus goes before all."""
        found = [reply.dnssec for reply in self.replies if reply.outcome is LookupOutcome.ANSWER]
        order = (Dnssec.BOGUS, Dnssec.NONE, Dnssec.RESOLVER, Dnssec.VALIDATED)
        return min(found, key=order.index, default=Dnssec.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An address of a name over the rounds of one vantage: first and last seen, and in how many rounds."""

    address: str
    first_seen: datetime
    last_seen: datetime
    rounds: int
    min_ttl_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One name at one vantage over all rounds.

    `is_flux`: rounds that answered gave different sets of addresses. An order that rotates is no flux.
    """

    name: str
    vantage: str
    sightings: tuple[Sighting, ...]
    is_flux: bool

    @property
    def has_ttl_zero(self) -> bool:
        """Was an address to be forgotten at once?"""
        return any(sighting.min_ttl_s == 0 for sighting in self.sightings)


@dataclass(frozen=True, kw_only=True)
class Resolution(Shown, Sequence[Lookup]):
    """All lookups, in the order of the names given, then of vantages, then of rounds."""

    items: tuple[Lookup, ...]
    vantages: tuple[DnsVantage, ...]
    types: tuple[str, ...]
    snapshots: tuple[Snapshot, ...] = ()
    tool_version: str = ""

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Lookup: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Lookup, ...]: ...
    def __getitem__(self, index: int | slice) -> Lookup | tuple[Lookup, ...]:
        return self.items[index]

    def __iter__(self) -> Iterator[Lookup]:
        return iter(self.items)

    @cached_property
    def histories(self) -> tuple[History, ...]:
        """What each vantage answered for each name over the rounds, in the order of the lookups."""
        groups: dict[tuple[str, str], list[Lookup]] = {}
        for item in self.items:
            groups.setdefault((item.name, item.vantage), []).append(item)
        return tuple(_history(*key, lookups) for key, lookups in groups.items())

    @property
    def flux(self) -> tuple[str, ...]:
        """The names whose addresses changed from round to round at a vantage."""
        return tuple(dict.fromkeys(history.name for history in self.histories if history.is_flux))

    @cached_property
    def split(self) -> tuple[str, ...]:
        """The names for which vantages gave different sets of addresses."""
        sets: dict[str, set[frozenset[str]]] = {}
        for history in self.histories:
            if history.sightings:
                sets.setdefault(history.name, set()).add(frozenset(s.address for s in history.sightings))
        return tuple(name for name, found in sets.items() if len(found) > 1)

    @property
    def exit_code(self) -> int:
        """0 where every lookup has an answer, else 3."""
        return 0 if all(item.outcome is LookupOutcome.ANSWER for item in self.items) else 3

    @property
    def endpoints(self) -> tuple[tuple[str, str], ...]:
        """Each (name, address) that was answered, once, as `locate` takes it; never a non-public answer."""
        return tuple(dict.fromkeys((item.name, text) for item in self.items for text in item.endpoints))


def _history(name: str, vantage: str, lookups: Sequence[Lookup]) -> History:
    seen: dict[str, Sighting] = {}
    sets = {frozenset(a.text for a in item.addresses) for item in lookups if item.addresses}
    for item in lookups:
        for address in item.addresses:
            old = seen.get(address.text)
            seen[address.text] = Sighting(
                address=address.text,
                first_seen=old.first_seen if old else item.at,
                last_seen=item.at,
                rounds=old.rounds + 1 if old else 1,
                min_ttl_s=min(address.ttl_s, old.min_ttl_s) if old else address.ttl_s,
            )
    return History(name=name, vantage=vantage, sightings=tuple(seen.values()), is_flux=len(sets) > 1)
