"""Outlines of land on a sphere: which of them hold a point, and how far the nearest line of each is.

Angles on the sphere of geographic latitudes; what they are worth in km on the real Earth is `model/geography.py`'s.
An outline is a set of closed rings; a point is in it where an odd number of rings hold it. A ring may run past ±180
degrees or around the South Pole; none may hold the North Pole. Edges are straight in longitude and latitude, and are
parted into pieces so short that the great circle of each lies within 0.2 km of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Bits = NDArray[np.bool_]

MAX_EDGE_DEGREES = 0.5
CHUNK_EDGES = 16
BANDS = 360
_NO_EDGE = 1e-9  # radians; a shorter edge is its end
_ROUNDING = 1e-12


def unit_vectors(lat: ArrayLike, lon: ArrayLike) -> Floats:
    """Return points of the unit sphere for degrees that broadcast together: shape (..., 3)."""
    phi, theta = np.broadcast_arrays(np.radians(lat), np.radians(lon))
    across = np.cos(phi)
    return np.stack([across * np.cos(theta), across * np.sin(theta), np.sin(phi)], axis=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rings:
    """Closed rings, one after another: `lat`, `lon` in degrees, `ring` and `owner` (sorted) of each vertex."""

    lat: Floats
    lon: Floats
    ring: Indices
    owner: Indices


class Outlines:
    """The rings of all owners, ready to be asked; owners are 0 … `count` - 1 and each has at least one ring."""

    def __init__(self, rings: Rings, count: int) -> None:
        fine = _with_short_edges(rings)
        starts = np.flatnonzero(fine.ring[1:] == fine.ring[:-1])
        self.count = count
        self._bands = _Bands(fine, starts)
        self._chunks = _Chunks(fine, starts, count)

    def inside(self, lat: float, lon: float) -> Bits:
        """Say for each owner whether it holds the point."""
        return self._bands.inside(lat, lon, self.count)

    def line_angles(self, lat: float, lon: float) -> Floats:
        """Return the angle to the nearest line of each owner, in radians, whether or not the point is inside."""
        return self._chunks.nearest(unit_vectors(lat, lon))

    def nearest_angles(self, lat: float, lon: float) -> Floats:
        """Return the angle to each owner in radians: 0 inside, else to its nearest line."""
        return np.where(self.inside(lat, lon), 0.0, self.line_angles(lat, lon))

    def inside_column(self, lat: Floats, lon: float) -> Bits:
        """Say for points of one meridian and each owner whether it holds the point: shape (n, owners)."""
        return self._bands.inside_column(lat, lon, self.count)

    def caps(self, owners: Indices) -> tuple[Floats, Floats]:
        """Return caps that hold all lines of some owners, each with a line in it: centres and radii in radians."""
        return self._chunks.caps(owners)


def _with_short_edges(rings: Rings) -> Rings:
    """Part the edges that are longer than `MAX_EDGE_DEGREES`."""
    step_lat, step_lon = np.diff(rings.lat), np.diff(rings.lon)
    apart = rings.ring[1:] != rings.ring[:-1]
    pieces = np.ceil(np.maximum(np.abs(step_lat), np.abs(step_lon)) / MAX_EDGE_DEGREES).astype(np.int64)
    pieces = np.append(np.where(apart, 1, np.maximum(pieces, 1)), 1)
    at = np.repeat(np.arange(len(rings.lat)), pieces)
    part = (np.arange(len(at)) - np.repeat(np.cumsum(pieces) - pieces, pieces)) / pieces[at]
    return Rings(
        lat=rings.lat[at] + part * np.append(step_lat, 0.0)[at],
        lon=rings.lon[at] + part * np.append(step_lon, 0.0)[at],
        ring=rings.ring[at],
        owner=rings.owner[at],
    )


class _Bands:
    """The edges by bands of longitude, for counting those north of a point."""

    def __init__(self, rings: Rings, starts: Indices) -> None:
        # One number for a vertex in all its edges: else a meridian through it is counted twice or never.
        lon = np.round(rings.lon % 360, 9) % 360
        eastward = rings.lon[starts] <= rings.lon[starts + 1]
        west, east = np.where(eastward, starts, starts + 1), np.where(eastward, starts + 1, starts)
        band = lon[west].astype(np.int16)
        over = np.flatnonzero(lon[east].astype(np.int16) != band)
        edge = np.concatenate([np.arange(len(starts)), over])
        band = np.concatenate([band, (band[over] + 1) % BANDS])
        order = np.argsort(band, kind="stable")
        west, east = west[edge[order]], east[edge[order]]
        self._first = np.searchsorted(band[order], np.arange(BANDS + 1))
        self._west, self._east = lon[west], lon[east]
        self._lat, self._rise = rings.lat[west], rings.lat[east] - rings.lat[west]
        self._owner = rings.owner[west]

    def inside(self, lat: float, lon: float, count: int) -> Bits:
        """Count for each owner the edges north of the point: an odd number is inside."""
        crossing, owner = self._crossings(lon)
        return np.asarray(np.bincount(owner[crossing > lat], minlength=count) % 2 == 1)

    def inside_column(self, lat: Floats, lon: float, count: int) -> Bits:
        """Count the same for many latitudes at once."""
        crossing, owner = self._crossings(lon)
        north = np.zeros((count, len(lat)), dtype=np.int64)
        np.add.at(north, owner, crossing[:, None] > lat[None, :])
        return np.asarray(north.T % 2 == 1)

    def _crossings(self, lon: float) -> tuple[Floats, Indices]:
        """Return the latitudes at which edges cross a meridian, and whose they are."""
        at = round(lon % 360, 9) % 360
        span = slice(self._first[int(at)], self._first[int(at) + 1])
        west, east = self._west[span], self._east[span]
        # Half open, so that an edge and the next never both have their common vertex; an edge may pass 360.
        here = np.flatnonzero(((west <= at) & (at < east)) | ((east < west) & ((west <= at) | (at < east))))
        share = (at - west[here]) % 360 / ((east - west)[here] % 360)
        return self._lat[span][here] + self._rise[span][here] * share, self._owner[span][here]


class _Chunks:
    """Runs of edges, each within a cap, for finding the nearest line of every owner with few distances."""

    def __init__(self, rings: Rings, starts: Indices, count: int) -> None:
        # 1. Cut every ring into runs of at most CHUNK_EDGES edges; the last vertex of a run begins the next.
        fresh = np.append(True, (np.diff(starts) > 1) | (np.diff(rings.owner[starts]) > 0))
        run = np.cumsum(fresh) - 1
        place = np.arange(len(starts)) - np.flatnonzero(fresh)[run]
        heads = np.flatnonzero(place % CHUNK_EDGES == 0)
        sizes = np.diff(np.append(heads, len(starts)))
        # 2. Give all runs one width; what is short repeats its last vertex.
        offsets = np.minimum(np.arange(CHUNK_EDGES + 1)[None, :], sizes[:, None])
        vectors = unit_vectors(rings.lat, rings.lon)
        self._vertices = vectors[starts[heads][:, None] + offsets]
        self._owner = rings.owner[starts[heads]]
        self._heads = np.searchsorted(self._owner, np.arange(count))
        # 3. The cap of each run, and the turn of each edge.
        middle = self._vertices.mean(axis=1)
        self._centres = middle / np.linalg.norm(middle, axis=1, keepdims=True)
        cosine = np.einsum("cvx,cx->cv", self._vertices, self._centres).min(axis=1)
        self._cosine = np.clip(cosine - _ROUNDING, -1.0, 1.0)
        self._sine = np.sqrt(1 - self._cosine**2)
        self._middle = np.ascontiguousarray(self._vertices[np.arange(len(sizes)), sizes // 2])
        before, after = self._vertices[:, :-1], self._vertices[:, 1:]
        step = after - before
        chord = np.einsum("cvx,cvx->cv", step, step)  # squared; exact where a cosine of a short edge is not
        self._turn_cosine = 1 - chord / 2
        self._turn_sine = np.sqrt(chord * (1 - chord / 4))

    def nearest(self, point: Floats) -> Floats:
        """Return the angle from a point to the nearest line of each owner."""
        # 1. No owner is farther than the nearest of its runs' middle vertices.
        reach = np.maximum.reduceat(self._middle @ point, self._heads)
        reach = np.clip(reach - _ROUNDING, -1.0, 1.0)[self._owner]
        # 2. A run whose cap begins beyond that cannot be nearer: cap angle > reach + radius.
        reach_sine = np.sqrt(1 - reach**2)
        bound = reach * self._cosine - reach_sine * self._sine
        round_about = reach * self._sine + reach_sine * self._cosine < 0  # the two angles sum to over a half turn
        near = np.flatnonzero((self._centres @ point >= bound - _ROUNDING) | round_about)
        # 3. The nearest point of each edge left: within it, or one of its ends.
        ends = self._vertices[near] @ point
        first, second = ends[:, :-1], ends[:, 1:]
        cosine, sine = self._turn_cosine[near], self._turn_sine[near]
        along, back = second - cosine * first, first - cosine * second
        within = (along > 0) & (back > 0) & (sine > _NO_EDGE)
        aside = np.hypot(first, along / np.where(within, sine, 1.0))
        best = np.maximum(ends.max(axis=1), np.where(within, aside, -1.0).max(axis=1))
        owner = self._owner[near]
        heads = np.searchsorted(owner, np.arange(len(self._heads)))
        return np.asarray(np.arccos(np.clip(np.maximum.reduceat(best, heads), -1.0, 1.0)))

    def caps(self, owners: Indices) -> tuple[Floats, Floats]:
        """Return the caps of the runs of some owners: centres and radii."""
        chosen = np.isin(self._owner, owners)
        return self._centres[chosen], np.arccos(self._cosine[chosen])
