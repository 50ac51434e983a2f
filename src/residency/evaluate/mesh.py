"""Which vantages may be believed: times between vantages that would be faster than light in glass give liars away.

A vantage whose stated position is wrong violates the bound with many others; an honest one only with those. So the one
with the most violations goes first, again and again, until none is left. `MeshColumns` holds a mesh for many targets:
each leaves its own site out of it.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from residency.errors import LimitError
from residency.evaluate.physics import ELLIPSOID_SHARE, KM_PER_MS, Bound
from residency.evaluate.sphere import Floats, distances_km, unit_vectors
from residency.limits import LIMITS
from residency.model.network import Vantage

Bits = NDArray[np.bool_]
LEAST_PARTNERS = 3


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeshColumns:
    """A mesh of n vantages in columns: least times both ways taken together, and which pairs are too fast."""

    names: tuple[str, ...]
    units: Floats  # (n, 3)
    radii_km: Floats
    least_ms: Floats  # (n, n), infinite where there is no time, and on the diagonal
    too_fast: Bits  # (n, n)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def everyone(self) -> Bits:
        """All vantages, as a mask."""
        return np.ones(len(self), bool)

    def named(self, names: Set[str]) -> Bits:
        """Return a mask of those with these names."""
        return np.array([name in names for name in self.names], bool)

    def names_of(self, mask: Bits) -> frozenset[str]:
        """Return the names in a mask."""
        return frozenset(self.names[i] for i in np.flatnonzero(mask))

    def near(self, lat: float, lon: float, within_km: float) -> Bits:
        """Say which vantages may stand within some km of a point."""
        here = unit_vectors(np.array([lat], float), np.array([lon], float))
        return np.asarray(distances_km(self.units, here)[:, 0] <= within_km + self.radii_km)

    def sanitised(self, among: Bits) -> Bits:
        """Say who of `among` is kept when they alone test each other: those left when none is too fast to another.

        Removed greedily by most violations; several with equally many go together, since of two that accuse each
        other alone nobody knows which is wrong. Who has no times to them is not tested: see `connected`.
        """
        kept, violations = among.copy(), self.too_fast & among[:, None] & among[None, :]
        counts = violations.sum(axis=0)
        while counts.max(initial=0) > 0:
            gone = counts == counts.max()
            kept &= ~gone
            violations[gone, :] = False
            violations[:, gone] = False
            counts = violations.sum(axis=0)
        return kept

    def connected(self, among: Bits, least: int = LEAST_PARTNERS) -> Bits:
        """Say who of all has times to at least `least` of `among`: the rest were never tested by them."""
        return np.asarray(np.isfinite(self.least_ms[:, among]).sum(axis=1) >= least)

    def admitted(self, kept: Bits) -> Bits:
        """Say who of all contradicts nobody in `kept`."""
        return np.asarray(~self.too_fast[:, kept].any(axis=1))


def columns_of(mesh: Mesh, bound: Bound = Bound.FIBRE) -> MeshColumns:
    """Put a mesh into columns; a pair is too fast where its time is shorter than `bound` allows between its places."""
    index = {vantage.name: i for i, vantage in enumerate(mesh.vantages)}
    least_ms = np.full((len(index), len(index)), np.inf)
    a = np.array([index[trip.origin] for trip in mesh.trips], np.int64)
    b = np.array([index[trip.to] for trip in mesh.trips], np.int64)
    np.minimum.at(least_ms, (a, b), np.array([trip.rtt_ms for trip in mesh.trips], float))
    least_ms = np.minimum(least_ms, least_ms.T)
    np.fill_diagonal(least_ms, np.inf)
    units = unit_vectors(
        np.array([v.lat for v in mesh.vantages], float), np.array([v.lon for v in mesh.vantages], float)
    )
    radii = np.array([v.radius_km for v in mesh.vantages], float)
    apart = distances_km(units, units) * (1 - ELLIPSOID_SHARE) - radii[:, None] - radii[None, :]
    return MeshColumns(
        names=tuple(index),
        units=units,
        radii_km=radii,
        least_ms=least_ms,
        too_fast=np.asarray(apart > least_ms * KM_PER_MS[bound]),
    )


def without_site(mesh: Mesh, lat: float, lon: float, within_km: float) -> Mesh:
    """Leave out every vantage that may stand within some km of a target, with its times."""
    near = columns_of(mesh).near(lat, lon, within_km)
    vantages = tuple(v for v, out in zip(mesh.vantages, near.tolist(), strict=True) if not out)
    names = {v.name for v in vantages}
    return Mesh(vantages=vantages, trips=tuple(t for t in mesh.trips if t.origin in names and t.to in names))
