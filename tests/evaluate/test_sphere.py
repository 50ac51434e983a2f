"""Distances of many points agree with those of two."""

from __future__ import annotations

import numpy as np
import pytest

from residency.evaluate.sphere import distances_km, unit_vectors
from residency.model.place import great_circle_km


def test_distances_equal_the_haversine_near_far_and_at_the_antipode() -> None:
    lat = np.array([0.0, 53.35, 53.3501, -53.35, 90.0, 12.5])
    lon = np.array([0.0, -6.26, -6.26, 173.74, 0.0, 180.0])
    units = unit_vectors(lat, lon)
    found = distances_km(units, units)
    for i in range(len(lat)):
        for j in range(len(lat)):
            assert found[i, j] == pytest.approx(great_circle_km(lat[i], lon[i], lat[j], lon[j]), abs=1e-3)
