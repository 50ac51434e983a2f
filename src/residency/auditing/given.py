"""The sources of one run: what ships with residency, and the files of evidence that the auditor gives."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from residency.auditing.witnesses import Hints
from residency.collector import collector_paused
from residency.errors import UsageError
from residency.sources.interface import Source

if TYPE_CHECKING:
    from residency.sources.latency import RttFile

Path = str | os.PathLike[str]
Paths = Path | Sequence[Path]
"""One file or several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenEvidence:
    """Files of evidence by kind, as the options name them.

    `geoip` are databases (.mmdb); `ranges` providers' lists, as `FILE`, `FILE@DATE` or `updated`; `geofeeds` as
    `[AUTHOR=]FILE[@DATE]`; `anycast` lists of prefixes; `relays` egress lists of private relays; `rtt` files of
    round-trip times. `embedded` says whether the tables that ship with residency are asked too. `rdap` asks the
    registries over the network, and `discover` fetches the geofeeds that their answers name as well.
    """

    embedded: bool = True
    geoip: Paths = ()
    ranges: Paths = ()
    geofeeds: Paths = ()
    anycast: Paths = ()
    relays: Paths = ()
    rdap: bool = False
    discover: bool = False
    rtt: Paths = ()

    @collector_paused()
    def sources(self) -> list[Source]:
        """Open everything; raises SourceError for a file that cannot be used, with its path."""
        from residency.sources.registry import databases_and_networks, published_networks

        found: list[Source] = list(published_networks(as_paths(self.ranges), embedded=self.embedded))
        found += databases_and_networks() if self.embedded else []
        return [*found, *self._geofeeds(), *self._networks(), *self._databases(), *self._registries()]

    def times(self) -> tuple[RttFile, ...]:
        """Read the files of round-trip times; raises SourceError."""
        if not self.rtt:
            return ()
        from residency.sources.latency import read_rtt_files

        return read_rtt_files(as_paths(self.rtt))

    def hints(self) -> Hints | None:
        """Return what host names hint at; None without the embedded tables, which hold the codes."""
        if not self.embedded:
            return None
        from residency.sources.hostnames import hint_snapshot, hints

        return Hints(read=hints, snapshot=hint_snapshot())

    def _geofeeds(self) -> list[Source]:
        if not self.geofeeds:
            return []
        from residency.sources.geofeed import Geofeed

        found: list[Source] = []
        for given in as_paths(self.geofeeds):
            author, path, day = split_geofeed(os.fspath(given))
            found.append(Geofeed.from_file(path, author=author, published=day))
        return found

    def _networks(self) -> list[Source]:
        if not (self.anycast or self.relays):
            return []
        from residency.sources.anycast import anycast_file, relay_file

        return [*map(anycast_file, as_paths(self.anycast)), *map(relay_file, as_paths(self.relays))]

    def _databases(self) -> list[Source]:
        if not self.geoip:
            return []
        from residency.sources.geoip import geoip_sources

        return list(geoip_sources(as_paths(self.geoip)))

    def _registries(self) -> list[Source]:
        if not (self.rdap or self.discover):
            return []
        from residency.sources.cache import FetchCache
        from residency.sources.rdap_bootstrap import Bootstrap
        from residency.sources.registered_feeds import RegisteredFeeds
        from residency.sources.registration import Registration

        cache = FetchCache()
        registration = Registration(Bootstrap.from_cache(cache), cache=cache)
        return [registration, *([RegisteredFeeds(registration, cache=cache)] if self.discover else [])]


def as_paths(given: Paths) -> tuple[Path, ...]:
    """Return what was given as several: a text is one path, not its characters."""
    return (given,) if isinstance(given, str | os.PathLike) else tuple(given)


def split_geofeed(given: str) -> tuple[str | None, str, date | None]:
    """Read `[AUTHOR=]FILE[@DATE]`; a path that exists as it is written is a path. Raises UsageError."""
    author: str | None = None
    path, day = given, None
    if not os.path.exists(path) and "=" in path:
        author, _, path = path.partition("=")
    if not os.path.exists(path) and "@" in path:
        path, _, text = path.rpartition("@")
        try:
            day = date.fromisoformat(text)
        except ValueError as error:
            raise UsageError(f"--geofeed `{given}`: write the date as 2026-06-01") from error
    return author or None, path, day
