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
from residency.model.network import Address, AddressClass
from residency.model.period import Period, from_us

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
    addresses: Sequence[Address]
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
    return (from_us(cuts_us[0] - 1), *(from_us(cut) for cut in cuts_us))


def widened(period: Period, skew: timedelta) -> Period:
    """Return `period` with both ends moved out by the clock skew."""
    return Period(
        None if period.start is None else period.start - skew, None if period.end is None else period.end + skew
    )


def surely_in_force(period: Period, at: datetime, skew: timedelta) -> bool:
    """Is the claim in force at `at` even if the sensor's clock is off by `skew`?"""
    after = period.start is None or period.start + skew <= at
    return after and (period.end is None or at < period.end - skew)


def select(claim: Claim, groups: Groups, instants: Sequence[datetime], skew: timedelta = _SKEWLESS) -> Scope:
    """Return the endpoints of `groups` that `claim` speaks of; `instants` has one moment a period."""
    force = widened(claim.effective, skew)
    in_force = np.array([at in force for at in instants], dtype=bool)[groups.period]
    parsed = in_force & _on_ports(claim, groups)
    eligible = parsed & ~_local_and_unnamed(groups)
    by_host = _by_host(claim, groups)
    by_network = _by_network(claim, groups, instants)
    named = np.array([match is not None for match in by_host], dtype=bool)[groups.host_code]
    held = np.isin(groups.address_code, np.array(sorted({code for code, _ in by_network}), dtype=np.int64))
    matches: dict[int, Match] = {}
    for row in np.flatnonzero(eligible & (named | held)).tolist():
        found = _merge(by_host, by_network, groups, row)
        if found is not None:
            matches[row] = found
    _add_unnamed_to_known(matches, groups, eligible)
    rows = np.array(sorted(matches), dtype=np.int64)
    return Scope(
        rows=rows,
        matches=tuple(matches[row] for row in rows.tolist()),
        unnamed=np.setdiff1d(np.flatnonzero(eligible & (groups.host_code < 0)), rows),
        parsed=np.flatnonzero(parsed),
    )


def _local_and_unnamed(groups: Groups) -> NDArray[np.bool_]:
    """Mark unnamed flows to private and special addresses: they are no conversation with the outside."""
    outside = (AddressClass.PUBLIC, AddressClass.TEREDO)
    local = np.array([a.address_class not in outside for a in groups.addresses], dtype=bool)
    return local[groups.address_code] & (groups.host_code < 0)


def _on_ports(claim: Claim, groups: Groups) -> NDArray[np.bool_]:
    if not claim.ports:
        return np.ones(len(groups), dtype=bool)
    return np.isin(groups.port, np.array(claim.ports, dtype=np.int64))


def _by_host(claim: Claim, groups: Groups) -> list[Match | None]:
    """Return the match of each distinct host; the last entry answers for unnamed flows (code -1)."""
    table: PatternTable[HostRule] = PatternTable((rule.pattern, rule) for rule in claim.hosts)
    made: dict[int, Match] = {}

    def match(rule: HostRule | None) -> Match | None:
        if rule is None:
            return None
        if id(rule) not in made:
            via = Via.EVERYTHING if rule.pattern.is_everything else Via.HOST
            made[id(rule)] = Match(via=via, role=rule.role, binding=rule.binding, rule=rule.pattern.text)
        return made[id(rule)]

    return [match(table.find(host)) for host in groups.hosts] + [match(table.everything)]


def _by_network(claim: Claim, groups: Groups, instants: Sequence[datetime]) -> dict[tuple[int, int], Match]:
    """Return the match of (address code, period) by the claim's networks and origin networks."""
    found: dict[tuple[int, int], Match] = {}
    if not claim.networks and not claim.asns:
        return found
    wanted = set(claim.asns)
    pairs = {(int(a), int(p)) for a, p in zip(groups.address_code, groups.period, strict=True)}
    for code, period in pairs:
        address = groups.addresses[code]
        rule = _best_network(claim.networks, address, instants[period])
        if rule is not None:
            found[code, period] = Match(via=Via.NETWORK, role=rule.role, rule=str(rule.cidr))
        elif int(groups.asns[code]) in wanted:
            found[code, period] = Match(via=Via.ASN, rule=f"AS{int(groups.asns[code])}")
    return found


def _best_network(networks: Sequence[NetworkRule], address: Address, at: datetime) -> NetworkRule | None:
    holding = [
        rule
        for rule in networks
        if at in rule.effective
        and rule.cidr.version == address.family
        and int(rule.cidr.network_address) <= address.value <= int(rule.cidr.broadcast_address)
    ]
    return max(holding, key=lambda rule: rule.cidr.prefixlen, default=None)


def _merge(
    by_host: list[Match | None], by_network: dict[tuple[int, int], Match], groups: Groups, row: int
) -> Match | None:
    """Join the host's match and the network's: the host's word on role and binding, else the network's."""
    host = by_host[int(groups.host_code[row])]
    network = by_network.get((int(groups.address_code[row]), int(groups.period[row]))) if by_network else None
    if host is None or network is None:
        return host or network
    return Match(via=network.via, role=host.role or network.role, rule=f"{host.rule}, {network.rule}")


def _add_unnamed_to_known(matches: dict[int, Match], groups: Groups, eligible: NDArray[np.bool_]) -> None:
    used = {int(groups.address_code[row]) for row, match in matches.items() if match.via is Via.HOST}
    if not used:
        return
    unknown = Match(via=Via.UNNAMED_KNOWN)
    at_used = np.isin(groups.address_code, np.array(sorted(used), dtype=np.int64))
    for row in np.flatnonzero(eligible & (groups.host_code < 0) & at_used).tolist():
        matches.setdefault(row, unknown)
