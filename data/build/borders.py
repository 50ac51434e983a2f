"""Build geo/borders.arrow: the land of each country as simplified rings, from Natural Earth 1:10m.

Arcs are simplified once, so neighbours keep one border; no point of an arc moves by more than `SIMPLIFY_KM`, and no
point changes sides farther than that from the line. A ring may run past ±180 degrees: it is never cut there.
What Natural Earth draws as part of another country, or as land without an ISO code, is given to its codes by the
rules below: land that two states hold or claim is given to both, since either may be true (docs/data.md).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from atlas import KM_PER_DEGREE, Ring
from common import ATLAS, DATA, GEO, ISO3166, fetch_npm, import_fetched, labels, read_rows, work_folder, write_table

SIMPLIFY_KM = 1.0
STEPS_PER_DEGREE = 1_000  # what is stored: thousandths of a degree, at most 80 m off
Box = tuple[float, float, float, float]  # west, south, east, north


@dataclass(frozen=True, slots=True)
class Split:
    """Rings of `code` whose middle lies in `box` belong to `to` instead."""

    code: str
    box: Box
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """The land of `code` within `box` is given to `to` as well."""

    code: str
    box: Box
    to: str


SPLITS = (
    Split("FR", (-55, 2, -51, 6), ("GF",)),
    Split("FR", (-62, 15.8, -60.9, 16.6), ("GP",)),
    Split("FR", (-61.3, 14.3, -60.7, 15), ("MQ",)),
    Split("FR", (55, -22, 56, -20), ("RE",)),
    Split("FR", (45, -13.1, 45.4, -12.6), ("YT",)),
    Split("NO", (-10, 70, -7, 72), ("SJ",)),
    Split("NO", (3, 74, 40, 82), ("SJ",)),
    Split("NO", (3, -55, 4, -54), ("BV",)),
    Split("NL", (-69, 12, -62, 18), ("BQ",)),
    Split("NZ", (-173, -10, -171, -8), ()),  # one of Tokelau's atolls; see ISLANDS
    Split("CX", (96, -13, 98, -11), ("CC",)),
    Split("ES", (-19, 27, -13, 30), ("ES-CN",)),
    Split("ES", (-5.45, 35.8, -5.2, 36), ("ES-CE",)),
    Split("ES", (-3, 35.2, -2.9, 35.4), ("ES-ML",)),
    Split("PT", (-32, 36, -24, 40), ("PT-20",)),
    Split("PT", (-18, 29, -15, 34), ("PT-30",)),
    Split("RU", (32, 44, 36.7, 46.3), ("RU", "UA")),  # Crimea
)
# Land that Natural Earth draws without an ISO 3166-1 code.
NAMED = {
    "Dhekelia": ("CY", "GB"),
    "Akrotiri": ("CY", "GB"),
    "N. Cyprus": ("CY",),
    "Cyprus U.N. Buffer Zone": ("CY",),
    "Somaliland": ("SO",),
    "Kosovo": ("RS", "XK"),
    "USNB Guantanamo Bay": ("CU", "US"),
    "Siachen Glacier": ("IN", "PK"),
    "Baikonur": ("KZ", "RU"),
    "Indian Ocean Ter.": ("CX",),  # and CC, which is split off
    "Coral Sea Is.": ("AU",),
    "Clipperton I.": ("FR",),
    "Spratly Is.": ("CN", "MY", "PH", "TW", "VN"),
    "Scarborough Reef": ("CN", "PH", "TW"),
    "Bajo Nuevo Bank": ("CO", "UM"),
    "Serranilla Bank": ("CO", "UM"),
}
COPIES = (
    Copy("MA", (-18, 20, -8, 27.67), "EH"),
    Copy("EH", (-18, 20, -8, 28), "MA"),
    Copy("IL", (35.61, 32.68, 36, 33.5), "SY"),  # the Golan Heights
)
# Not drawn at all: the middle of an island group and a radius that holds it.
ISLANDS = (
    (("TK",), -8.56, -172.49, 8.0),
    (("TK",), -9.17, -171.82, 9.0),
    (("TK",), -9.38, -171.24, 9.0),
    (("CN", "TW", "VN"), 16.5, 112.0, 100.0),  # Paracel Islands
    (("GB",), 57.596, -13.687, 1.0),  # Rockall
    (("BR",), 0.917, -29.345, 2.0),  # Saint Peter and Saint Paul
)
CORNERS = 16


def simplify(arc: Ring, tolerance_km: float) -> Ring:
    """Keep the vertices that the others lie within `tolerance_km` of (Douglas and Peucker; distances to segments).

    A closed arc is first parted at its vertex farthest from the start. Tolerance 0 keeps everything.
    """
    if not tolerance_km:
        return arc
    last = len(arc) - 1
    keep = np.zeros(len(arc), bool)
    keep[[0, last]] = True
    spans = [(0, last)]
    if last > 1 and bool((arc[0] == arc[last]).all()):
        far = int(((arc - arc[0]) ** 2).sum(axis=1).argmax())
        keep[far] = True
        spans = [(0, far), (far, last)]
    while spans:
        start, end = spans.pop()
        if end - start < 2:
            continue
        distances = _distances_km(arc[start : end + 1])
        worst = int(distances.argmax())
        if distances[worst] > tolerance_km:
            keep[start + worst] = True
            spans += [(start, start + worst), (start + worst, end)]
    return arc[keep]


def _distances_km(path: Ring) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return how far each vertex lies from the segment of the path's ends; the widest scale of the path is used."""
    stretch = np.array([math.cos(math.radians(float(np.abs(path[:, 1]).min()))), 1.0]) * KM_PER_DEGREE
    points = (path - path[0]) * stretch
    step = points[-1]
    along = np.clip(points @ step / max(float(step @ step), 1e-12), 0, 1)
    return np.asarray(np.sqrt(((points - along[:, None] * step) ** 2).sum(axis=1)))


