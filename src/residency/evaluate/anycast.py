"""Anycast from discs that do not touch: one responder cannot stand in two of them.

One wrong vantage makes every other disc disjoint from its own, so a single disjoint pair, or any number of pairs with
one vantage in common, shows nothing. Several sites are only concluded where no single vantage accounts for all pairs:
where the graph of disjoint discs needs a vertex cover of two or more. To find nothing is no evidence of unicast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from residency.evaluate.sphere import Floats, circles_touch, distances_km


def is_anycast_by_discs(units: Floats, radii_km: Floats, starts: NDArray[np.int64]) -> bool:
    """Tell whether the disjoint pairs of discs need two independent vantages or more to explain.

    `units` is (n, 3), `radii_km` (n,), both sorted by group; `starts` says where each group begins. With vantages
    known to be wrong, sanitise first: two wrong ones look like two sites.
    """
    if len(starts) < 3:
        return False
    middle = radii_km.argmin()  # discs that hold one point touch each other: mostly all hold that of the smallest
    if (distances_km(units, units[middle : middle + 1])[:, 0] <= radii_km).all():
        return False
    apart = ~circles_touch(units, radii_km)
    apart = np.logical_or.reduceat(np.logical_or.reduceat(apart, starts, axis=0), starts, axis=1)
    np.fill_diagonal(apart, False)
    edges = int(apart.sum()) // 2
    return edges > 0 and int(apart.sum(axis=0).max()) < edges
