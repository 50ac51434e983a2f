"""The words that say how traffic is read, for who offers or checks them before anything is read."""

from __future__ import annotations

from residency.traffic.formats import FORMATS as _FORMATS
from residency.traffic.records import TIME_UNITS as _TIME_UNITS

FORMATS = tuple(_FORMATS)
TIME_UNITS = tuple(_TIME_UNITS)
