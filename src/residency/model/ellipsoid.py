"""What an angle on the sphere of the outlines is worth in km on the real Earth, at the least and at the most.

A geodesic of WGS 84 is at least `LOW` and at most `HIGH` times the great circle between the same latitudes and
longitudes on the mean sphere: radii of curvature run from b²/a = 6335.44 km, along the meridian at the equator, to
a²/b = 6399.59 km, at the poles. `BORDER_SLACK_KM` stands for what outlines get wrong: 1.2 km at most from simplifying
(`data/build/borders.py`), and the rest for the outline's own errors, piers and new land.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from residency.model.place import EARTH_RADIUS_KM

LOW = 0.9944
HIGH = 1.0045
BORDER_SLACK_KM = 6.0
MAX_DISTANCE_KM = 20_004.0  # half a meridian is 20,003.93 km


def low_km(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what an angle to an outline, in radians, is at least worth in km to the land itself."""
    return np.asarray(np.maximum(angle * EARTH_RADIUS_KM - BORDER_SLACK_KM, 0) * LOW)


def high_km(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what an angle to an outline, in radians, is at most worth in km to the land itself."""
    return np.asarray(np.minimum((angle * EARTH_RADIUS_KM + BORDER_SLACK_KM) * HIGH, MAX_DISTANCE_KM))
