"""A table of bounds on the distance to a set of land, so that one look decides most questions in bulk.

What it leaves open is for the exact outlines (`Geography.excludes`). The table never disagrees with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from residency.model.borders import Floats, Indices, Outlines, unit_vectors
from residency.model.ellipsoid import high_km, low_km

ROWS, COLUMNS = 180, 360
_BLOCK_DEGREES = (15, 5)
_BLOCK_ROWS = 1 << 16  # of questions answered at once: their columns stay in the processor's cache
_ROUNDING = 1e-7  # radians: far above that of double precision, far below the slack


class Excluded(IntEnum):
    """Does a disc surely miss all land of the set?"""

    NO = 0
    ASK = 1
    YES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Bounds for all points of each box of one degree, in km: shape (180, 360), from the south and from -180 on."""

    low_km: NDArray[np.float32]
    high_km: NDArray[np.float32]

    def excludes(self, lat: Floats, lon: Floats, radius_km: Floats) -> NDArray[np.int8]:
        """Answer for n discs with the numbers of `Excluded`; raises ValueError for a point off the Earth."""
        answers = np.empty(len(lat), dtype=np.int8)
        low, high = self.low_km.ravel(), self.high_km.ravel()
        for start in range(0, len(lat), _BLOCK_ROWS):
            part = slice(start, start + _BLOCK_ROWS)
            box, radius = _boxes(lat[part], lon[part]), radius_km[part]
            np.add(radius < low[box], radius < high[box], out=answers[part], dtype=np.int8)
        return answers

    def bounds_km(self, lat: Floats, lon: Floats) -> tuple[Floats, Floats]:
        """Return lower and upper bounds of the distance from n points to the nearest land of the set."""
        box = _boxes(lat, lon)
        return self.low_km.ravel()[box].astype(np.float64), self.high_km.ravel()[box].astype(np.float64)


def _boxes(lat: Floats, lon: Floats) -> NDArray[np.int32]:
    if not (np.isfinite(lon).all() and (np.abs(lat) <= 90).all()):
        raise ValueError("a latitude must lie between -90 and 90 degrees, and a longitude be finite")
    row = np.minimum((lat + 90).astype(np.int32), ROWS - 1)
    return np.asarray(row * COLUMNS + np.floor((lon + 180) % 360).astype(np.int32) % COLUMNS)


def build_field(outlines: Outlines, indices: Indices) -> Field:
    """Build the field of the owners at `indices` (at least one)."""
    lat, lon = np.arange(-89.5, 90.0), np.arange(-179.5, 180.0)
    caps = Caps(*outlines.caps(indices))
    nodes = unit_vectors(lat[:, None], lon[None, :])
    low, high = np.empty((ROWS, COLUMNS)), np.empty((ROWS, COLUMNS))
    _fill(low, high, nodes, caps, _BLOCK_DEGREES)
    for column in range(COLUMNS):
        held = outlines.inside_column(lat, float(lon[column]))[:, indices].any(axis=1)
        low[held, column] = high[held, column] = 0.0
    # From the middle of a box to any point of it is at most as far as to its corners nearer the equator.
    corners = unit_vectors(np.abs(lat) - 0.5, 0.5)
    reach = np.arccos((unit_vectors(np.abs(lat), 0.0) * corners).sum(axis=1)) + _ROUNDING
    low_angle, high_angle = np.maximum(low - reach[:, None], 0), high + reach[:, None]
    # Single precision, rounded to the safe side.
    down, up = np.float32(-np.inf), np.float32(np.inf)
    return Field(
        low_km=np.maximum(np.nextafter(low_km(low_angle).astype(np.float32), down), 0),
        high_km=np.nextafter(high_km(high_angle).astype(np.float32), up),
    )


@dataclass(frozen=True, slots=True)
class Caps:
    """Caps around lines, each with a line in it: centres (unit vectors) and radii in radians."""

    centres: Floats
    radii: Floats

    def bounds(self, points: Floats) -> tuple[Floats, Floats]:
        """Return lower and upper bounds of the angle from points, of any shape (..., 3), to the nearest line."""
        angles = np.arccos(np.clip(points @ self.centres.T, -1.0, 1.0))
        return (angles - self.radii).min(axis=-1), (angles + self.radii).min(axis=-1)

    def near(self, middle: Floats, reach: float) -> Caps:
        """Return the caps that may decide the bounds of some point within `reach` of `middle`."""
        angles = np.arccos(np.clip(self.centres @ middle, -1.0, 1.0))
        chosen = angles - self.radii <= (angles + self.radii).min() + 2 * reach + _ROUNDING
        return Caps(self.centres[chosen], self.radii[chosen])


def _fill(low: Floats, high: Floats, nodes: Floats, caps: Caps, blocks: tuple[int, ...]) -> None:
    """Fill in the bounds of all nodes, block by block, each block with fewer caps than the one around it."""
    if not blocks:
        low[:], high[:] = caps.bounds(nodes)
        return
    size = blocks[0]
    for row in range(0, nodes.shape[0], size):
        for column in range(0, nodes.shape[1], size):
            part = (slice(row, row + size), slice(column, column + size))
            inner = nodes[part]
            middle = inner[inner.shape[0] // 2, inner.shape[1] // 2]
            reach = float(np.arccos(np.clip(inner @ middle, -1.0, 1.0)).max())
            _fill(low[part], high[part], inner, caps.near(middle, reach), blocks[1:])
