"""Build geo/land_cells.arrow: discs that together hold the land of each code of geo/borders.arrow.

Every point of land lies within `WITNESS_KM` of a witness: a point of a fine lattice inside the outline, or a point of
the outline itself. Witnesses are grouped by boxes of one degree (as wide as high), of a half and a quarter where a
box has land of several codes; a cell is the disc around a group, widened by `WITNESS_KM` and the outlines' slack.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from common import DATA, GEO, labels, read_table, work_folder, write_table

sys.path.insert(0, str(DATA.parent / "src"))

from residency.model.borders import unit_vectors
from residency.model.ellipsoid import BORDER_SLACK_KM
from residency.model.place import EARTH_RADIUS_KM

LATTICE_DEGREES = 0.05
LATTICE_STEPS = 50  # thousandths of a degree
LINE_DEGREES = 0.018  # points of an outline are at most 2 km apart, and each of its points 1 km from one
WITNESS_KM = 5.0  # half a diagonal of the lattice, 3.94 km, and from there 1 km along the outline
HALVINGS = 2
Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Points of land in degrees, and whose."""

    lat: Floats
    lon: Floats
    owner: Numbers

    def __getitem__(self, which: NDArray[np.generic]) -> Points:
        return Points(lat=self.lat[which], lon=self.lon[which], owner=self.owner[which])

    def __add__(self, other: Points) -> Points:
        return Points(
            lat=np.concatenate([self.lat, other.lat]),
            lon=np.concatenate([self.lon, other.lon]),
            owner=np.concatenate([self.owner, other.owner]),
        )


def read_outlines() -> tuple[list[str], Points, Numbers]:
    """Return the codes, the vertices of all rings, and the positions where an edge begins."""
    table = read_table(GEO / "borders.arrow").combine_chunks()
    code = table["code"].combine_chunks()
    ring = table["ring"].to_numpy()
    vertices = Points(
        lat=table["lat_millidegrees"].to_numpy() / 1000,
        lon=table["lon_millidegrees"].to_numpy() / 1000,
        owner=code.indices.to_numpy().astype(np.int64),
    )
    return code.dictionary.to_pylist(), vertices, np.flatnonzero(ring[1:] == ring[:-1])


def _counted(counts: Numbers) -> tuple[Numbers, Numbers]:
    """Return for `counts` of things the number of the one each belongs to, and its place among its own."""
    which = np.repeat(np.arange(len(counts)), counts)
    return which, np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)


def line_points(vertices: Points, starts: Numbers) -> Points:
    """Return points along all lines, close together."""
    rise, run = np.diff(vertices.lat)[starts], np.diff(vertices.lon)[starts]
    counts = np.ceil(np.hypot(rise, run) / LINE_DEGREES).astype(np.int64) + 1
    edge, place = _counted(counts)
    part = place / np.maximum(counts[edge] - 1, 1)
    at = starts[edge]
    return Points(
        lat=vertices.lat[at] + part * rise[edge], lon=vertices.lon[at] + part * run[edge], owner=vertices.owner[at]
    )