def unwrap(ring: Ring) -> Ring:
    """Let a ring run past ±180 degrees instead of jumping."""
    step = np.diff(ring[:, 0], prepend=ring[0, 0])
    return np.column_stack([ring[:, 0] - 360 * np.cumsum(np.round(step / 360)), ring[:, 1]])


def clip(ring: Ring, box: Box) -> Ring:
    """Cut a closed ring to a box (Sutherland and Hodgman): edges along the box may double, the inside is right."""
    for axis, side, bound in ((0, 1, box[0]), (1, 1, box[1]), (0, -1, box[2]), (1, -1, box[3])):
        depth = side * (ring[:, axis] - bound)
        pieces = []
        for at in range(len(ring) - 1):
            here, after = depth[at], depth[at + 1]
            if here >= 0:
                pieces.append(ring[at])
            if (here >= 0) != (after >= 0):
                pieces.append(ring[at] + (ring[at + 1] - ring[at]) * here / (here - after))
        if not pieces:
            return np.empty((0, 2))
        ring = np.array([*pieces, pieces[0]])
    return ring


def circle(lat: float, lon: float, radius_km: float) -> Ring:
    """Return a ring around the disc."""
    turns = np.linspace(0, 2 * np.pi, CORNERS + 1)
    reach = radius_km / math.cos(math.pi / CORNERS) / KM_PER_DEGREE
    return np.column_stack([lon + reach * np.sin(turns) / math.cos(math.radians(lat)), lat + reach * np.cos(turns)])


def read_shapes(work: Path, tolerance_km: float) -> Iterator[tuple[str, str, list[Ring]]]:
    """Yield the numeric code or "", the name and the rings of each shape, simplified and unwrapped."""
    topology = json.loads((fetch_npm(ATLAS, work) / "countries-10m.json").read_text(encoding="utf-8"))
    scale, shift = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = [
        simplify(unwrap(np.cumsum(np.array(arc, float), axis=0) * scale + shift), tolerance_km)
        for arc in topology["arcs"]
    ]
    for shape in topology["objects"]["countries"]["geometries"]:
        polygons = shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]
        rings = [unwrap(_join(ring, arcs)) for polygon in polygons for ring in polygon]
        yield str(shape.get("id") or ""), shape["properties"]["name"], rings


def _join(ring: list[int], arcs: list[Ring]) -> Ring:
    pieces = [arcs[index] if index >= 0 else arcs[~index][::-1] for index in ring]
    return np.concatenate([pieces[0], *[piece[1:] for piece in pieces[1:]]])


def read_land(work: Path, tolerance_km: float = SIMPLIFY_KM) -> dict[str, list[Ring]]:
    """Return the rings of each code, by all rules; a point is in the land of a code where an odd number hold it."""
    numbers = {c.numeric: c.alpha2 for c in import_fetched(ISO3166, "iso3166", work).countries}
    land: dict[str, list[Ring]] = {}
    for number, name, rings in read_shapes(work, tolerance_km):
        owners = (numbers[number.zfill(3)],) if number else NAMED[name]
        for ring in rings:
            for code in _split(owners, ring):
                land.setdefault(code, []).append(ring)
    copies = [(c.to, clip(ring, c.box)) for c in COPIES for ring in land[c.code]]
    copies += [(code, circle(*where)) for codes, *where in ISLANDS for code in codes]
    for code, ring in copies:
        if len(ring):
            land.setdefault(code, []).append(ring)
    return dict(sorted(land.items()))


def _split(owners: tuple[str, ...], ring: Ring) -> tuple[str, ...]:
    lon, lat = (ring.min(axis=0) + ring.max(axis=0)) / 2
    for rule in SPLITS:
        west, south, east, north = rule.box
        if owners == (rule.code,) and west <= lon <= east and south <= lat <= north:
            return rule.to
    return owners


def main() -> None:
    """Build the table; every code of countries.csv must have land."""
    land = read_land(work_folder(__doc__ or ""))
    if missing := {row["code"] for row in read_rows(DATA / "countries.csv")} - set(land):
        raise ValueError(f"no land for {', '.join(sorted(missing))}")
    rings = [(code, ring) for code, rings in land.items() for ring in rings]
    steps = [np.round(ring * STEPS_PER_DEGREE).astype(np.int64) for _, ring in rings]
    points = np.concatenate(steps)
    sizes = [len(step) for step in steps]
    table = pa.table(
        {
            "code": labels([code for code, ring in rings for _ in ring]),
            "ring": pa.array(np.repeat(np.arange(len(rings)), sizes).astype(np.int32)),
            "lon_millidegrees": pa.array(points[:, 0].astype(np.int32)),
            "lat_millidegrees": pa.array(points[:, 1].astype(np.int32)),
        }
    )
    write_table(GEO / "borders.arrow", table)


if __name__ == "__main__":
    main()
