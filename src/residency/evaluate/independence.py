"""Which vantages count as one: those of one network that stand near each other share path, clock and mistakes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from residency.evaluate.sphere import circles_touch, unit_vectors
from residency.model.network import Vantage

INDEPENDENT_KM = 100.0


def groups_of(vantages: Sequence[Vantage]) -> NDArray[np.int64]:
    """Number the groups of vantages that depend on each other, 0 upwards in the order of their first member.

    Two are independent with different networks, or more than 100 km apart whatever their ± km; a network that is not
    known counts as the same. Dependence is passed on: three in a row of 80 km steps are one group.
    """
    asn, first = np.array([v.asn or 0 for v in vantages], np.int64), np.arange(len(vantages))
    network, sharing = np.unique(asn, return_inverse=True, return_counts=True)[1:]
    some = np.flatnonzero((sharing[network] > 1) | (asn == 0).any())  # the rest share their network with nobody
    first[some] = some[_first_linked(_linked([vantages[i] for i in some.tolist()], asn[some]))]
    return np.unique(first, return_inverse=True)[1].astype(np.int64)


def _linked(vantages: Sequence[Vantage], asn: NDArray[np.int64]) -> NDArray[np.bool_]:
    units = unit_vectors(np.array([v.lat for v in vantages], float), np.array([v.lon for v in vantages], float))
    near = circles_touch(units, np.array([v.radius_km for v in vantages], float) + INDEPENDENT_KM / 2)
    same = (asn[:, None] == asn[None, :]) | (asn[:, None] == 0) | (asn[None, :] == 0)
    return np.asarray(near & same)


def _first_linked(linked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the first of each connected part: each takes the least among its neighbours until none changes."""
    label = np.arange(len(linked))
    while len(label):
        least = np.where(linked, label[None, :], len(label)).min(axis=1)
        if (least == label).all():
            break
        label = least
    return label
