"""Which sources ship with residency, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

from residency.sources.anycast import published_anycast
from residency.sources.embedded import country_database, origin_networks
from residency.sources.interface import Source
from residency.sources.provider_ranges import embedded_ranges

_FAMILIES = (4, 6)


def embedded_sources() -> list[Source]:
    """Return the embedded sources: published ranges, anycast services, databases, kinds of networks."""
    return [*published_networks(), *databases_and_networks()]


def published_networks(files: Sequence[str | PathLike[str]] = (), *, embedded: bool = True) -> list[Source]:
    """Return what operators publish: their lists, with given ones folded in, and anycast services."""
    if not files:
        return [*embedded_ranges(), published_anycast()] if embedded else []
    from residency.sources.given_ranges import range_sources

    return [*range_sources(files, embedded=embedded), *([published_anycast()] if embedded else [])]


def databases_and_networks() -> list[Source]:
    """Return the embedded country database and the kinds of networks, both address families."""
    databases: list[Source] = [country_database(family) for family in _FAMILIES]
    return [*databases, *(origin_networks(family) for family in _FAMILIES)]
