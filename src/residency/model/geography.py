"""Where the land of each country is: bounds on distances that a verdict may rest on.

What excludes rests on lower bounds, what confirms on upper bounds. Both allow for the difference of sphere and
ellipsoid, and for `BORDER_SLACK_KM`: outlines are simplified, and piers, new land and the outline's own errors lie
beyond them. Land that two states hold or claim belongs to both. No claim is made here about what lies at sea.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from residency.model.borders import Bits, Floats, Indices, Outlines, Rings
from residency.model.distance_field import Excluded, Field, build_field
from residency.model.ellipsoid import HIGH, LOW, MAX_DISTANCE_KM, high_km, low_km
from residency.model.land_cells import Cells
from residency.model.place import Area, Place, Relation, Spot, great_circle_km


@dataclass(frozen=True, slots=True, kw_only=True)
class Distances:
    """Bounds of the distance to the nearest land, in km."""

    low_km: Floats
    high_km: Floats


class Geography:
    """The land of all codes: ISO 3166-1 countries without, and beside them, the parts that have a date of their own.

    The code `ES` stands for Spain without the parts listed as `ES-CN` and the like: the codes share no land, but for
    what two states hold or claim. Methods that take a set of codes read `ES` as the whole country.
    """

    def __init__(self, *, codes: Iterable[str], rings: Rings, cells: Cells) -> None:
        self.codes: tuple[str, ...] = tuple(codes)
        self.cells = cells
        self._outlines = Outlines(rings, len(self.codes))
        self._index = {code: number for number, code in enumerate(self.codes)}

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """The place that each code stands for."""
        return tuple(Place(code[:2], part=code if "-" in code else None) for code in self.codes)

    def indices(self, codes: Iterable[str]) -> Indices:
        """Return the positions of the codes, sorted; a country's code stands for its parts too.

        A part without an outline of its own (`CA-BC`) and an unknown code raise KeyError.
        """
        wanted = set(codes)
        for code in wanted:
            if code not in self._index:
                raise KeyError(code)
        found = [n for n, code in enumerate(self.codes) if code in wanted or code[:2] in wanted]
        return np.array(found, dtype=np.int64)

    def relations(self, area: Area) -> tuple[Bits, Bits]:
        """Say for each code whether its land is wholly in the area, and whether some of it may be."""
        found = [area.relation(place) for place in self.places]
        return (
            np.array([relation is Relation.INSIDE for relation in found]),
            np.array([relation is not Relation.OUTSIDE for relation in found]),
        )

    def nearest_km(self, lat: ArrayLike, lon: ArrayLike) -> Floats:
        """Return lower bounds of the distance from points to the nearest land of each code, 0 inside.

        For numbers the shape is (codes,), for arrays of n points (n, codes).
        """
        return self._for_points(lat, lon, lambda y, x: low_km(self._outlines.nearest_angles(y, x)))

    def nearest_bounds(self, lat: ArrayLike, lon: ArrayLike) -> Distances:
        """Return lower and upper bounds of the distance to the nearest land of each code."""
        angles = self._for_points(lat, lon, self._outlines.nearest_angles)
        return Distances(low_km=low_km(angles), high_km=high_km(angles))

    def farthest_km(self, lat: ArrayLike, lon: ArrayLike) -> Floats:
        """Return upper bounds of the distance from points to the farthest land of each code.

        The farthest land from a point is the nearest to its antipode.
        """
        return self._for_points(lat, lon, lambda y, x: high_km(np.pi - self._outlines.nearest_angles(-y, x + 180)))

    def spot_bounds(self, lat: float, lon: float, spot: Spot) -> Distances:
        """Return bounds of the distance from a point to what stands at a spot, wherever in its radius that is.

        Without a position it stands anywhere in its country: from the nearest land to the farthest. Raises KeyError
        for a country without land here.
        """
        if spot.lat is None or spot.lon is None:
            country = self.indices({spot.country})
            low, high = self.nearest_km(lat, lon)[country].min(), self.farthest_km(lat, lon)[country].max()
        else:
            arc_km = great_circle_km(lat, lon, spot.lat, spot.lon)
            radius_km = spot.radius_km or 0.0
            low, high = max(0.0, arc_km * LOW - radius_km), min(arc_km * HIGH + radius_km, MAX_DISTANCE_KM)
        return Distances(low_km=np.array([low]), high_km=np.array([high]))

    def holds(self, lat: float, lon: float) -> tuple[str, ...]:
        """Return the codes whose outlines hold the point: none at sea, two where two states hold or claim it."""
        return tuple(self.codes[n] for n in np.flatnonzero(self._outlines.inside(lat, lon)))

    def covers_only(self, lat: float, lon: float, radius_km: float, codes: Iterable[str]) -> bool:
        """Is all land within the disc surely inside these countries? True too where the disc holds no land at all."""
        others = np.ones(len(self.codes), bool)
        others[self.indices(codes)] = False
        return bool((self.nearest_km(lat, lon)[others] > radius_km).all())

    def distance_field(self, codes: Iterable[str]) -> Field:
        """Return bounds of the distance to the nearest land of the set, for any point, by boxes of one degree."""
        return self.field_of(self.indices(codes))

    def field_of(self, indices: Indices) -> Field:
        """Return the distance field of the codes at these positions, as `relations` tells them apart."""
        if not len(indices):
            raise ValueError("a distance field needs at least one code")
        return build_field(self._outlines, indices)

    def excludes(self, field: Field, indices: Indices, lat: Floats, lon: Floats, radius_km: Floats) -> Bits:
        """Say for n discs whether each surely misses all land of the codes that `field` was built of.

        The field decides most; each distinct point of those left open is asked of the outlines once.
        """
        answers = field.excludes(lat, lon, radius_km)
        excluded = answers == Excluded.YES
        left = np.flatnonzero(answers == Excluded.ASK)
        if len(left):
            points, which = np.unique(np.column_stack([lat[left], lon[left]]), axis=0, return_inverse=True)
            nearest = self.nearest_km(points[:, 0], points[:, 1])[:, indices].min(axis=1)
            excluded[left] = radius_km[left] < nearest[which.reshape(-1)]
        return np.asarray(excluded)

    @property
    def outlines(self) -> Outlines:
        """The outlines that all answers rest on."""
        return self._outlines

    def _for_points(self, lat: ArrayLike, lon: ArrayLike, ask: Callable[[float, float], Floats]) -> Floats:
        lats, lons = np.broadcast_arrays(np.asarray(lat, np.float64), np.asarray(lon, np.float64))
        if not (np.isfinite(lats).all() and np.isfinite(lons).all() and (np.abs(lats) <= 90).all()):
            raise ValueError("a latitude must lie between -90 and 90 degrees, and a longitude be finite")
        if lats.ndim == 0:
            return ask(float(lats), float(lons))
        rows = [ask(y, x) for y, x in zip(lats.tolist(), lons.tolist(), strict=True)]
        return np.array(rows).reshape(len(rows), len(self.codes))
