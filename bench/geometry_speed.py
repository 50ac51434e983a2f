"""Time the geometry: loading, distances to all countries, a field, and single-vantage tests in bulk.

    python bench/geometry_speed.py

Goals: loading under 100 ms, a point's distances to all countries under 1 ms, 20 M tests/s from the field. The peer of
the distances is a plain search of all vertices, without the lines between them. Times are of the processor, for one
thread (set OPENBLAS_NUM_THREADS=1): a shared machine counts less.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from residency.model.borders import Floats, unit_vectors
from residency.model.distance_field import Excluded
from residency.shipped import manifest
from residency.sources.borders import read_rings, shipped_geography

REPEAT = 7
TESTS = 10_000_000
POINTS = 300


def seconds(work: Callable[[], object], repeat: int = REPEAT) -> tuple[float, float]:
    """Return the median and the least time of a call."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times), min(times)


def report(what: str, times: tuple[float, float], per: int = 1, unit: str = "ms") -> None:
    """Print a line; `M/s` is a rate, everything else a time."""
    median, least = (per / t / 1e6 if unit == "M/s" else t / per * 1e3 for t in times)
    print(f"{what:58} {median:9.3f} {unit}   (best {least:.3f})")


def load() -> None:
    """Load anew, files and check sums included."""
    shipped_geography.cache_clear()
    shipped_geography()


def main() -> None:
    """Measure everything."""
    import pyarrow.parquet  # noqa: F401  its import is not what is measured

    size = sum(manifest()[entry].size for entry in ("borders", "land-cells"))
    print(f"{'tables':58} {size / 1000:9.0f} kB")
    report("load", seconds(load))
    earth, dice = shipped_geography(), np.random.default_rng(1)
    lat: Floats = np.degrees(np.arcsin(dice.uniform(-1, 1, TESTS)))
    lon = dice.uniform(-180, 180, TESTS)
    few = lat[:POINTS], lon[:POINTS]
    report("distances to all countries, a point", seconds(lambda: earth.nearest_km(*few), 3), POINTS)
    _, rings = read_rings()
    vectors = unit_vectors(rings.lat, rings.lon)
    heads = np.searchsorted(rings.owner, np.arange(len(earth.codes)))
    points = unit_vectors(*few)[:20]
    plain = seconds(lambda: [np.maximum.reduceat(vectors @ point, heads) for point in points], 3)
    report("    peer: all vertices, no lines", plain, len(points))
    europe = earth.indices({"IE", "DE", "FR", "ES", "PT", "NO", "SE", "FI", "IT", "GR", "PL", "RO", "NL", "BE"})
    report("field of 14 countries", seconds(lambda: earth.field_of(europe), 3))
    others = np.setdiff1d(np.arange(len(earth.codes)), europe)
    report("field of all others", seconds(lambda: earth.field_of(others), 3))
    field, radius_km = earth.field_of(europe), dice.exponential(3_000, TESTS)
    report("single tests by field", seconds(lambda: field.excludes(lat, lon, radius_km)), TESTS, "M/s")
    left = np.count_nonzero(field.excludes(lat, lon, radius_km) == Excluded.ASK) / TESTS
    print(f"{'    left to the outlines':58} {left:9.2%}")
    where = np.full(TESTS, 50.85), np.full(TESTS, 4.35)
    report("the same from one vantage", seconds(lambda: field.excludes(*where, radius_km)), TESTS, "M/s")
    radii = dice.exponential(3_000, 200)
    near = dice.normal(50, 5, 200), dice.normal(10, 10, 200)
    report(f"200 discs and {len(earth.cells):,} cells", seconds(lambda: earth.cells.touched(*near, radii)))


if __name__ == "__main__":
    main()
