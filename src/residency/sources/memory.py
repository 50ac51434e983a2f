"""A source that is a dictionary: for tests, notebooks and pinned evidence."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from residency.errors import SourceError
from residency.model.evidence import Kind, Snapshot, Statement, Weakness
from residency.model.network import Addresses
from residency.model.place import Place
from residency.sources.interface import Answer

_NETWORK_KINDS = ("cloud", "hosting", "cdn")
_CODE = re.compile(r"[A-Z][A-Z0-9]")
_SOURCE_KEYS = frozenset({"id", "kind", "name", "author", "built", "licence", "lineage", "note", "statements"})
_PLACE_KEYS = frozenset({"countries", "part", "provider_region", "site"})
_FLAGS = frozenset({"stable", "anycast", "proves"})
_KEYS = frozenset(
    {"weakness", "address", "network", "says", "lineage", "listed", "holder", "rate", "prefix_since", "note"}
)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class MemorySource:
    """Statements by network; the longest network that holds an address answers."""

    def __init__(self, snapshot: Snapshot, statements: Iterable[tuple[str, Statement]]) -> None:
        self._snapshot = snapshot
        self._rules: list[tuple[Network, Statement]] = sorted(
            ((ipaddress.ip_network(network), statement) for network, statement in statements),
            key=lambda rule: (-rule[0].prefixlen, str(rule[0])),
        )

    @classmethod
    def of(
        cls, kind: Kind | str, author: str, countries: Mapping[str, str], *, built: date | None = None
    ) -> MemorySource:
        """Build a source from network -> country: `MemorySource.of("database", "acme", {"1.0.0.0/8": "IE"})`."""
        statements = [{"network": network, "countries": [code]} for network, code in countries.items()]
        spec = {"id": f"memory-{author}", "kind": str(kind), "author": author, "statements": statements}
        if built is not None:
            spec["built"] = built.isoformat()
        return cls.from_json({"sources": [spec]})[0]

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> list[MemorySource]:
        """Read pinned evidence: one source for every entry of `sources`; raises SourceError with the place."""
        if not isinstance(document, Mapping) or not isinstance(document.get("sources"), list):
            raise SourceError('pinned evidence is malformed: it is an object with a list, {"sources": [...]}')
        try:
            return [_read_source(spec) for spec in document["sources"]]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SourceError(f"pinned evidence is malformed: {type(error).__name__}: {error}") from error

    @property
    def snapshot(self) -> Snapshot:
        """The version given when it was built."""
        return self._snapshot

    def answer(self, addresses: Addresses, days: Sequence[date]) -> Answer:
        """Say what the longest matching network says."""
        statements = tuple(statement for _, statement in self._rules)
        codes = np.full(len(addresses), -1, dtype=np.int64)
        for i, address in enumerate(addresses.items):
            if not address.is_locatable:
                continue
            for code, (network, _) in enumerate(self._rules):
                first, last = int(network.network_address), int(network.broadcast_address)
                if network.version == address.family and first <= address.value <= last:
                    codes[i] = code
                    break
        return Answer(codes, statements)


def _read_source(spec: Mapping[str, Any]) -> MemorySource:
    _refuse_unknown(spec, _SOURCE_KEYS)
    said = [(_cidr(item), item) for item in spec["statements"]]
    built = date.fromisoformat(spec["built"]) if spec.get("built") else None
    snapshot = Snapshot(
        id=spec["id"],
        kind=spec["kind"],
        name=spec.get("name", spec["id"]),
        author=spec["author"],
        built=built,
        sha256=hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest(),
        licence=spec.get("licence", "pinned"),
        lineage=spec.get("lineage", spec["author"]),
        edges=tuple(sorted({date.fromisoformat(day) for _, item in said for day in item.get("listed") or ()})),
    )
    return MemorySource(snapshot, [(cidr, _read_statement(snapshot, item)) for cidr, item in said])


def _refuse_unknown(item: Mapping[str, Any], known: frozenset[str]) -> None:
    """A misspelt key would make evidence silent, and silence is no fault that anybody sees."""
    unknown = sorted(set(item) - known)
    if unknown:
        raise ValueError(f"unknown key `{unknown[0]}`; known are {', '.join(sorted(known))}")


def _country_codes(codes: object) -> list[str]:
    if not isinstance(codes, list) or not all(isinstance(c, str) and _CODE.fullmatch(c) for c in codes):
        raise ValueError(f"`countries` is a list of upper-case ISO 3166-1 codes, not {codes!r}")
    return codes


def _cidr(said: Mapping[str, Any]) -> str:
    """Return the address or network spoken of; `network` may also be the kind of network beside an `address`."""
    return str(said["address"] if "address" in said else said["network"])


def _read_statement(snapshot: Snapshot, said: Mapping[str, Any]) -> Statement:
    _refuse_unknown(said, _KEYS | _PLACE_KEYS | _FLAGS)
    flags = {name: said[name] for name in _FLAGS & set(said)}
    if not all(isinstance(value, bool) for value in flags.values()):
        raise ValueError(f"{', '.join(sorted(flags))}: write true or false")
    countries = _country_codes(said.get("countries", []))
    detail = (said.get("part"), said.get("provider_region"), said.get("site"))
    listed = said.get("listed")
    days = tuple(date.fromisoformat(day) for day in listed) if listed else None
    if days and list(days) != sorted(days):
        raise ValueError("`listed` is the first and the last day, in that order")
    if days is None and snapshot.built is not None:
        days = (snapshot.built, snapshot.built)
    since = said.get("prefix_since")
    return Statement(
        kind=Kind(snapshot.kind),
        source=snapshot.id,
        author=snapshot.author,
        lineage=said.get("lineage", snapshot.lineage),
        says=said.get("says") or ", ".join(countries),
        places=frozenset(Place(country, *detail) for country in countries),
        listed=(days[0], days[-1]) if days else None,
        stable=flags.get("stable", False),
        anycast=flags.get("anycast", False),
        network=said["network"] if said.get("network") in _NETWORK_KINDS else "",
        holder=said.get("holder", ""),
        rate=said.get("rate"),
        proves=flags.get("proves", True),
        weakness=Weakness[said["weakness"].upper()] if said.get("weakness") else None,
        prefix_since=date.fromisoformat(since) if since else None,
    )
