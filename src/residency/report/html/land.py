"""Outlines of land as SVG path data on the map's canvas, coarse enough to travel in every page.

Every vertex is rounded to a whole unit of the canvas, so neighbours keep one border. Rings that run past the 180th
meridian are cut there; islands smaller than a unit are dropped but for the largest of each code.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from residency.model.atlas import Atlas
from residency.report.html.projection import HEIGHT, SOUTH, point, project

Floats = NDArray[np.float64]
Points = NDArray[np.int64]  # (n, 2)

_LEAST_AREA = 4.0  # square units of the canvas, about 3 square pixels on a screen


def land_paths(atlas: Atlas) -> dict[str, str]:
    """Return SVG path data for each code that has land on the canvas."""
    rings: dict[str, list[Points]] = {code: [] for code in atlas.codes}
    starts = np.flatnonzero(np.append(True, np.diff(atlas.rings.ring) != 0))
    ends = np.append(starts[1:], len(atlas.rings.ring))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        code = atlas.codes[int(atlas.rings.owner[start])]
        rings[code] += _on_canvas(atlas.rings.lat[start:end], atlas.rings.lon[start:end])
    drawn = {code: "".join(_path(ring) for ring in _worth_drawing(found)) for code, found in rings.items() if found}
    return drawn | {code: path for code in rings if code not in drawn and (path := _speck(atlas, code))}


def _on_canvas(lat: Floats, lon: Floats) -> Iterator[Points]:
    """Yield what a ring covers of the canvas, in whole units and without repeated or idle points."""
    if lat.max() <= SOUTH or lat.min() <= -85:
        return  # Antarctica
    for shift in (-360.0, 0.0, 360.0):
        if lon.max() + shift <= -180 or lon.min() + shift >= 180:
            continue
        points = _clipped(_clipped(np.column_stack([lon + shift, lat]), 180.0, 1), -180.0, -1)
        ring = _thinned(np.rint(np.column_stack(project(points[:, 1], points[:, 0]))).astype(np.int64))
        if len(ring) >= 3 and ring[:, 1].min() < HEIGHT:
            yield ring


def _speck(atlas: Atlas, code: str) -> str:
    """Return a square for land too small to have an outline here, so that it can be shaded all the same."""
    at = atlas.labels.get(code)
    if at is None or at[0] <= SOUTH:
        return ""
    x, y = point(*at)
    return f"M{round(x) - 1} {round(y) - 1}h3v3h-3z"


def _clipped(points: Floats, limit: float, side: int) -> Floats:
    """Cut a closed ring at a meridian (Sutherland and Hodgman, one side)."""
    kept = (points[:, 0] - limit) * side <= 0
    if kept.all():
        return points
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
