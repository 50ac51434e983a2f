"""Degrees to points of the map's canvas, in the Equal Earth projection: areas keep their true proportion.

Šavrič, Patterson, Jenny: The Equal Earth map projection, Int. J. Geographical Information Science 33 (2019).
The canvas is `WIDTH` units wide; it ends at `SOUTH`, so Antarctica is not on it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

WIDTH = 1600
SOUTH = -56.0
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_M = np.sqrt(3) / 2
_SCALE = WIDTH / 2 / (np.pi / (_M * _A1))


def _raw(lat: ArrayLike, lon: ArrayLike) -> tuple[Floats, Floats]:
    theta = np.arcsin(_M * np.sin(np.radians(lat)))
    square = theta**2
    sixth = square**3
    x = np.radians(lon) * np.cos(theta) / (_M * (_A1 + 3 * _A2 * square + sixth * (7 * _A3 + 9 * _A4 * square)))
    y = theta * (_A1 + _A2 * square + sixth * (_A3 + _A4 * square))
    return np.asarray(x, np.float64), np.asarray(y, np.float64)


_TOP = float(_raw(90, 0)[1])
HEIGHT = int(np.ceil((_TOP - float(_raw(SOUTH, 0)[1])) * _SCALE))


def project(lat: ArrayLike, lon: ArrayLike) -> tuple[Floats, Floats]:
    """Return canvas coordinates (x right, y down) of points with longitudes in [-180, 180]."""
    x, y = _raw(lat, lon)
    return x * _SCALE + WIDTH / 2, (_TOP - y) * _SCALE


def point(lat: float, lon: float) -> tuple[float, float]:
    """Return the canvas coordinates of one point."""
    x, y = project(lat, (lon + 180) % 360 - 180)
    return round(float(x), 1), round(float(y), 1)
