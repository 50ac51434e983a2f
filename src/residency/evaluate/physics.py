"""Bounds from round-trip times: how far the responder can be at most, and which places that leaves.

A round trip bounds distance from above only: a slow answer never means far. Every radius is widened by what is not
known (the vantage's own position, the clock's resolution, the size of a land cell), never narrowed. Counting discs
(`locate_by_discs`) and testing a finite list of places (`survivors`) are here; which vantages may be believed is
`mesh`, several sites behind one address `anycast`, statistical regions `calibrated`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from residency.evaluate.anycast import is_anycast_by_discs
from residency.evaluate.coverage import Coverage, Geography, count_covering, grid_of, who_misses
from residency.evaluate.independence import groups_of
from residency.evaluate.sphere import Floats, distances_km, unit_vectors
from residency.limits import LIMITS
from residency.model.latency import RttKind
from residency.model.network import Vantage
from residency.model.place import Spot

# The mean sphere is within 0.56 % of the WGS 84 ellipsoid; a distance held against a disc is shortened by it.
ELLIPSOID_SHARE = 0.0056


class Bound(StrEnum):
    """Which speed limit is used: light in vacuum is the proof, light in glass what all but odd networks obey."""

    VACUUM = "vacuum"
    FIBRE = "fibre"


# Half of c, and half of two thirds of c: km of distance for a millisecond of round trip.
KM_PER_MS: Mapping[Bound, float] = {Bound.VACUUM: 149.896229, Bound.FIBRE: 99.930819}
HALF_ROUND_KM = 20_038.0
REFUTERS_NAMED = 2
FEW = 2
KINDS = frozenset(kind.value for kind in RttKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """The least round-trip time seen between one vantage and the target; raises ValueError for what is no time.

    `resolution_ms` is the step of the clock: the true time may be that much longer than the one noted.
    """

    vantage: Vantage
    rtt_ms: float
    kind: str = "icmp"
    samples: int = 1
    resolution_ms: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.rtt_ms) and 0 < self.rtt_ms <= LIMITS.max_rtt_ms):
            raise ValueError(f"a round-trip time must lie in (0, {LIMITS.max_rtt_ms:.0f}] ms")
        if not (math.isfinite(self.resolution_ms) and 0 <= self.resolution_ms <= LIMITS.max_rtt_ms):
            raise ValueError("a clock's resolution must be finite and not negative")
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(sorted(KINDS))}")
        if self.samples < 1:
            raise ValueError("a round trip has one sample or more")


class Refuter(NamedTuple):
    """One vantage that excludes a place: how near the place would have to be, and how near it is at the least.

    A tuple and no dataclass: every target names two for each of some 250 codes, and a tuple is built in a third of the
    time.
    """

    vantage: Vantage
    rtt_ms: float
    radius_km: float
    distance_km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """What the discs leave: feasible codes, and for each excluded one the vantages that refute it, strongest first.

    `k` is the deficit that was asked for, `k_used` the one applied: it grows by the discs that must be wrong because
    no place on land is in all of them (`is_empty`). An `anycast` address has no single place: nothing is excluded.
    """

    bound: Bound
    k: int
    k_used: int
    feasible: tuple[str, ...]
    excluded: tuple[str, ...]
    by: tuple[tuple[Refuter, ...], ...]
    is_empty: bool = False
    anycast: bool = False

    def refuters_of(self, code: str) -> tuple[Refuter, ...]:
        """Return the vantages that refute one excluded code; () for a feasible one."""
        return dict(zip(self.excluded, self.by, strict=True)).get(code, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """One place of a finite list: does it survive, and if not, which vantages refute it, strongest first."""

    hypothesis: Spot
    survives: bool
    by: tuple[Refuter, ...] = ()


def radius_km(trip: RoundTrip, bound: Bound) -> float:
    """Return how far from the vantage's stated position the responder can be at most."""
    return (trip.rtt_ms + trip.resolution_ms) * KM_PER_MS[bound] + trip.vantage.radius_km


@dataclass(frozen=True, slots=True, kw_only=True)
class Discs:
    """The discs of all trips in columns, sorted by vantage group; equal trips count once."""

    trips: tuple[RoundTrip, ...]
    units: NDArray[np.float64]  # (n, 3)
    radii_km: NDArray[np.float64]
    starts: NDArray[np.int64]  # where each group of dependent vantages begins

    def __len__(self) -> int:
        return len(self.trips)

    @property
    def groups(self) -> int:
        """How many independent vantages there are."""
        return len(self.starts)