def lattice_points(vertices: Points, starts: Numbers) -> Points:
    """Return the points of the lattice inside each outline: between every second pair of crossings of a meridian."""
    lon, lat = vertices.lon / LATTICE_DEGREES - 0.5, vertices.lat
    # The first column at or east of each vertex, in whole numbers, so that the two edges of a vertex agree.
    next_column = -((LATTICE_STEPS // 2 - np.round(vertices.lon * 1000).astype(np.int64)) // LATTICE_STEPS)
    first = np.minimum(next_column[starts], next_column[starts + 1])
    edge, place = _counted(np.abs(next_column[starts + 1] - next_column[starts]))
    column, at = first[edge] + place, starts[edge]
    crossing = lat[at] + (lat[at + 1] - lat[at]) * (column - lon[at]) / (lon[at + 1] - lon[at])
    columns = round(360 / LATTICE_DEGREES)
    group = vertices.owner[at] * columns + column % columns
    # A meridian that is crossed an odd number of times ends inside, at the South Pole.
    groups, times = np.unique(group, return_counts=True)
    odd = groups[times % 2 == 1]
    group, crossing = np.concatenate([group, odd]), np.concatenate([crossing, np.full(len(odd), -90.0)])
    order = np.lexsort((-crossing, group))
    group, crossing = group[order][::2], crossing[order]
    top = np.floor(crossing[::2] / LATTICE_DEGREES - 0.5).astype(np.int64)
    bottom = np.floor(crossing[1::2] / LATTICE_DEGREES - 0.5).astype(np.int64)
    span, place = _counted(top - bottom)
    return Points(
        lat=np.asarray((top[span] - place + 0.5) * LATTICE_DEGREES, dtype=np.float64),
        lon=np.asarray((group[span] % columns + 0.5) * LATTICE_DEGREES, dtype=np.float64),
        owner=group[span] // columns,
    )


def box_numbers(points: Points, halvings: int) -> Numbers:
    """Return the box of each point: rows of a degree, parted into columns about as wide, both halved so many times."""
    row = np.clip(np.floor((points.lat + 90) * 2**halvings), 0, 180 * 2**halvings - 1).astype(np.int64)
    middle = np.radians((row >> halvings) - 89.5)
    columns = np.maximum(np.round(360 * np.cos(middle)), 1).astype(np.int64) << halvings
    column = np.minimum((points.lon % 360 / 360 * columns).astype(np.int64), columns - 1)
    return np.asarray(row * (360 << halvings) + column)


def group_points(points: Points) -> Numbers:
    """Return the group of each point: one for each owner and box, boxes with several owners halved."""
    groups = np.full(len(points.lat), -1, dtype=np.int64)
    left = np.arange(len(points.lat))
    for halvings in range(HALVINGS + 1):
        boxes = box_numbers(points[left], halvings)
        pairs = np.unique(boxes * 1_000 + points.owner[left])
        owners = np.unique(pairs // 1_000, return_counts=True)
        alone = owners[1][np.searchsorted(owners[0], boxes)] == 1
        done = alone if halvings < HALVINGS else np.ones(len(left), bool)
        groups[left[done]] = (halvings << 48) + boxes[done] * 1_000 + points.owner[left[done]]
        left = left[~done]
    return groups


def main() -> None:
    """Build the table."""
    work_folder(__doc__ or "")
    codes, vertices, starts = read_outlines()
    points = line_points(vertices, starts) + lattice_points(vertices, starts)
    groups = group_points(points)
    order = np.lexsort((groups, points.owner))
    points, groups = points[order], groups[order]
    heads = np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))
    vectors = unit_vectors(points.lat, points.lon)
    middle = np.minimum.reduceat(vectors, heads) + np.maximum.reduceat(vectors, heads)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    lat = np.round(np.degrees(np.arcsin(middle[:, 2])), 3)
    lon = np.round(np.degrees(np.arctan2(middle[:, 1], middle[:, 0])), 3)
    sizes = np.diff(np.append(heads, len(groups)))
    chord = np.linalg.norm(vectors - np.repeat(unit_vectors(lat, lon), sizes, axis=0), axis=1)
    radius_km = 2 * np.arcsin(np.maximum.reduceat(chord, heads) / 2) * EARTH_RADIUS_KM + WITNESS_KM + BORDER_SLACK_KM
    table = pa.table(
        {
            "code": labels([codes[owner] for owner in points.owner[heads]]),
            "lat_millidegrees": pa.array(np.round(lat * 1000).astype(np.int32)),
            "lon_millidegrees": pa.array(np.round(lon * 1000).astype(np.int32)),
            "radius_m": pa.array(np.ceil(radius_km * 1000).astype(np.int32)),
        }
    )
    write_table(GEO / "land_cells.arrow", table)


if __name__ == "__main__":
    main()
