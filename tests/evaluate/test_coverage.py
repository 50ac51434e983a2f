"""The search through blocks finds what counting every cell finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from residency.evaluate.coverage import cells_in_all, count_covering, grid_of
from residency.evaluate.sphere import Floats, distances_km, unit_vectors
from residency.model.place import EARTH_RADIUS_KM
from residency.sources.borders import shipped_geography


@dataclass(frozen=True, eq=False)
class Cells:
    lat: Floats
    lon: Floats
    code: NDArray[np.integer]
    radius_km: Floats


@dataclass(frozen=True, eq=False)
class Land:
    codes: tuple[str, ...]
    cells: Cells


def random_land(seed: int, count: int = 3_000, codes: int = 40) -> Land:
    pick = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(pick.uniform(-1, 1, count)))
    cells = Cells(lat, pick.uniform(-180, 180, count), pick.integers(0, codes, count), pick.uniform(5, 200, count))
    return Land(tuple(f"{n:02}" for n in range(codes)), cells)


def brute(units: Floats, radii_km: Floats, starts: NDArray[np.int64], land: Land, extra_km: float) -> NDArray[np.int64]:
    cells = land.cells
    apart = distances_km(units, unit_vectors(cells.lat, cells.lon)) - cells.radius_km - radii_km[:, None]
    touched = np.logical_and.reduceat(apart <= extra_km, starts, axis=0).sum(axis=0)
    most = np.full(len(land.codes), -1, np.int64)
    np.maximum.at(most, cells.code, touched)
    return most


@pytest.mark.parametrize("seed", range(6))
def test_counts_lie_between_those_of_brute_force_without_and_with_slack(seed: int) -> None:
    pick, land, k = np.random.default_rng(seed), random_land(seed), 1 + seed % 3
    count = 30
    units = unit_vectors(np.degrees(np.arcsin(pick.uniform(-1, 1, count))), pick.uniform(-180, 180, count))
    radii = pick.uniform(2_000, 21_000, count)
    starts = np.flatnonzero(pick.random(count) < 0.8)
    starts = np.union1d([0], starts)
    found = count_covering(units, radii, starts, grid_of(land), len(land.codes), k).most
    low, high = brute(units, radii, starts, land, 0.0), brute(units, radii, starts, land, 6.0)
    most, groups = int(found.max()), len(starts)
    assert low.max() <= most <= high.max()
    decisive = found > most - k - (groups - most)
    assert (decisive >= (low > most - k - (groups - most))).all()
    assert (found[decisive] <= high[decisive]).all()
    assert (found >= low).all()


def test_cells_in_all_discs_are_those_of_brute_force() -> None:
    land = random_land(9)
    grid = grid_of(land)
    units = unit_vectors(np.array([10.0, 20.0]), np.array([20.0, -10.0]))
    radii = np.array([4_000.0, 3_000.0])
    apart = distances_km(units, grid.units) - grid.radius_km - radii[:, None]
    sure, maybe = set(np.flatnonzero((apart <= 0).all(axis=0))), set(np.flatnonzero((apart <= 6).all(axis=0)))
    found = set(cells_in_all(units, radii, grid).tolist())
    assert sure <= found <= maybe
    assert sure


def test_a_disc_round_the_earth_says_nothing() -> None:
    land = random_land(3)
    units, starts = unit_vectors(np.array([0.0]), np.array([0.0])), np.array([0])
    far = np.array([np.pi * EARTH_RADIUS_KM - 50])
    assert (count_covering(units, far, starts, grid_of(land), 40, 1).most == 1).all()


def test_the_shipped_land_is_kept_in_blocks_of_its_cells() -> None:
    geography = shipped_geography()
    grid = grid_of(geography)
    assert len(grid.cells) == len(geography.cells.lat) == grid.starts[-1]
    assert grid_of(geography) is grid
