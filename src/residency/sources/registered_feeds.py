"""Geofeeds found through registrations, as one source: for whoever asked to go and look (RFC 9632, RFC 9877)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from residency.model.evidence import Kind, Snapshot, Statement
from residency.model.network import Addresses
from residency.sources.cache import FetchCache
from residency.sources.fetch_policy import FetchPolicy
from residency.sources.geofeed_discovery import DiscoveredFeed, discover_geofeeds
from residency.sources.interface import Answer
from residency.sources.registration import Registration

_ID = "registered-geofeeds"


class RegisteredFeeds:
    """Asks the registries who holds each address, fetches the feeds that holders name, and says what these say.

    Each statement is its holder's (author and lineage), and only of networks that the holder has. `notes` has the
    feeds that could not be read or have weight zero.
    """

    def __init__(
        self, registration: Registration, *, policy: FetchPolicy | None = None, cache: FetchCache | None = None
    ) -> None:
        self._registration, self._policy, self._cache = registration, policy, cache
        self._found: dict[tuple[str, str], DiscoveredFeed] = {}

    @property
    def snapshot(self) -> Snapshot:
        """All feeds read so far: the hash is one over theirs, the date that of the oldest."""
        feeds = [found.feed.snapshot for found in self._found.values() if found.feed is not None]
        whole = hashlib.sha256("\n".join(sorted(feed.sha256 for feed in feeds)).encode())
        return Snapshot(
            id=_ID,
            kind=str(Kind.DECLARED),
            name=f"geofeeds that registrations name ({len(feeds)} read)",
            author=",".join(sorted({feed.author for feed in feeds})) or "holders",
            built=min((feed.built for feed in feeds if feed.built), default=None),
            sha256=whole.hexdigest(),
            licence="their authors'",
            source=", ".join(sorted({found.url for found in self._found.values()})),
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of the feeds."""
        found = [f"{feed.url}: {feed.reason}" for feed in self._found.values() if feed.reason]
        return (*found, *(note for feed in self._found.values() if feed.feed for note in feed.feed.notes))

    def answer(self, addresses: Addresses, days: Sequence[date]) -> Answer:
        """Say what the feeds of the holders say of every address."""
        networks = [network for network in self._registration.networks(addresses) if network is not None]
        for found in discover_geofeeds(networks, policy=self._policy, cache=self._cache):
            self._found[found.url, found.holder] = found
        said: dict[Statement, int] = {}
        codes = np.full(len(addresses), -1, dtype=np.int64)
        for feed in (found.feed for found in self._found.values() if found.feed is not None):
            answer = feed.answer(addresses, days)
            for i in np.flatnonzero((answer.codes >= 0) & (codes < 0)).tolist():
                statement = replace(answer.statements[int(answer.codes[i])], source=_ID)
                codes[i] = said.setdefault(statement, len(said))
        return Answer(codes, tuple(said))
