"""How far a distance on the mean sphere can be from the true one."""

from __future__ import annotations

# A geodesic of WGS 84 is at least and at most so many times the great circle between the same latitudes and
# longitudes on the mean sphere (EARTH_RADIUS_KM): the radii of curvature run from b²/a = 6335.44 km, along the
# meridian at the equator, to a²/b = 6399.59 km, at the poles.
LOW = 0.9944
HIGH = 1.0045
MAX_DISTANCE_KM = 20_004.0  # half a meridian is 20003.93 km
