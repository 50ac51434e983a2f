"""Which vantages stand where they say, by the times between them: trust that is earned, where `mesh` only accuses.

Light convicts a vantage whose stated place its own times rule out. One with slow lines can be wrong by hundreds of km
and break no law. So a vantage is located from its mesh as if it were a target: by the densities of `inflation`, its
stated place must explain its lowest times nearly as well as the best place farther off does. That proves nothing (a
density is no law), so it only says whose word counts where few exclude a place.
"""

from __future__ import annotations

from collections.abc import Set

import numpy as np
from numpy.typing import NDArray

from residency.evaluate.coverage import Geography, grid_of, thinned
from residency.evaluate.inflation import Inflation, Likelihoods, Pairs, learn_inflation, pairs_of
from residency.evaluate.mesh import Bits, MeshColumns
from residency.evaluate.sphere import Floats, distances_km

TIMES_USED = 16
ELSEWHERE_KM = 300.0
MOST_LEAD = 6.0  # of log likelihood: a place elsewhere explains the times 400 times as well
LEAST_VANTAGES = 20  # of fewer no density can be learned
_PLACES_DEGREES = 2.0


class Whereabouts:
    """One mesh, asked for many targets which of its vantages their own times speak for."""

    def __init__(self, mesh: MeshColumns, geography: Geography) -> None:
        self._mesh = mesh
        self._places = thinned(grid_of(geography), _PLACES_DEGREES)
        self._apart = distances_km(mesh.units, mesh.units)
        self._pairs = _pairs(mesh, self._apart)

    def vouched(self, asked: Set[str], partners: Bits) -> frozenset[str]:
        """Return those of `asked` whose stated place the times to `partners` (a mask over the mesh) speak for.

        Partners are the vantages that sanitation kept, without those at the site of the target in question. Of
        fewer than 20 nothing can be learned, and everyone asked is returned.
        """
        if partners.sum() < LEAST_VANTAGES:
            return frozenset(asked)
        model = learn_inflation(self._pairs, partners, partners)
        return frozenset(name for name in asked if self._lead_elsewhere(name, model, partners) <= MOST_LEAD)

    def _lead_elsewhere(self, name: str, model: Inflation, partners: Bits) -> float:
        """Return by how much (log likelihood) the best place elsewhere beats the stated one and what is near it."""
        at = self._mesh.names.index(name)
        times = np.where(partners, self._mesh.least_ms[at], np.inf)
        lowest = np.argsort(times, kind="stable")[:TIMES_USED]
        lowest = lowest[np.isfinite(times[lowest])]
        if not len(lowest):
            return float("inf")
        offsets = np.array([model.offsets[self._mesh.names[i]] for i in lowest], float)
        far = distances_km(self._mesh.units[at : at + 1], self._places)[0] > ELSEWHERE_KM
        apart = np.hstack([self._apart[lowest, at : at + 1], distances_km(self._mesh.units[lowest], self._places)])
        likely = Likelihoods(model, apart).sum_over(np.arange(len(lowest)), offsets, times[lowest])
        elsewhere = np.concatenate([[False], far])
        return float(likely[elsewhere].max(initial=-np.inf) - likely[~elsewhere].max())


def _pairs(mesh: MeshColumns, apart: Floats) -> Pairs:
    """Return all pairs of the mesh; row and vantage are both positions in it."""
    rows = []
    for i in range(len(mesh)):
        others: NDArray[np.int64] = np.flatnonzero(np.isfinite(mesh.least_ms[i]))
        rows.append((tuple(mesh.names[j] for j in others), apart[i, others], mesh.least_ms[i, others]))
    return pairs_of(rows, mesh.names)
