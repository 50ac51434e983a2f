"""Test the auditor's own vantage against endpoints of known place in the same traffic (DESIGN sections 5 and 6).

1. A control is an address that its operator publishes for one provider region with a known position; not anycast, not
   a shared front, and not of a party of the claims: a vendor could void its own conviction with a false list.
2. A control that answers sooner than light in vacuum could return from there voids every time of the vantage: it
   stands elsewhere, or something near it answers for others.
3. Where nearly every endpoint answers within the same small time and no far control shows otherwise, the times are
   void too: a proxy or a TLS interceptor may answer for everybody.
4. The vantage passes with three controls of two operators. A disc is proven only up to the farthest of them: what lies
   beyond was not put to the test.
The families are kept apart: what answers a ClientHello over TCP says nothing of QUIC, and a SYN proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from residency.evaluate.physics import KM_PER_MS, Bound
from residency.limits import LIMITS
from residency.model.claim import party_key
from residency.model.evidence import Kind, Statement
from residency.model.network import Address, Vantage
from residency.model.place import Gazetteer, Spot, great_circle_km
from residency.model.vantage_check import Control, Standing, VantageCheck

VACUUM_KM_PER_MS = KM_PER_MS[Bound.VACUUM]
FAMILIES: Mapping[str, str] = {"tls": "tcp", "app": "tcp", "quic": "quic"}
"""Kinds of times that only the far end can have answered -> the family that is tested together."""
_SPHERE_SHARE = 0.994  # the mean sphere's distance may be 0.6 % too long
_KEPT_IMPOSSIBLE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTime:
    """The least time of one address from one vantage by one kind of answer, and what sources say of the address."""

    address: Address
    kind: str
    rtt_ms: float
    samples: int
    said: tuple[Statement, ...]


def check_vantage(
    vantage: Vantage, times: Sequence[EndpointTime], gazetteer: Gazetteer, parties: frozenset[str]
) -> VantageCheck:
    """Test one vantage against all that was seen from it; `parties` are those of the claims (`party_key` form)."""
    controls = [c for time in times for c in _control(vantage, time, gazetteer, parties)]
    operators = tuple(sorted({c.operator for c in controls}))
    impossible = sorted((c for c in controls if c.is_impossible), key=lambda c: (c.reach_km - c.least_km, c.server_ip))
    near = _answers_for_everybody(times)
    untested = VantageCheck(
        vantage=vantage,
        standing=Standing.UNTESTED,
        why=_why_untested(controls),
        endpoints=len({time.address.text for time in times}),
        controls=len({c.server_ip for c in controls}),
        operators=operators,
        impossible=tuple(impossible[:_KEPT_IMPOSSIBLE]),
    )
    if impossible:
        return replace(untested, standing=Standing.VOID, why=_why_void(impossible, near))
    beyond = _beyond(controls)
    if near and not any(km > near.reach_km for km in beyond.values()):
        return replace(untested, standing=Standing.VOID, why=near.why)
    if not beyond:
        return untested
    why = f"{untested.controls} controls of {', '.join(operators)} answered in honest time"
    return replace(untested, standing=Standing.PASSED, why=why, beyond_km=tuple(sorted(beyond.items())))


def _control(vantage: Vantage, time: EndpointTime, gazetteer: Gazetteer, parties: frozenset[str]) -> Iterable[Control]:
    if any(s.anycast or s.network == "cdn" for s in time.said):
        return
    for statement in time.said:
        authors = {party_key(name) for name in (statement.author, statement.holder, statement.lineage) if name}
        if statement.kind is not Kind.DECLARED or not statement.places or authors & parties:
            continue
        spots = [(gazetteer.spot(place), str(place)) for place in sorted(statement.places)]
        distances = [(_least_km(vantage, spot), name) for spot, name in spots]
        known = [(km, name) for km, name in distances if km is not None]
        if len(known) < len(spots):
            continue  # one of the places that the list leaves open has no known position
        km, name = min(known)
        yield Control(
            server_ip=time.address.text,
            operator=statement.holder or statement.author,
            place=name,
            least_km=km,
            rtt_ms=time.rtt_ms,
            kind=time.kind,
            reach_km=time.rtt_ms * VACUUM_KM_PER_MS,
        )
        return


def _least_km(vantage: Vantage, spot: Spot | None) -> float | None:
    """Return how far the spot is at the least, or None where its position is not known."""
    if spot is None or spot.lat is None or spot.lon is None or spot.radius_km is None:
        return None
    between = great_circle_km(vantage.lat, vantage.lon, spot.lat, spot.lon) * _SPHERE_SHARE
    return max(0.0, between - spot.radius_km - vantage.radius_km)


def _beyond(controls: Sequence[Control]) -> dict[str, float]:
    """Return for each family that has enough controls how far the farthest of them is."""
    found: dict[str, float] = {}
    for family in sorted(set(FAMILIES.values())):
        mine = [c for c in controls if FAMILIES.get(c.kind) == family]
        enough = len({c.server_ip for c in mine}) >= LIMITS.min_controls
        if enough and len({c.operator for c in mine}) >= LIMITS.min_control_operators:
            found[family] = max(c.least_km for c in mine)
    return found


@dataclass(frozen=True, slots=True)
class _Near:
    """Nearly every endpoint answers within this reach."""

    reach_km: float
    why: str


def _answers_for_everybody(times: Sequence[EndpointTime]) -> _Near | None:
    """Say so where nearly all networks of a kind answer within the same small time."""
    for kind in sorted({time.kind for time in times}):
        least: dict[str, float] = {}
        for time in times:
            if time.kind == kind:
                network = time.address.network if time.address.family else time.address.text
                least[network] = min(time.rtt_ms, least.get(network, time.rtt_ms))
        within = sorted(least.values())
        if len(within) < LIMITS.min_networks_answered_near:
            continue
        most = within[int(len(within) * LIMITS.answered_near_share)]
        if most <= LIMITS.answered_near_ms:
            why = (
                f"nearly all of {len(within)} networks answer {kind or 'handshakes'} within {most:g} ms: a proxy or an "
            )
            return _Near(most * VACUUM_KM_PER_MS, f"{why}interceptor near the vantage may answer for everybody")
    return None


def _why_void(impossible: Sequence[Control], near: _Near | None) -> str:
    worst = impossible[0]
    text = (
        f"{worst.server_ip}, which {worst.operator} lists in {worst.place}, at least {worst.least_km:,.0f} km away, "
        f"answered {worst.kind or 'a handshake'} in {worst.rtt_ms:g} ms, in which light comes back from "
        f"{worst.reach_km:,.0f} km"
    )
    if near is not None:
        return f"{text}; {near.why}"
    return f"{text}: the vantage is not where it is said to be, or something near it answers for others"


def _why_untested(controls: Sequence[Control]) -> str:
    proving = [c for c in controls if c.kind in FAMILIES]
    seen, operators = len({c.server_ip for c in proving}), len({c.operator for c in proving})
    return (
        f"{seen} endpoints of known place of {operators} operators were timed by tls, quic or app in this traffic; "
        f"its test needs {LIMITS.min_controls} endpoints of {LIMITS.min_control_operators} operators"
    )
