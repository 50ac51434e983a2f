"""Which sources ship with residency, in the order in which they are asked."""

from __future__ import annotations

from residency.sources.embedded import country_database, origin_networks
from residency.sources.interface import Source
from residency.sources.provider_ranges import embedded_ranges


def embedded_sources() -> list[Source]:
    """Return the embedded sources: published ranges, the country database, kinds of networks."""
    families = (4, 6)
    databases: list[Source] = [country_database(family) for family in families]
    return [*embedded_ranges(), *databases, *(origin_networks(family) for family in families)]
