"""Coverage: how many discs contain the best-covered land of each country.

Land comes as cells, discs of their own that together cover a country. A cell counts as covered where any part of it
may be, so the counts are upper bounds: slack keeps places, it never removes one. Cells are searched through blocks of
some degrees: whole continents fall to a few comparisons, and a disc that holds a block whole is not asked about its
cells.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from residency.evaluate.sphere import Floats, unit_vectors
from residency.model.place import EARTH_RADIUS_KM

Bits = NDArray[np.bool_]
_BLOCK_DEGREES = 4.0
_ROUNDING_KM = 0.01  # cosines are good to a metre where they are worst, at no distance at all
_PRODUCTS_AT_ONCE = 1 << 18
_INSIDE_OUT = np.array([1.0, 1.0, 1.0, 1.0, -1.0])  # turns "touches" into "holds": cos(r + cell) into cos(r - cell)


class LandCells(Protocol):
    """Cells of land in columns: position, index into the codes, and the radius that covers the cell."""

    @property
    def lat(self) -> Floats:
        """Latitude in degrees."""

    @property
    def lon(self) -> Floats:
        """Longitude in degrees."""

    @property
    def code(self) -> NDArray[np.integer]:
        """Index into the codes of the geography."""

    @property
    def radius_km(self) -> Floats:
        """How far the cell reaches from its centre."""


class Geography(Hashable, Protocol):
    """What is asked of the borders: the codes that have land, and cells that cover it."""

    @property
    def codes(self) -> tuple[str, ...]:
        """ISO 3166 codes, sorted."""

    @property
    def cells(self) -> LandCells:
        """Cells whose discs together cover the land of every code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """For each code the most groups of discs that touch one of its cells, that cell, and its position.

    `count` has the groups for each cell of the grid: exact where `most` is, else those that touch its block.
    """

    most: NDArray[np.int64]
    best: Floats  # (codes, 3) unit vectors
    best_radius_km: Floats
    count: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Cells sorted into blocks. A row of `cells` or `blocks` is (x, y, z, cos radius, sin radius)."""

    cells: Floats
    code: NDArray[np.int64]
    units: Floats
    radius_km: Floats
    blocks: Floats
    starts: NDArray[np.int64]  # first cell of each block, and one past the last
    by_code: NDArray[np.int64]  # cells in the order of their codes, and where each code begins
    code_starts: NDArray[np.int64]
    widest_km: float  # of all blocks and cells, rounding included


@lru_cache(maxsize=4)
def grid_of(geography: Geography) -> Grid:
    """Sort the cells of a geography into blocks; kept for the geographies seen last."""
    cells = geography.cells
    lat, lon = np.asarray(cells.lat, float), np.asarray(cells.lon, float)
    across = np.floor((lon + 180) * np.cos(np.radians(lat)) / _BLOCK_DEGREES)
    key = np.floor((lat + 90) / _BLOCK_DEGREES) * 1000 + across
    order = np.argsort(key, kind="stable")
    units, radius = unit_vectors(lat, lon)[order], np.asarray(cells.radius_km, float)[order]
    starts = np.flatnonzero(np.diff(key[order], prepend=-1.0))
    sizes = np.diff(np.append(starts, len(order)))
    centres = np.add.reduceat(units, starts, axis=0)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    off = np.einsum("ij,ij->i", units, np.repeat(centres, sizes, axis=0))
    reach = np.maximum.reduceat(EARTH_RADIUS_KM * np.arccos(np.clip(off, -1, 1)) + radius, starts)
    code = np.asarray(cells.code, np.int64)[order]
    by_code = np.argsort(code, kind="stable")
    return Grid(
        cells=_rows(units, radius),
        code=code,
        by_code=by_code,
        code_starts=np.flatnonzero(np.diff(code[by_code], prepend=-1)),
        units=units,
        radius_km=radius,
        blocks=_rows(centres, reach),
        starts=np.append(starts, len(order)),
        widest_km=float(max(reach.max(), radius.max())) + _ROUNDING_KM,
    )


def count_covering(
    units: Floats, radii_km: Floats, starts: NDArray[np.int64], grid: Grid, codes: int, k: int
) -> Coverage:
    """Count for each of `codes` codes the groups of discs that its best-covered cell touches.

    `units` (n, 3) and `radii_km` (n,) are the discs sorted by group, `starts` the first of each group: a cell is
    covered by a group where each of its discs touches it. Exact for every code within `k` and the shortfall (the
    groups that even the best-covered cell lacks) of the most covered; the others may be counted by their block.
    """
    rows, sizes = _disc_rows(units, radii_km, grid.widest_km), np.diff(grid.starts)
    group = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(units)))
    by_block = len(starts) - _missed(rows, group, grid.blocks)
    count, opened = np.repeat(by_block, sizes), by_block == by_block.max()
    wanted = opened
    while wanted.any():
        chosen = np.repeat(wanted, sizes)
        count[chosen] = len(starts) - _missed_cells(rows, group, grid, wanted)
        most = int(count[np.repeat(opened, sizes)].max())
        wanted = ~opened & (by_block > most - k - (len(starts) - most))
        opened = opened | wanted
    return _best_of_codes(count, grid, codes)


def cells_in_all(units: Floats, radii_km: Floats, grid: Grid) -> NDArray[np.int64]:
    """Return the cells, as positions in the grid, that touch every disc."""
    rows, each = _disc_rows(units, radii_km, grid.widest_km), np.arange(len(units))
    blocks = _missed(rows, each, grid.blocks) == 0
    cells = np.flatnonzero(np.repeat(blocks, np.diff(grid.starts)))
    return np.asarray(cells[_missed_cells(rows, each, grid, blocks) == 0])


def who_misses(units: Floats, radii_km: Floats, grid: Grid, cells: NDArray[np.int64]) -> Bits:
    """Say which discs miss one of these cells (positions in the grid)."""
    rows, found = _disc_rows(units, radii_km, grid.widest_km), np.zeros(len(units), bool)
    for some in _parts(len(cells), rows):
        found |= (rows @ grid.cells[cells[some]].T < 0).any(axis=1)
    return found


def thinned(grid: Grid, degrees: float) -> Floats:
    """Return (n, 3) positions of about one cell for each square of some degrees."""
    lat = np.degrees(np.arcsin(np.clip(grid.units[:, 2], -1, 1)))
    lon = np.degrees(np.arctan2(grid.units[:, 1], grid.units[:, 0]))
    square = np.floor(lat / degrees) * 1000 + np.floor(lon * np.cos(np.radians(lat)) / degrees)
    return np.asarray(grid.units[np.unique(square, return_index=True)[1]])


def _rows(units: Floats, radius_km: Floats) -> Floats:
    angle = np.minimum((radius_km + _ROUNDING_KM) / EARTH_RADIUS_KM, np.pi)[:, None]
    return np.concatenate([units, np.cos(angle), np.sin(angle)], axis=1)


def _disc_rows(units: Floats, radii_km: Floats, widest_km: float) -> Floats:
    """Return rows whose product with a cell's row is >= 0 where the two touch: cos(d) >= cos(r + cell), opened up.

    That only holds while the two radii together stay below half round the Earth. A disc that reaches further with the
    widest cell says nothing and becomes a row of zeros, which always agrees.
    """
    angle = (radii_km / EARTH_RADIUS_KM)[:, None]
    rows = np.concatenate([units, -np.cos(angle), np.sin(angle)], axis=1)
    rows[radii_km + widest_km >= np.pi * EARTH_RADIUS_KM] = 0.0
    return rows


def _parts(places: int, discs: Floats) -> Iterator[slice]:
    """Cut places into parts whose products with the discs fit the processor's cache.

    They also stay below what a linear algebra library would spread over threads: on a busy machine waiting for threads
    costs more than the work.
    """
    step = max(1, _PRODUCTS_AT_ONCE // max(1, discs.size))
    return (slice(begin, begin + step) for begin in range(0, places, step))


def _missed(discs: Floats, group: NDArray[np.int64], places: Floats) -> NDArray[np.int64]:
    """Count the groups (numbers that ascend) of which a disc misses each place."""
    alone = np.bincount(group)[group] == 1
    single, others = discs[alone], discs[~alone]
    begins = np.flatnonzero(np.diff(group[~alone], prepend=-1))
    missed = np.zeros(len(places), np.int64)
    for some in _parts(len(places), discs):
        at = places[some].T
        missed[some] = (single @ at < 0).sum(axis=0, dtype=np.int16)
        if len(begins):
            missed[some] += np.logical_or.reduceat(others @ at < 0, begins, axis=0).sum(axis=0, dtype=np.int16)
    return missed


def _missed_cells(discs: Floats, group: NDArray[np.int64], grid: Grid, blocks: Bits) -> NDArray[np.int64]:
    """Count for the cells of these blocks (a mask) the groups that miss each; who holds all blocks is not asked."""
    asked = ~_holds_all(discs, grid.blocks[blocks])
    return _missed(discs[asked], group[asked], grid.cells[np.repeat(blocks, np.diff(grid.starts))])


def _holds_all(discs: Floats, blocks: Floats) -> Bits:
    """Say which discs hold all of these blocks whole: cos(d) >= cos(r - block) where r >= block."""
    holds = -discs[:, 3] <= blocks[:, 3].min(initial=1.0)
    for some in _parts(len(blocks), discs):
        holds &= (discs @ (blocks[some] * _INSIDE_OUT).T >= 0).all(axis=1)
    return np.asarray(holds)


def _best_of_codes(count: NDArray[np.int64], grid: Grid, codes: int) -> Coverage:
    """Take for each code the cell with the highest count; cells are sorted by code beforehand in `by_code`."""
    most, units, radius = np.full(codes, -1, np.int64), np.zeros((codes, 3)), np.zeros(codes)
    ranked = count[grid.by_code] * len(count) + np.arange(len(count))  # the count first, then where it stands
    best = grid.by_code[np.maximum.reduceat(ranked, grid.code_starts) % len(count)]
    at = grid.code[best]
    most[at], units[at], radius[at] = count[best], grid.units[best], grid.radius_km[best]
    return Coverage(most=most, best=units, best_radius_km=radius, count=count)
