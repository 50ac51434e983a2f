"""Put together the atlas of the data that ships with residency: what a map is drawn from."""

from __future__ import annotations

from functools import lru_cache

from residency.model.atlas import Atlas
from residency.sources.borders import read_rings
from residency.sources.gazetteer import country_points, shipped_gazetteer


@lru_cache(maxsize=1)
def shipped_atlas() -> Atlas:
    """Return the outlines, label points and names of the shipped data (read once a process)."""
    codes, rings = read_rings()
    return Atlas(gazetteer=shipped_gazetteer(), codes=codes, rings=rings, labels=country_points())
