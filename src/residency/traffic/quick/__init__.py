"""Groups large, clean CSV and NDJSON with compiled loops; where numba is not installed nothing of this is used.

What comes out is what `residency.traffic.aggregate` makes of the same input, or nothing: the loops take a strict subset
of what the exact readers take, and leave a few lines beyond it to those. `plain` decides, and holds addresses, names
and clients against their grammar as it does for its own groups.

words        eight bytes at a time            lines, objects   from CSV and NDJSON to cells
table        keys -> sums                     workers          threads, each with tables of its own
cells        one value                        text_files       from files to `Found`
grammar      what cannot be of its kind       result           from tables to columns
rows         a row -> the sums of its group   looks            is a text plain, where do its lines end
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from functools import cache
from pathlib import Path

LEAST_RECORDS = 4_000_000
"""Below this, loading compiled code takes longer than it saves."""

LEAST_BYTES = 1 << 28
"""The same for a compiled look at a text, which is a small part of the work."""


@cache
def is_usable() -> bool:
    """Can loops be compiled, and the compiled code be kept for the next time?"""
    if sys.byteorder != "little" or sys.maxsize < 2**63 - 1 or importlib.util.find_spec("numba") is None:
        return False
    return load_loops("residency.traffic.quick.text_files")


def load_loops(module: str) -> bool:
    """Import a module of loops with a folder for compiled code whose name says what they were compiled from.

    numba looks only at the file that a loop stands in, and would keep one that calls something changed since.
    """
    import platformdirs
    from numba import __version__, config

    here = Path(__file__).parent
    sources = sorted({*here.glob("*.py"), *(here.parent / module.split(".")[-2]).glob("*.py")})
    digest = hashlib.sha256("\n".join([__version__, *(one.read_text() for one in sources)]).encode()).hexdigest()
    folder = platformdirs.user_cache_path("residency") / "compiled" / digest[:16]
    before = config.CACHE_DIR
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        config.CACHE_DIR = str(folder)
        importlib.import_module(module)
    except (OSError, ImportError, RuntimeError):
        return False
    finally:
        config.CACHE_DIR = before
    return True
