"""The land under a map: the part of the world to show, and outlines thinned to what its pixels can hold.

Maps are drawn in the Mercator projection: its scale, and with it the height of a map, is a formula. Neighbours share
the points of their border, and a point is moved to a grid by itself alone, so thinning opens no gap between them.
Nothing here is evidence: verdicts rest on the outlines as shipped (`model/geography.py`), never on these.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from residency.model.borders import Rings

WIDTH_PX = 640
_HEIGHTS_PX = (300, 420)
_LEAST_SPAN = (24.0, 40.0)  # degrees of latitude and longitude
_MARGIN = 0.12
_SOUTHERNMOST, _NORTHERNMOST = -58.0, 80.0  # of a map of the whole world, in Mercator's projection
_GRID_PX = 0.8
_COARSE = 8  # out of sight, the grid is so many times wider
_MIN_AREA = 1.0  # of a piece of land, in steps of the grid squared

LatLon = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The part of the world that a map shows, in degrees."""

    south: float
    north: float
    west: float
    east: float

    @property
    def scale(self) -> float:
        """Pixels for a radian of longitude: the scale of a Mercator projection as d3 and Vega take it."""
        return WIDTH_PX / math.radians(self.east - self.west)

    @property
    def height_px(self) -> int:
        """The height at `WIDTH_PX`."""
        return round(self.scale * (_mercator(self.north) - _mercator(self.south)))

    @property
    def centre(self) -> LatLon:
        """The point in the middle of the drawing."""
        return (_from_mercator((_mercator(self.north) + _mercator(self.south)) / 2), (self.west + self.east) / 2)


def frame_of(points: Iterable[LatLon]) -> Frame:
    """Return a frame that holds the points with a margin, neither too close nor too flat; the world without any."""
    lats, lons = [list(axis) for axis in zip(*points, strict=True)] or ([], [])
    if not lats:
        return _shaped(_SOUTHERNMOST, _NORTHERNMOST, -180.0, 180.0)
    south, north = _widened(min(lats), max(lats), _LEAST_SPAN[0])
    west, east = _widened(min(lons), max(lons), _LEAST_SPAN[1])
    return _shaped(max(south, min(_SOUTHERNMOST, *lats)), min(north, max(_NORTHERNMOST, *lats)), west, east)


def _widened(low: float, high: float, least: float) -> tuple[float, float]:
    half = max((high - low) * (1 + 2 * _MARGIN), least) / 2
    return (low + high) / 2 - half, (low + high) / 2 + half


def _shaped(south: float, north: float, west: float, east: float) -> Frame:
    """Widen one direction until the drawing is neither a strip nor a tower."""
    low, high = _mercator(south), _mercator(north)
    flattest, tallest = (pixels / WIDTH_PX for pixels in _HEIGHTS_PX)
    span = min(max(math.radians(east - west), (high - low) / tallest), math.tau)
    middle = math.radians(east + west) / 2
    middle = min(max(middle, span / 2 - math.pi), math.pi - span / 2)
    rise = max(high - low, span * flattest)
    centre = (low + high) / 2
    return Frame(
        south=_from_mercator(centre - rise / 2),
        north=_from_mercator(centre + rise / 2),
        west=math.degrees(middle - span / 2),
        east=math.degrees(middle + span / 2),
    )


def _mercator(lat: float) -> float:
    return math.asinh(math.tan(math.radians(lat)))


def _from_mercator(y: float) -> float:
    return math.degrees(math.atan(math.sinh(y)))


def middles(codes: Sequence[str], rings: Rings) -> dict[str, LatLon]:
    """Return the middle of the largest piece of land of each code: where a mere country is drawn."""
    starts, area, lat, lon = _areas(rings)
    owner = rings.owner[starts]
    largest = np.lexsort((np.abs(area), owner))
    last = np.flatnonzero(np.append(owner[largest][1:] != owner[largest][:-1], True))
    chosen = largest[last]
    return {codes[int(owner[i])]: (float(lat[i]), (float(lon[i]) + 180) % 360 - 180) for i in chosen}


