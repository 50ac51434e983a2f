"""Where resolved addresses are, by the sources at hand: the two wings `resolve` and `sources` meet here."""

from __future__ import annotations

from collections.abc import Sequence

from residency.auditing.locating import Locator, Wanted, parse_day
from residency.model.location import Location
from residency.model.network import parse_address
from residency.model.resolution import Resolution
from residency.sources.interface import Source


def places_of(found: Resolution, sources: Sequence[Source]) -> dict[str, Location]:
    """Return the location of each public address that was answered, on the day that it was; by its text."""
    texts = list(dict.fromkeys(text for item in found for text in item.endpoints))
    if not texts:
        return {}
    day = max(item.at for item in found).date()
    locator = Locator(sources=sources, within=(), min_assurance="database", max_age_days=None, day=parse_day(day))
    located = locator.locate([Wanted(text, parse_address(text)) for text in texts])
    return {item.target: item for item in located}
