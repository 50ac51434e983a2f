"""Load the shipped outlines and cells of land, verified against the manifest."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from residency.model.borders import Rings
from residency.model.geography import Geography
from residency.model.land_cells import Cells
from residency.sources.embedded import read_table

_MILLI = 1e-3


@lru_cache(maxsize=1)
def shipped_geography() -> Geography:
    """Return the land of the data that ships with residency (read once a process)."""
    codes, rings = read_rings()
    columns, words, _ = read_table("land-cells")
    order = {code: number for number, code in enumerate(codes)}
    position = np.array([order[word] for word in words["code"]], dtype=np.int64)
    cells = Cells(
        lat=columns["lat_millidegrees"] * _MILLI,
        lon=columns["lon_millidegrees"] * _MILLI,
        code=position[columns["code"]],
        radius_km=columns["radius_m"] * _MILLI,
    )
    return Geography(codes=codes, rings=rings, cells=cells)


def read_rings() -> tuple[tuple[str, ...], Rings]:
    """Return the codes that have land, sorted, and their rings."""
    columns, words, _ = read_table("borders")
    rings = Rings(
        lat=columns["lat_millidegrees"] * _MILLI,
        lon=columns["lon_millidegrees"] * _MILLI,
        ring=columns["ring"].astype(np.int64),
        owner=columns["code"].astype(np.int64),
    )
    return tuple(words["code"]), rings
