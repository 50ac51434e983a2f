"""Points on the mean sphere as unit vectors, and distances between many of them at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from residency.model.place import EARTH_RADIUS_KM

Floats = NDArray[np.float64]

_ROUNDING = 1e-15


def unit_vectors(lat: Floats, lon: Floats) -> Floats:
    """Return (n, 3) unit vectors of points given in degrees."""
    phi, theta = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)], axis=-1)


def distances_km(from_units: Floats, to_units: Floats) -> Floats:
    """Return the (n, m) great-circle distances of two sets of unit vectors, good to metres at every distance.

    The chord is used and not the cosine, which loses all digits below some hundred metres.
    """
    chord_squared = np.maximum(0.0, 2.0 - 2.0 * (from_units @ to_units.T))
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(1.0, np.sqrt(chord_squared) / 2))


def circles_touch(units: Floats, radii_km: Floats) -> NDArray[np.bool_]:
    """Say for (n, n) pairs of circles round these points whether they touch; the angles are compared by cosine."""
    angle = np.minimum(radii_km / EARTH_RADIUS_KM, np.pi)
    cos_sum = np.outer(np.cos(angle), np.cos(angle)) - np.outer(np.sin(angle), np.sin(angle))
    return np.asarray((units @ units.T >= cos_sum - _ROUNDING) | (angle[:, None] + angle[None, :] >= np.pi))