def _areas(rings: Rings) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return for each ring its start, its signed area (in the units of its points, squared) and its middle."""
    starts = _starts(rings)
    x, y = rings.lon, rings.lat
    # The end of a ring and the beginning of the next make no edge; rings are closed, so nothing is lost.
    within = np.append(rings.ring[1:] == rings.ring[:-1], False)
    x_next, y_next = np.append(x[1:], 0.0), np.append(y[1:], 0.0)
    cross = np.where(within, x * y_next - x_next * y, 0.0)
    doubled = np.add.reduceat(cross, starts)
    safe = np.where(doubled == 0, 1.0, 3 * doubled)
    lon = np.add.reduceat(cross * (x + x_next), starts) / safe
    lat = np.add.reduceat(cross * (y + y_next), starts) / safe
    flat = np.abs(doubled) < 1e-6  # a dot: its first vertex is its middle
    lon, lat = np.where(flat, x[starts], lon), np.where(flat, y[starts], lat)
    return starts, doubled / 2, lat, lon


def _starts(rings: Rings) -> NDArray[np.int64]:
    """Return where each ring starts."""
    return np.flatnonzero(np.append(True, rings.ring[1:] != rings.ring[:-1])[: len(rings.ring)])


def topology(codes: Sequence[str], rings: Rings, frame: Frame, fills: Mapping[str, str]) -> dict[str, Any]:
    """Return the land in a frame as TopoJSON: an object `land` whose members have a `code` and an `is`, their fill.

    Its whole numbers are steps from point to point: a third of the same as GeoJSON. Larger codes come first, so that
    enclaves lie on top. A code that is not in `fills` is `land`.
    """
    step = (frame.east - frame.west) / WIDTH_PX * _GRID_PX
    thin = _thinned(rings, frame, step)
    starts, area, _, _ = _areas(thin)
    large = np.flatnonzero(np.abs(area) >= _MIN_AREA)
    ends = np.append(starts[1:], len(thin.ring))
    arcs: list[list[list[int]]] = []
    members: dict[int, list[int]] = {}
    sizes: dict[int, float] = {}
    for start, end, size in zip(starts[large].tolist(), ends[large].tolist(), area[large].tolist(), strict=True):
        points = np.stack([thin.lon[start:end], thin.lat[start:end]], axis=1).astype(np.int64)
        # d3 reads a ring on the sphere: run the other way, it would be all of the world but this land.
        ring = points if size < 0 else points[::-1]
        owner = int(thin.owner[start])
        members.setdefault(owner, []).append(len(arcs))
        sizes[owner] = max(sizes.get(owner, 0.0), abs(size))
        arcs.append(np.diff(ring, axis=0, prepend=np.zeros((1, 2), np.int64)).tolist())
    geometries = [
        {
            "type": "MultiPolygon",
            "arcs": [[[arc]] for arc in members[owner]],
            "properties": {"code": codes[owner], "is": fills.get(codes[owner], "land")},
        }
        for owner in sorted(members, key=lambda owner: (-sizes[owner], owner))
    ]
    return {
        "type": "Topology",
        "transform": {"scale": [step, step], "translate": [0, 0]},
        "objects": {"land": {"type": "GeometryCollection", "geometries": geometries}},
        "arcs": arcs,
    }


def _thinned(rings: Rings, frame: Frame, step: float) -> Rings:
    """Return the rings in sight with their points on a grid, in whole steps, each point once in a row."""
    is_far = _out_of_sight(rings, frame)
    x, y = _on_grid(rings.lon / step, is_far), _on_grid(rings.lat / step, is_far)
    kept = _rings_in(rings, frame)[rings.ring]
    same = (x[1:] == x[:-1]) & (y[1:] == y[:-1]) & (rings.ring[1:] == rings.ring[:-1])
    kept &= ~np.append(False, same)
    return Rings(lat=y[kept], lon=x[kept], ring=rings.ring[kept], owner=rings.owner[kept])


def _rings_in(rings: Rings, frame: Frame) -> NDArray[np.bool_]:
    """Say for each number of a ring whether its box touches the frame; a ring may run past ±180 degrees."""
    starts = _starts(rings)
    south, north = np.minimum.reduceat(rings.lat, starts), np.maximum.reduceat(rings.lat, starts)
    west, east = np.minimum.reduceat(rings.lon, starts), np.maximum.reduceat(rings.lon, starts)
    touches = np.zeros(len(starts), np.bool_)
    for turn in (-360.0, 0.0, 360.0):
        touches |= (west + turn <= frame.east) & (east + turn >= frame.west)
    touches &= (south <= frame.north) & (north >= frame.south)
    touches &= (east - west < 359) | (north > -60)  # Antarctica goes around the pole, which Mercator cannot show
    answer = np.zeros(int(rings.ring.max()) + 1 if len(rings.ring) else 0, np.bool_)
    answer[rings.ring[starts]] = touches
    return answer


def _out_of_sight(rings: Rings, frame: Frame) -> NDArray[np.bool_]:
    """Say for each vertex whether it lies well beyond the frame; longitudes count as directions."""
    span = frame.east - frame.west
    aside, above = span * _MARGIN, (frame.north - frame.south) * _MARGIN
    eastward = (rings.lon - (frame.west - aside)) % 360
    return (eastward > span + 2 * aside) | (rings.lat < frame.south - above) | (rings.lat > frame.north + above)


def _on_grid(steps: NDArray[np.float64], is_far: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Round to whole steps, to wide ones out of sight."""
    return np.where(is_far, np.round(steps / _COARSE) * _COARSE, np.round(steps))
