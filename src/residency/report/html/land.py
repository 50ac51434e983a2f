"""Outlines of land as SVG path data on the map's canvas, coarse enough to travel in every page.

Every vertex is rounded to a whole unit of the canvas, so neighbours keep one border. Rings that run past the 180th
meridian are cut there; islands smaller than a unit are dropped but for the largest of each code.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from residency.model.atlas import Atlas
from residency.report.html.projection import SOUTH, point, project

Floats = NDArray[np.float64]
Points = NDArray[np.int64]  # (n, 2)

_ANTARCTIC = -85.0  # only the ring around the South Pole reaches so far
_LEAST_AREA = 4.0  # square units of the canvas, about 3 square pixels on a screen


def land_paths(atlas: Atlas) -> dict[str, str]:
    """Return SVG path data for each code that has land on the canvas."""
    lat, lon = atlas.rings.lat, atlas.rings.lon
    starts = np.flatnonzero(np.append(True, np.diff(atlas.rings.ring) != 0))
    west, east = np.minimum.reduceat(lon, starts), np.maximum.reduceat(lon, starts)
    beyond = (west < -180) | (east > 180)
    south, north = np.minimum.reduceat(lat, starts), np.maximum.reduceat(lat, starts)
    kept = (north > SOUTH) & (south > _ANTARCTIC)
    whole = _whole_units(lat, lon)
    found: dict[str, list[Points]] = {}
    for number in np.flatnonzero(kept).tolist():
        span = slice(starts[number], starts[number + 1] if number + 1 < len(starts) else None)
        parts = _cut(lat[span], lon[span]) if beyond[number] else [whole[span]]
        drawn = [ring for part in parts if len(ring := _thinned(part)) >= 3]
        found.setdefault(atlas.codes[int(atlas.rings.owner[starts[number]])], []).extend(drawn)
    paths = {code: "".join(map(_path, _worth_drawing(rings))) for code, rings in found.items() if rings}
    return paths | {
        code: path for n, code in enumerate(atlas.codes) if code not in paths and (path := _speck(atlas, n))
    }


def _whole_units(lat: Floats, lon: Floats) -> Points:
    return np.rint(np.column_stack(project(lat, lon))).astype(np.int64)


def _cut(lat: Floats, lon: Floats) -> Iterator[Points]:
    """Yield the parts of a ring that runs past the 180th meridian, each on its own side."""
    for shift in (-360.0, 0.0, 360.0):
        points = np.column_stack([lon + shift, lat])
        part = _clipped(_clipped(points, 180.0, 1), -180.0, -1)
        if len(part):
            yield _whole_units(part[:, 1], part[:, 0])


def _speck(atlas: Atlas, owner: int) -> str:
    """Return a square for land too small to have an outline here, so that it can be shaded all the same."""
    first = int(np.searchsorted(atlas.rings.owner, owner))
    lat, lon = float(atlas.rings.lat[first]), float(atlas.rings.lon[first])
    if lat <= SOUTH:
        return ""
    x, y = point(lat, lon)
    return f"M{round(x) - 1} {round(y) - 1}h3v3h-3z"


def _clipped(points: Floats, limit: float, side: int) -> Floats:
    """Cut a closed ring at a meridian (Sutherland and Hodgman, one side)."""
    kept = (points[:, 0] - limit) * side <= 0
    if kept.all() or not kept.any():
        return points[kept]
    found: list[Floats] = []
    for a, b, is_in, next_in in zip(points, np.roll(points, -1, axis=0), kept, np.roll(kept, -1), strict=True):
        if is_in:
            found.append(a)
        if is_in != next_in:
            share = (limit - a[0]) / (b[0] - a[0])
            found.append(np.array([limit, a[1] + share * (b[1] - a[1])]))
    return np.array(found).reshape(-1, 2)


def _thinned(points: Points) -> Points:
    """Drop points that repeat the one before, and those on the straight line of their neighbours."""
    points = points[np.any(points != np.roll(points, 1, axis=0), axis=1)]
    if len(points) < 3:
        return points
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    is_bend = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    return np.asarray(points[is_bend])


def _worth_drawing(rings: list[Points]) -> list[Points]:
    areas = [_area(ring) for ring in rings]
    largest = max(areas)
    return [ring for ring, area in zip(rings, areas, strict=True) if area >= _LEAST_AREA or area == largest]


def _area(ring: Points) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))) / 2


def _path(ring: Points) -> str:
    """Write a closed ring: an absolute start, then steps, with a minus sign for a separator where it can be one."""
    steps = np.diff(ring, axis=0).ravel().tolist()
    run = "".join(str(step) if step < 0 or not index else f" {step}" for index, step in enumerate(steps))
    return f"M{ring[0, 0]} {ring[0, 1]}l{run}z"