def discs_of(trips: Sequence[RoundTrip], bound: Bound) -> Discs:
    """Put trips into columns: one disc a vantage (the smallest), vantages that depend on each other side by side."""
    best: dict[tuple[float, float, float, str, int], tuple[float, RoundTrip]] = {}
    for trip in trips:
        vantage, reach = trip.vantage, radius_km(trip, bound)
        key = (vantage.lat, vantage.lon, vantage.radius_km, vantage.name, vantage.asn or 0)
        if key not in best or reach < best[key][0]:
            best[key] = reach, trip
    kept = list(best)
    if len(kept) > LIMITS.max_vantages:  # to leave a disc out is safe
        kept = sorted(best, key=lambda key: (best[key][0], key))[: LIMITS.max_vantages]
    ordered = [best[key] for key in sorted(kept)]
    group = groups_of([trip.vantage for _, trip in ordered])
    order = np.argsort(group, kind="stable")
    chosen, radii = tuple(ordered[i][1] for i in order), np.array([reach for reach, _ in ordered], float)[order]
    units = unit_vectors(
        np.array([t.vantage.lat for t in chosen], float), np.array([t.vantage.lon for t in chosen], float)
    )
    starts = np.flatnonzero(np.diff(group[order], prepend=-1)) if chosen else np.zeros(0, np.int64)
    return Discs(trips=chosen, units=units, radii_km=radii / (1 - ELLIPSOID_SHARE), starts=starts)


def locate_by_discs(trips: Sequence[RoundTrip], geography: Geography, *, bound: Bound, k: int) -> Region:
    """Return the codes that the discs leave, by coverage deficit (EVIDENCE section 3).

    A code is excluded where its best-covered cell lies in at least `k` independent discs fewer than the best-covered
    place on land: fewer than `k` wrong discs can then not have excluded the true place, which at least all discs but
    those cover, and no place is in more than all. Each disc that must be wrong in any case adds one to `k`. Use `k` = 1
    with vantages that `MeshColumns.sanitised` kept, 2 with others. No trips exclude nothing. Not checked: that one
    machine answered all.
    """
    if k < 1:
        raise ValueError("the deficit k is 1 or more")
    discs = discs_of(trips, bound)
    open_ = _undecided(discs, geography, bound, k)
    return open_ or _region(discs, _covered(discs, geography, k), geography, bound=bound, k=k)


def locate_by_vouched(
    trips: Sequence[RoundTrip],
    geography: Geography,
    *,
    bound: Bound,
    vouched: Callable[[Set[str]], Set[str]],
) -> Region:
    """Return the codes that are left where whoever excludes with at most one other is vouched for by its own mesh.

    `vouched` is asked for the names of vantages that exclude something alone or in twos, and answers with those it
    vouches for (`whereabouts`); the others are left out, and the rest is asked again. Discs that share no place on land
    show a wrong vantage: those that miss the best-covered places are asked for too, and where all are vouched for, two
    must agree beyond the discs that must be wrong.
    """
    left = tuple(trips)
    while True:
        discs = discs_of(left, bound)
        open_ = _undecided(discs, geography, bound, 1)
        if open_:
            return open_
        covered = _covered(discs, geography, 1 + FEW)
        voices = _few_voices(discs, covered, geography)
        dissent = voices - vouched(voices) if voices else voices
        if not dissent:
            is_empty = covered.most.max() < discs.groups
            return _region(discs, covered, geography, bound=bound, k=2 if is_empty else 1)
        left = tuple(trip for trip in left if trip.vantage.name not in dissent)


def _few_voices(discs: Discs, covered: Coverage, geography: Geography) -> frozenset[str]:
    """Return the names of vantages that exclude something with at most one other, or miss what the most agree on."""
    top = covered.most == covered.most.max()
    asked = (_gaps_km(discs, covered.best[top], covered.best_radius_km[top]) > 0).any(axis=1)
    disputed = _kept(discs, covered, 1 + FEW) & ~_kept(discs, covered, 1)
    if disputed.any():
        grid = grid_of(geography)
        by_few = (covered.count < discs.groups) & (covered.count >= discs.groups - FEW)
        asked |= who_misses(discs.units, discs.radii_km, grid, np.flatnonzero(by_few & disputed[grid.code]))
    return frozenset(discs.trips[i].vantage.name for i in np.flatnonzero(asked))


def _undecided(discs: Discs, geography: Geography, bound: Bound, k: int) -> Region | None:
    """Return the region that excludes nothing, where there are no discs or several sites; else None."""
    anycast = bool(len(discs)) and is_anycast_by_discs(discs.units, discs.radii_km, discs.starts)
    if len(discs) and not anycast:
        return None
    return Region(bound=bound, k=k, k_used=k, feasible=geography.codes, excluded=(), by=(), anycast=anycast)


