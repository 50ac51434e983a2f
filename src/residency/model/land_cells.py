"""Small discs that together hold the land of every country, for counting which places many discs have in common."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from residency.model.borders import Bits, Floats, Indices, unit_vectors
from residency.model.ellipsoid import HIGH, LOW
from residency.model.place import EARTH_RADIUS_KM

_ROUNDING = 1e-6  # of single precision, always given to the answer that is safe


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Discs of land: all land of code `code` lies in the union of its cells; all four columns have one length.

    `lat` and `lon` are degrees, `code` is the position in `Geography.codes` (sorted), and `radius_km` holds the slack
    of the outlines. A cell may hold water and other countries' land as well.
    """

    lat: Floats
    lon: Floats
    code: Indices
    radius_km: Floats
    _terms: NDArray[np.float32] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        size = self.radius_km / EARTH_RADIUS_KM
        terms = np.column_stack([unit_vectors(self.lat, self.lon), np.cos(size), np.sin(size)])
        object.__setattr__(self, "_terms", np.ascontiguousarray(terms.T, dtype=np.float32))

    def __len__(self) -> int:
        return len(self.lat)

    def __getitem__(self, which: Indices | Bits | slice) -> Cells:
        """Return some of the cells."""
        return Cells(lat=self.lat[which], lon=self.lon[which], code=self.code[which], radius_km=self.radius_km[which])

    def nearest_km(self, lat: float, lon: float) -> Floats:
        """Return lower bounds of the distance from a point to the land in each cell."""
        return np.asarray(np.maximum(self._arcs_km(lat, lon) - self.radius_km, 0) * LOW)

    def farthest_km(self, lat: float, lon: float) -> Floats:
        """Return upper bounds of the distance from a point to the land in each cell."""
        return np.asarray((self._arcs_km(lat, lon) + self.radius_km) * HIGH)

    def touched(self, lat: Floats, lon: Floats, radius_km: Floats) -> Bits:
        """Say for n discs whether land of each cell may lie in it: shape (n, cells); never falsely no."""
        reach = np.minimum(radius_km / LOW / EARTH_RADIUS_KM, np.pi)
        found = self._compare(lat, lon, reach, np.sin(reach)) >= -_ROUNDING
        # A disc and a cell that sum to over half a turn meet anywhere.
        found[reach >= np.pi - self.radius_km.max(initial=0.0) / EARTH_RADIUS_KM] = True
        return np.asarray(found)

    def held(self, lat: Floats, lon: Floats, radius_km: Floats) -> Bits:
        """Say for n discs whether all land of each cell surely lies in it: shape (n, cells); never falsely yes."""
        reach = np.minimum(radius_km / HIGH / EARTH_RADIUS_KM, np.pi)
        found = self._compare(lat, lon, reach, -np.sin(reach)) >= _ROUNDING
        small = reach < self.radius_km.max(initial=0.0) / EARTH_RADIUS_KM
        found[small] &= (reach[small, None] * EARTH_RADIUS_KM) >= self.radius_km[None, :]
        return np.asarray(found)

    def _arcs_km(self, lat: float, lon: float) -> Floats:
        point = unit_vectors(lat, lon)
        cosine = unit_vectors(self.lat, self.lon) @ point
        return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)) * EARTH_RADIUS_KM)

    def _compare(self, lat: Floats, lon: Floats, reach: Floats, sine: Floats) -> NDArray[np.float32]:
        """Return cos(arc) - cos(reach ± radius) for all discs and cells: one product of matrices of five columns."""
        discs = np.column_stack([unit_vectors(lat, lon), -np.cos(reach), sine])
        return np.asarray(discs.astype(np.float32) @ self._terms)
