"""Which observed endpoints a claim speaks of: in columns first, objects only for what is in scope.

A flow is in scope by its host, network or origin network (or `hosts = ["*"]`), narrowed by ports, while the
claim is in force (widened by the clock skew), and unless the clients are known not to be its subjects.
An unnamed flow to an address that a host in scope used is in scope too, and its place in the claim unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from residency.model.claim import Binding, Claim, HostRule, NetworkRule, Role
from residency.model.names import PatternTable
from residency.model.network import Address, AddressBook
from residency.model.period import Period, from_us, moved

_SKEWLESS = timedelta(0)


class Via(Enum):
    """How an endpoint came into scope."""

    HOST = "host"
    NETWORK = "network"
    ASN = "asn"
    EVERYTHING = "everything"
    UNNAMED_KNOWN = "unnamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Why an endpoint is in a claim's scope, and what the claim says of it."""

    via: Via
    role: Role | None = None
    binding: Binding = Binding.DOCUMENTED
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """The distinct endpoints in columns; every array has one entry an endpoint.

    `host_code` indexes `hosts` (-1: unnamed), `address_code` indexes `addresses`, `port` is -1 where unknown.
    `asns` has one entry an address (0: not known). Byte columns hold 0 where unknown.
    """

    hosts: Sequence[str]
    addresses: AddressBook
    asns: NDArray[np.int64]
    host_code: NDArray[np.int64]
    address_code: NDArray[np.int64]
    port: NDArray[np.int64]
    period: NDArray[np.int64]
    certain_name: NDArray[np.bool_]
    flows: NDArray[np.int64]
    bytes_sent: NDArray[np.int64]
    bytes_received: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.host_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The endpoints in scope (`rows`, ascending, with a match each) and what stands beside them.

    `unnamed` are the other unnamed endpoints of its period and ports; `parsed` all endpoints of them.
    """

    rows: NDArray[np.int64]
    matches: tuple[Match, ...]
    unnamed: NDArray[np.int64]
    parsed: NDArray[np.int64]


def moments(cuts_us: Sequence[int]) -> tuple[datetime, ...]:
    """Return one instant inside each period between `cuts_us` (sorted); period i holds i cuts before it."""
    if not cuts_us:
        return (datetime.fromisoformat("2000-01-01T00:00:00+00:00"),)
    return (moved(from_us(cuts_us[0]), -timedelta(microseconds=1)), *(from_us(cut) for cut in cuts_us))


def widened(period: Period, skew: timedelta) -> Period:
    """Return `period` with both ends moved out by the clock skew."""
    return Period(
        None if period.start is None else moved(period.start, -skew),
        None if period.end is None else moved(period.end, skew),
    )


def surely_in_force(period: Period, at: datetime, skew: timedelta) -> bool:
    """Is the claim in force at `at` even if the sensor's clock is off by `skew`?"""
    after = period.start is None or moved(period.start, skew) <= at
    return after and (period.end is None or at < moved(period.end, -skew))


def match_hosts(claims: Sequence[Claim], hosts: Sequence[str]) -> dict[str, HostMatches]:
    """Match every distinct host against all claims at once; most hosts fall under none and are asked once."""
    tables = {claim.id: PatternTable((rule.pattern, rule) for rule in claim.hosts) for claim in claims}
    any_claim = PatternTable((rule.pattern, True) for claim in claims for rule in claim.hosts)
    found = {claim.id: HostMatches(len(hosts), tables[claim.id].everything) for claim in claims}
    for code, host in enumerate(hosts):
        if any_claim.find(host) is None:
            continue
        for claim in claims:
            rule = tables[claim.id].find(host)
            if rule is not None:
                found[claim.id].put(code, rule)
    return found


class HostMatches:
    """The matches of one claim: `codes[host]` indexes `matches` (-1: none); the last code is for unnamed flows."""

    def __init__(self, hosts: int, everything: HostRule | None) -> None:
        self.codes = np.full(hosts + 1, -1, dtype=np.int64)
        self.matches: list[Match] = []
        self._made: dict[int, int] = {}
        if everything is not None:
            self.put(-1, everything)

    def put(self, code: int, rule: HostRule) -> None:
        """Record that the host with this code falls under `rule`."""
        if id(rule) not in self._made:
            self._made[id(rule)] = len(self.matches)
            via = Via.EVERYTHING if rule.pattern.is_everything else Via.HOST
            self.matches.append(Match(via=via, role=rule.role, binding=rule.binding, rule=rule.pattern.text))
        self.codes[code] = self._made[id(rule)]


