"""Reads and joins large conn and ssl logs of Zeek with compiled loops; where numba is not installed nothing is used.

What comes out is what `residency.traffic.zeek` makes of the same rows, or nothing. The loops take a strict subset of
what the exact readers take. A row beyond it is left to those, and with it every row that has its uid.

marks     where cells end                     spill     rows of partitions on disk
cells     one value                           join      one partition: flows, and what is left
rows      a line -> a row of its partition    logs      files, threads, and `Taken`: what they found
"""

from __future__ import annotations

from functools import cache

from residency.traffic import quick

LEAST_LINES = 1_000_000
"""Of all conn and ssl logs together: below this, loading compiled code takes longer than it saves."""


@cache
def is_usable() -> bool:
    """Can loops be compiled, and the compiled code be kept for the next time?"""
    return quick.is_usable() and quick.load_loops(f"{__name__}.logs")
