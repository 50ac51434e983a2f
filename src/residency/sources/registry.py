"""Which sources ship with residency, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from threading import Thread

from residency.errors import ResidencyError
from residency.sources.embedded import country_database, origin_networks
from residency.sources.interface import Source
from residency.sources.provider_ranges import embedded_ranges


def load_beside(sources: Sequence[Source]) -> Thread:
    """Load the tables of these sources in a thread, while the traffic is read; faults show when they are asked."""

    def load() -> None:
        for source in sources:
            if hasattr(source, "load"):
                with suppress(ResidencyError):
                    source.load()

    thread = Thread(target=load, name="residency-load", daemon=True)
    thread.start()
    return thread


def embedded_sources() -> list[Source]:
    """Return the embedded sources: published ranges, the country database, kinds of networks."""
    families = (4, 6)
    databases: list[Source] = [country_database(family) for family in families]
    return [*embedded_ranges(), *databases, *(origin_networks(family) for family in families)]