def select(
    claim: Claim,
    groups: Groups,
    instants: Sequence[datetime],
    by_host: HostMatches,
    skew: timedelta = _SKEWLESS,
) -> Scope:
    """Return the endpoints of `groups` that `claim` speaks of; `instants` has one moment a period."""
    force = widened(claim.effective, skew)
    in_force = np.array([at in force for at in instants], dtype=bool)[groups.period]
    parsed = in_force & _on_ports(claim, groups)
    eligible = parsed & ~_local_and_unnamed(groups)
    codes = by_host.codes[groups.host_code]
    rows = np.flatnonzero(eligible & (codes >= 0))
    found = dict(zip(rows.tolist(), (by_host.matches[code] for code in codes[rows].tolist()), strict=True))
    if claim.networks or claim.asns:
        _add_by_network(found, claim, groups, instants, np.flatnonzero(eligible))
    _add_unnamed_to_known(found, groups, eligible)
    rows = np.array(sorted(found), dtype=np.int64)
    unnamed = eligible & (groups.host_code < 0)
    unnamed[rows] = False
    return Scope(
        rows=rows,
        matches=tuple(found[row] for row in rows.tolist()),
        unnamed=np.flatnonzero(unnamed),
        parsed=np.flatnonzero(parsed),
    )


def _local_and_unnamed(groups: Groups) -> NDArray[np.bool_]:
    """Mark unnamed flows to private and special addresses: they are no conversation with the outside."""
    unnamed = groups.host_code < 0
    codes = np.flatnonzero(np.bincount(groups.address_code[unnamed]))
    local = [code for code in codes.tolist() if not groups.addresses.is_outside(code)]
    return unnamed & np.isin(groups.address_code, np.array(local, dtype=np.int64))


def _on_ports(claim: Claim, groups: Groups) -> NDArray[np.bool_]:
    if not claim.ports:
        return np.ones(len(groups), dtype=bool)
    return np.isin(groups.port, np.array(claim.ports, dtype=np.int64))


def _add_by_network(
    found: dict[int, Match],
    claim: Claim,
    groups: Groups,
    instants: Sequence[datetime],
    rows: NDArray[np.int64],
) -> None:
    """Add what is in scope by network or origin network; a host's word on role goes before the network's."""
    wanted = set(claim.asns)
    known: dict[tuple[int, int], Match | None] = {}
    for row in rows.tolist():
        pair = (int(groups.address_code[row]), int(groups.period[row]))
        if pair not in known:
            known[pair] = _network_match(claim, groups, wanted, pair, instants[pair[1]])
        network = known[pair]
        if network is None:
            continue
        host = found.get(row)
        role = host.role if host is not None and host.role is not None else network.role
        rule = f"{host.rule}, {network.rule}" if host is not None else network.rule
        found[row] = Match(via=network.via, role=role, rule=rule)


def _network_match(claim: Claim, groups: Groups, wanted: set[int], pair: tuple[int, int], at: datetime) -> Match | None:
    code = pair[0]
    rule = _best_network(claim.networks, groups.addresses[code], at)
    if rule is not None:
        return Match(via=Via.NETWORK, role=rule.role, rule=str(rule.cidr))
    asn = int(groups.asns[code])
    return Match(via=Via.ASN, rule=f"AS{asn}") if asn in wanted else None


def _best_network(networks: Sequence[NetworkRule], address: Address, at: datetime) -> NetworkRule | None:
    holding = [
        rule
        for rule in networks
        if at in rule.effective
        and rule.cidr.version == address.family
        and int(rule.cidr.network_address) <= address.value <= int(rule.cidr.broadcast_address)
    ]
    return max(holding, key=lambda rule: rule.cidr.prefixlen, default=None)


def _add_unnamed_to_known(matches: dict[int, Match], groups: Groups, eligible: NDArray[np.bool_]) -> None:
    used = {int(groups.address_code[row]) for row, match in matches.items() if match.via is Via.HOST}
    if not used:
        return
    unknown = Match(via=Via.UNNAMED_KNOWN)
    at_used = np.isin(groups.address_code, np.array(sorted(used), dtype=np.int64))
    for row in np.flatnonzero(eligible & (groups.host_code < 0) & at_used).tolist():
        matches.setdefault(row, unknown)
