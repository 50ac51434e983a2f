"""Which vantages may be believed: times between vantages that would be faster than light in glass give liars away.

A vantage whose stated position is wrong violates the bound with many others; an honest one only with those. So the one
with the most violations goes first, again and again, until none is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from residency.errors import LimitError
from residency.evaluate.physics import ELLIPSOID_SHARE, KM_PER_MS, Bound
from residency.evaluate.sphere import Floats, distances_km, unit_vectors
from residency.limits import LIMITS
from residency.model.network import Vantage


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshTrip:
    """The least round-trip time from one vantage to another, both by name."""

    origin: str
    to: str
    rtt_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """Vantages, named uniquely, and the times between them. Leave out the target and everything at its site."""

    vantages: tuple[Vantage, ...]
    trips: tuple[MeshTrip, ...]

    def __post_init__(self) -> None:
        if len(self.vantages) > LIMITS.max_vantages:
            raise LimitError(f"a mesh has at most {LIMITS.max_vantages} vantages, not {len(self.vantages)}")
        names = {vantage.name for vantage in self.vantages}
        if len(names) != len(self.vantages):
            raise ValueError("the vantages of a mesh need names of their own")
        if any(trip.origin not in names or trip.to not in names for trip in self.trips):
            raise ValueError("a time of the mesh names a vantage that it does not hold")


def sanitise(mesh: Mesh, *, bound: Bound = Bound.FIBRE) -> frozenset[str]:
    """Return the names of the vantages kept: those left when none is faster than `bound` to another.

    Removed greedily by most violations; several with equally many go together, since of two that accuse each other
    alone nobody knows which is wrong. A vantage without times in the mesh is not tested: see `well_connected`.
    """
    violations = _violations(mesh, bound)
    kept = np.ones(len(mesh.vantages), bool)
    counts = violations.sum(axis=0)
    while counts.max(initial=0) > 0:
        gone = counts == counts.max()
        kept &= ~gone
        violations[gone, :] = False
        violations[:, gone] = False
        counts = violations.sum(axis=0)
    return frozenset(v.name for v, stays in zip(mesh.vantages, kept, strict=True) if stays)


def well_connected(mesh: Mesh, *, least: int = 3) -> frozenset[str]:
    """Return the names of the vantages that have times to at least `least` others: the rest were never tested."""
    partners: dict[str, set[str]] = {vantage.name: set() for vantage in mesh.vantages}
    for trip in mesh.trips:
        if trip.origin != trip.to:
            partners[trip.origin].add(trip.to)
            partners[trip.to].add(trip.origin)
    return frozenset(name for name, others in partners.items() if len(others) >= least)


def without_site(mesh: Mesh, lat: float, lon: float, within_km: float) -> Mesh:
    """Leave out every vantage that may stand within some km of a target, with its times."""
    units = _units(mesh.vantages)
    here = unit_vectors(np.array([lat], float), np.array([lon], float))
    reach = within_km + np.array([v.radius_km for v in mesh.vantages], float)
    far = distances_km(units, here)[:, 0] > reach if mesh.vantages else np.zeros(0, bool)
    vantages = tuple(v for v, stays in zip(mesh.vantages, far, strict=True) if stays)
    names = {v.name for v in vantages}
    return Mesh(vantages=vantages, trips=tuple(t for t in mesh.trips if t.origin in names and t.to in names))


def _violations(mesh: Mesh, bound: Bound) -> NDArray[np.bool_]:
    index = {vantage.name: i for i, vantage in enumerate(mesh.vantages)}
    least_ms = np.full((len(index), len(index)), np.inf)
    for trip in mesh.trips:
        a, b = index[trip.origin], index[trip.to]
        least_ms[a, b] = least_ms[b, a] = min(least_ms[a, b], trip.rtt_ms)
    return _too_far(mesh.vantages, least_ms * KM_PER_MS[bound])


def _too_far(vantages: tuple[Vantage, ...], reach_km: Floats) -> NDArray[np.bool_]:
    if not vantages:
        return np.zeros((0, 0), bool)
    units = _units(vantages)
    radii = np.array([v.radius_km for v in vantages], float)
    apart = distances_km(units, units) * (1 - ELLIPSOID_SHARE) - radii[:, None] - radii[None, :]
    np.fill_diagonal(apart, -np.inf)
    return np.asarray(apart > reach_km)


def _units(vantages: tuple[Vantage, ...]) -> Floats:
    return unit_vectors(np.array([v.lat for v in vantages], float), np.array([v.lon for v in vantages], float))
