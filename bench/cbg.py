"""The peer in bench/physics.py: CBG++ (Weinberg et al., IMC 2018), written from the paper.

Each vantage gets a bestline, the line below all its (distance, time) pairs that is nearest to them, with a speed
between a slowline (84.5 km/ms one way) and 2/3 c. A first region is what the most discs at 2/3 c cover; discs by
bestline that miss it are dropped; the answer is what the most of the rest cover.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FASTEST_KM_PER_MS = 99.930819  # of a round trip
SLOWEST_KM_PER_MS = 84.5 / 2


def bestline(apart_km: Floats, rtt_ms: Floats) -> tuple[float, float]:
    """Return (ms per km, ms): the line below all points with the least sum of gaps, its speed within the two limits."""
    least, most = 1 / FASTEST_KM_PER_MS, 1 / SLOWEST_KM_PER_MS
    hull: list[tuple[float, float]] = []
    for point in sorted(zip(apart_km.tolist(), rtt_ms.tolist(), strict=True)):
        while len(hull) >= 2 and _turn(hull[-2], hull[-1], point) <= 0:
            hull.pop()
        hull.append(point)
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(hull) if b[0] > a[0]]
    best = (np.inf, least, 0.0)
    for slope in (*slopes, least, most):
        kept = min(max(slope, least), most)
        start = float(np.min(rtt_ms - kept * apart_km))
        if start >= 0:
            best = min(best, (float(np.sum(rtt_ms - kept * apart_km - start)), kept, start))
    return best[1], best[2]


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def cbg_cells(apart_km: Floats, cell_km: Floats, rtt_ms: Floats, lines: Floats) -> NDArray[np.bool_]:
    """Return the cells of the answer. `apart_km` is (vantages, cells), `lines` (vantages, 2) from `bestline`."""
    near = apart_km - cell_km
    base = (near <= rtt_ms[:, None] * FASTEST_KM_PER_MS).sum(axis=0)
    first = base == base.max()
    reach = np.maximum(rtt_ms - lines[:, 1], 0.0) / lines[:, 0]
    inside = near <= reach[:, None]
    agrees = (inside & first).any(axis=1)
    count = inside[agrees].sum(axis=0)
    return np.asarray((count == count.max()) & (count > 0))
