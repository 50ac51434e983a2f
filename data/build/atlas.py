"""Country outlines from Natural Earth 1:10m (npm world-atlas), and the two questions we ask of them.

Only the build uses this: to choose a representative point in each country, and to check that a provider region
lies in the country that its row names. Coordinates are degrees; distances use a plane scaled at the latitude
asked about.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from common import ATLAS, fetch_npm

KM_PER_DEGREE = 111.195
Ring = np.ndarray[Any, np.dtype[np.float64]]
Polygon = list[Ring]


def read_outlines(work: Path) -> dict[str, list[Polygon]]:
    """Read the polygons of each country, by its ISO 3166-1 numeric code. Outlines without a code are left out."""
    topology = json.loads((fetch_npm(ATLAS, work) / "countries-10m.json").read_text(encoding="utf-8"))
    scale, shift = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = [np.cumsum(np.array(arc, float), axis=0) * scale + shift for arc in topology["arcs"]]
    outlines: dict[str, list[Polygon]] = {}
    for shape in topology["objects"]["countries"]["geometries"]:
        if shape.get("id") and shape.get("type") in ("Polygon", "MultiPolygon"):
            parts = shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]
            polygons = [[_join(ring, arcs) for ring in part] for part in parts]
            outlines.setdefault(shape["id"].zfill(3), []).extend(polygons)
    return outlines


def _join(ring: list[int], arcs: list[Ring]) -> Ring:
    pieces = [arcs[index] if index >= 0 else arcs[~index][::-1] for index in ring]
    return np.concatenate([pieces[0], *[piece[1:] for piece in pieces[1:]]])


def contains(polygon: Polygon, lon: float, lat: float) -> bool:
    """Tell whether a point is in a polygon, its holes excluded (even-odd rule over all rings)."""
    inside = False
    for ring in polygon:
        x0, y0, x1, y1 = ring[:-1, 0], ring[:-1, 1], ring[1:, 0], ring[1:, 1]
        crosses = (y0 > lat) != (y1 > lat)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = x0 + (lat - y0) * (x1 - x0) / (y1 - y0)
        inside ^= bool(np.count_nonzero(crosses & (at > lon)) % 2)
    return inside


def distance_km(polygon: Polygon, lon: float, lat: float) -> float:
    """Return the distance from a point to the nearest outline of a polygon, in km."""
    stretch = np.array([np.cos(np.radians(lat)), 1.0])
    best = np.inf
    for ring in polygon:
        points = (ring - [lon, lat]) * stretch
        step = points[1:] - points[:-1]
        length = np.maximum((step**2).sum(axis=1), 1e-18)
        along = np.clip(-(points[:-1] * step).sum(axis=1) / length, 0, 1)
        nearest = points[:-1] + step * along[:, None]
        best = min(best, float(np.sqrt((nearest**2).sum(axis=1).min())))
    return best * KM_PER_DEGREE


def distance_to_country_km(polygons: list[Polygon], lon: float, lat: float) -> float:
    """Return 0 inside a country, else the distance to its nearest outline in km."""
    if any(contains(polygon, lon, lat) for polygon in polygons):
        return 0.0
    return min(distance_km(polygon, lon, lat) for polygon in polygons)


def area(polygon: Polygon) -> float:
    """Return the area of a polygon's outer ring in square degrees, scaled by latitude."""
    x, y = polygon[0][:, 0], polygon[0][:, 1]
    scale = float(np.cos(np.radians(y.mean())))
    return abs(float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum())) / 2 * scale


def inner_point(polygons: list[Polygon]) -> tuple[float, float]:
    """Return (lon, lat) of the point of the largest polygon farthest from its outline, on a refined grid."""
    polygon = max(polygons, key=area)
    (west, south), (east, north) = polygon[0].min(axis=0), polygon[0].max(axis=0)
    best, depth = (float(polygon[0][0, 0]), float(polygon[0][0, 1])), -1.0
    for _ in range(3):
        for lat in np.linspace(south, north, 18)[1:-1]:
            for lon in np.linspace(west, east, 18)[1:-1]:
                inside = contains(polygon, float(lon), float(lat))
                distance = distance_km(polygon, float(lon), float(lat)) if inside else -1.0
                if distance > depth:
                    best, depth = (float(lon), float(lat)), distance
        width, height = (east - west) / 6, (north - south) / 6
        west, east = best[0] - width, best[0] + width
        south, north = best[1] - height, best[1] + height
    return best
