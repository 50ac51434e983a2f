"""The fewest round-trip times that would decide a claim (PURE: no file, no network; nothing is measured here).

1. Which endpoints: one that stands outside and lacks only surer evidence would contradict; else the largest of those
whose place is not known, until their shares reach the coverage. 2. Where each may be, by what the evidence says of it.
3. How near a vantage must stand: from there to the nearest land on the other side of the claim's border is the slack;
a disc that stays within it decides. 4. Stations are chosen greedily: each time the spot that serves the most endpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from residency.evaluate.physics import KM_PER_MS, Bound
from residency.model.geography import Geography
from residency.model.measurement_plan import ClaimPlan, Hopeless, Station, Target, Would
from residency.model.place import Area, Place, Relation, Spot, great_circle_km

_VANTAGE_KM = 25.0  # how well a vantage's own position is known
# A good path takes half as much again as the straight line in glass, and a millisecond on the way in and out.
_DETOUR = 1.5
_ACCESS_MS = 0.5
_MIN_WITHIN_KM = 10.0
_SPHERE_SHARE, _ROUNDING_KM = 0.994, 5.0  # what counting discs allows for the Earth's shape and for single precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An endpoint that might be timed: its weight, and where evidence says it may be.

    `counts_inside` says whether it is already counted as inside; `may_accuse` that only surer evidence is missing.
    """

    finding: str
    server_ip: str
    server_port: int | None
    weights: tuple[int, int, int]  # flows, bytes sent, bytes received
    likely: tuple[tuple[Place, Spot], ...]
    counts_inside: bool
    may_accuse: bool


def plan_claim(
    claim: str, statement: str, area: Area, coverage: float, candidates: Sequence[Candidate], geography: Geography
) -> ClaimPlan:
    """Return the stations and targets that could decide the claim, the likeliest to decide first."""
    bounds = _Bounds(area, geography)
    asked = [c for c in candidates if c.may_accuse] or _until_covered(candidates, coverage)
    placed, unplaced, hopeless = [], [], []
    for candidate in asked:
        if not candidate.likely:
            unplaced.append(_target(candidate, Would.CONFIRM, 0.0))
            continue
        reach = bounds.reach(candidate)
        if isinstance(reach, str):
            hopeless.append(Hopeless(server_ip=candidate.server_ip, finding=candidate.finding, why=reach))
        else:
            placed.append(reach)
    note = "" if asked else "no endpoint is left that a round-trip time would decide"
    return ClaimPlan(
        claim=claim,
        statement=statement,
        stations=_stations(placed),
        unplaced=tuple(unplaced),
        hopeless=tuple(hopeless),
        note=note,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """A target that can be decided from within some km of a spot."""

    target: Target
    spot: Spot
    within_km: float

    def serves(self, other: _Reach) -> bool:
        """Can a vantage at this spot time the other's target too?"""
        here, there = self.spot, other.spot
        return _apart_km(here, there) <= other.within_km


class _Bounds:
    """The claim's border as seen from a spot."""

    def __init__(self, area: Area, geography: Geography) -> None:
        self._area, self._geography = area, geography
        self._inside, self._touched = geography.relations(area)

    def reach(self, candidate: Candidate) -> _Reach | str:
        """Return how near a vantage must stand to decide the candidate at its likeliest place, or why none can."""
        place, spot = candidate.likely[0]
        relation = self._area.relation(place)
        if relation is Relation.PARTLY:
            return f"{place} is partly in the area: no time can tell the parts apart"
        would = Would.CONFIRM if relation is Relation.INSIDE else Would.CONTRADICT
        other = ~self._inside if would is Would.CONFIRM else self._touched
        slack_km = self._slack_km(spot, other)
        max_rtt_ms = (slack_km - _VANTAGE_KM) / KM_PER_MS[Bound.FIBRE]
        within_km = (max_rtt_ms - _ACCESS_MS) / _DETOUR * KM_PER_MS[Bound.FIBRE]
        if within_km < _MIN_WITHIN_KM:
            return f"land on the other side of the border is {slack_km:,.0f} km from {spot.city or place}: too near"
        return _Reach(target=_target(candidate, would, max_rtt_ms), spot=spot, within_km=within_km)

    def _slack_km(self, spot: Spot, other: NDArray[np.bool_]) -> float:
        if not other.any():
            return 20_000.0
        cells = self._geography.cells  # discs are counted over cells, which reach further than the land in them
        nearest = cells.nearest_km(spot.lat or 0.0, spot.lon or 0.0)[other[cells.code]]
        return max(0.0, float(nearest.min(initial=20_000.0)) * _SPHERE_SHARE - _ROUNDING_KM)


def _until_covered(candidates: Sequence[Candidate], coverage: float) -> list[Candidate]:
    """Return the largest endpoints that would bring the inside shares up to the coverage, if they were inside."""
    total = np.array([c.weights for c in candidates], dtype=np.int64).reshape(-1, 3).sum(axis=0)
    inside = np.array([c.weights for c in candidates if c.counts_inside], dtype=np.int64).reshape(-1, 3).sum(axis=0)
    left = sorted((c for c in candidates if not c.counts_inside), key=lambda c: (-c.weights[0], c.server_ip, c.finding))
    chosen: list[Candidate] = []
    for column in range(3):
        for candidate in sorted(left, key=lambda c: -c.weights[column]):
            if inside[column] >= coverage * total[column]:
                break
            if candidate not in chosen and candidate.weights[column]:
                chosen.append(candidate)
                inside = inside + np.array(candidate.weights, dtype=np.int64)
    return chosen


def _stations(placed: Sequence[_Reach]) -> tuple[Station, ...]:
    """Choose spots greedily: the one from which most of the targets that are left can be timed."""
    left, found = list(placed), []
    while left:
        best = max(
            left, key=lambda spot: (sum(spot.serves(one) for one in left), spot.spot.city, spot.target.server_ip)
        )
        served = [one for one in left if best.serves(one) or one is best]
        found.append(
            Station(
                spot=best.spot,
                within_km=min(one.within_km - _apart_km(best.spot, one.spot) for one in served),
                targets=tuple(sorted((one.target for one in served), key=lambda t: (t.server_ip, t.finding))),
            )
        )
        left = [one for one in left if one not in served]
    return tuple(found)


def _apart_km(one: Spot, other: Spot) -> float:
    return great_circle_km(one.lat or 0.0, one.lon or 0.0, other.lat or 0.0, other.lon or 0.0)


def _target(candidate: Candidate, would: Would, max_rtt_ms: float) -> Target:
    return Target(
        server_ip=candidate.server_ip,
        server_port=candidate.server_port,
        finding=candidate.finding,
        would=would,
        max_rtt_ms=max_rtt_ms,
    )
