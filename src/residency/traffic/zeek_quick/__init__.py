"""Reads and joins large conn and ssl logs of Zeek with compiled loops; where numba is not installed nothing is used.

What comes out is what `residency.traffic.zeek` makes of the same rows, or nothing. The loops take a strict subset of
what the exact readers take. A row beyond it is left to those, and with it every row that has its uid.

marks     where cells end                     spill     rows of partitions on disk
cells     one value                           join      one partition: flows, and what is left
rows      a line -> a row of its partition    logs      files, threads, and `Taken`: what they found
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from residency.traffic import quick

LEAST_LINES = 1_000_000
"""Of all conn and ssl logs together: below this, loading compiled code takes longer than it saves."""


@cache
def is_usable() -> bool:
    """Can loops be compiled, and the compiled code be kept for the next time?"""
    return quick.is_usable() and _load()


def _load() -> bool:
    """Import the loops with a folder for compiled code whose name says what they were compiled from."""
    import platformdirs
    from numba import __version__, config

    sources = sorted([*Path(__file__).parent.glob("*.py"), *Path(quick.__file__).parent.glob("*.py")])
    digest = hashlib.sha256("\n".join([__version__, *(one.read_text() for one in sources)]).encode()).hexdigest()
    folder = platformdirs.user_cache_path("residency") / "compiled" / digest[:16]
    before = config.CACHE_DIR
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        config.CACHE_DIR = str(folder)
        import residency.traffic.zeek_quick.logs  # noqa: F401
    except (OSError, ImportError, RuntimeError):
        return False
    finally:
        config.CACHE_DIR = before
    return True