def _covered(discs: Discs, geography: Geography, k: int) -> Coverage:
    return count_covering(discs.units, discs.radii_km, discs.starts, grid_of(geography), len(geography.codes), k)


def _kept(discs: Discs, covered: Coverage, k: int) -> NDArray[np.bool_]:
    """Say which codes the deficit `k` keeps: it grows by the discs that must be wrong in any case."""
    most = int(covered.most.max())
    return np.asarray(covered.most > most - (k + discs.groups - most))


def _region(discs: Discs, covered: Coverage, geography: Geography, *, bound: Bound, k: int) -> Region:
    wrong, kept = discs.groups - int(covered.most.max()), _kept(discs, covered, k)
    return Region(
        bound=bound,
        k=k,
        k_used=k + wrong,
        feasible=tuple(code for code, stays in zip(geography.codes, kept, strict=True) if stays),
        excluded=tuple(code for code, stays in zip(geography.codes, kept, strict=True) if not stays),
        by=_refuters(discs, covered.best[~kept], covered.best_radius_km[~kept]),
        is_empty=wrong > 0,
    )


def survivors(
    trips: Sequence[RoundTrip], hypotheses: Sequence[Spot], *, bound: Bound, k: int = 1
) -> tuple[Survival, ...]:
    """Tell for each place of a finite list whether it survives, and if not, which vantages refute it.

    A place falls where its whole circle (± km) lies outside the discs of `k` independent vantages. One without a
    position survives. That all fall says that the list does not hold the true place, or that a vantage is wrong.
    Not checked: that the list is complete; "only one survives" is worth as much as the list.
    """
    if k < 1:
        raise ValueError("k is 1 or more")
    discs = discs_of(trips, bound)
    known = [i for i, spot in enumerate(hypotheses) if spot.lat is not None and spot.lon is not None]
    if not len(discs) or not known:
        return tuple(Survival(hypothesis=spot, survives=True) for spot in hypotheses)
    lat = np.array([hypotheses[i].lat for i in known], float)
    lon = np.array([hypotheses[i].lon for i in known], float)
    radius = np.array([_reach_km(hypotheses[i]) for i in known], float)
    points = unit_vectors(lat, lon)
    misses = _gaps_km(discs, points, radius) > 0
    refuting = np.logical_or.reduceat(misses, discs.starts, axis=0).sum(axis=0)
    by = dict(zip(known, _refuters(discs, points, radius), strict=True))
    fallen = {i for i, count in zip(known, refuting, strict=True) if count >= k}
    return tuple(
        Survival(hypothesis=spot, survives=i not in fallen, by=by[i] if i in fallen else ())
        for i, spot in enumerate(hypotheses)
    )


def is_anycast(trips: Sequence[RoundTrip], *, bound: Bound = Bound.FIBRE) -> bool:
    """Tell whether the times need several responders: disjoint discs that no one wrong vantage explains.

    False is "no evidence of anycast", never "unicast".
    """
    discs = discs_of(trips, bound)
    return is_anycast_by_discs(discs.units, discs.radii_km, discs.starts)


def _reach_km(spot: Spot) -> float:
    """Return a spot's ± km; one that states none is only known to be on Earth."""
    return HALF_ROUND_KM if spot.radius_km is None else spot.radius_km


def _gaps_km(discs: Discs, points: Floats, radius_km_: Floats) -> Floats:
    """Return (discs, points): how far each circle lies outside each disc at the least; negative where they touch."""
    return distances_km(discs.units, points) - radius_km_[None, :] - discs.radii_km[:, None]


def _refuters(discs: Discs, points: Floats, radius_km_: Floats) -> tuple[tuple[Refuter, ...], ...]:
    """Name for each place the vantages whose discs it misses by most."""
    if not len(points):
        return ()
    gaps = _gaps_km(discs, points, radius_km_)
    strongest = _largest(gaps, REFUTERS_NAMED)
    by_how_much = np.take_along_axis(gaps, strongest, axis=0)
    reach_km = discs.radii_km.tolist()
    return tuple(
        tuple(
            Refuter(discs.trips[i].vantage, discs.trips[i].rtt_ms, reach_km[i], reach_km[i] + gap)
            for i, gap in zip(which, gap_km, strict=True)
            if gap > 0
        )
        for which, gap_km in zip(strongest.T.tolist(), by_how_much.T.tolist(), strict=True)
    )


def _largest(values: Floats, count: int) -> NDArray[np.int64]:
    """Return (count, m): the rows of the largest values of each column, the first of equal ones first."""
    left, found = values.copy(), []
    for _ in range(min(count, len(values))):
        found.append(left.argmax(axis=0))
        left[found[-1], np.arange(left.shape[1])] = -np.inf
    return np.array(found, np.int64)
