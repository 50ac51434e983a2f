"""Find geofeeds through registrations (RFC 9632, RFC 9877) and fetch them: only ever when a caller asks for it.

The holder of a network chooses the URL, so the fetcher's guards hold for it like for any other. Of a feed only the
prefixes inside that holder's networks count (RFC 9632 section 3): nobody speaks for the network of another.
Not checked: the optional RPKI signature.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from residency.errors import SourceError
from residency.limits import LIMITS
from residency.sources.cache import FetchCache
from residency.sources.fetch_policy import FetchPolicy, host_of
from residency.sources.fetched import GEOFEED, Fetched
from residency.sources.geofeed import Geofeed

if TYPE_CHECKING:
    from residency.sources.fetch import Fetcher
    from residency.sources.rdap_answer import RegisteredNetwork

_MAX_AGE_DAYS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredFeed:
    """A feed that a holder's registration names: read, or the reason why not."""

    url: str
    holder: str
    networks: tuple[RegisteredNetwork, ...]
    feed: Geofeed | None
    reason: str = ""


def discover_geofeeds(
    networks: Iterable[RegisteredNetwork], *, policy: FetchPolicy | None = None, cache: FetchCache | None = None
) -> tuple[DiscoveredFeed, ...]:
    """Fetch and read the geofeeds that registered networks name, sorted by URL and holder.

    Calling it is the opt-in to the hosts of those URLs; `policy` gives all else. A feed is dated by the day on
    which it was fetched: that day its author said so. Outcomes and unreadable feeds are reasons, never raised.
    """
    from residency.sources.fetch import Fetcher

    named: dict[tuple[str, str], list[RegisteredNetwork]] = {}
    for network in networks:
        for url in network.geofeeds:
            named.setdefault((url, network.holder), []).append(network)
    urls = sorted({url for url, _ in named})[: LIMITS.max_geofeeds_discovered]
    fetcher = Fetcher((policy or FetchPolicy()).also(host_of(url) for url in urls))
    fetched = _fetch(fetcher, urls, cache)
    return tuple(_read(url, holder, tuple(named[url, holder]), fetched.get(url)) for url, holder in sorted(named))


def _fetch(fetcher: Fetcher, urls: list[str], cache: FetchCache | None) -> dict[str, Fetched]:
    """Return what every URL gave, from the cache where it is of today."""
    found: dict[str, Fetched] = {}
    if cache is not None:
        now = datetime.now(UTC)
        kept = (cache.latest(GEOFEED.name, url, now=now, max_age_days=_MAX_AGE_DAYS) for url in urls)
        found = {item.url: item for item in kept if item is not None}
    for fetched in fetcher.get_many([url for url in urls if url not in found], GEOFEED):
        found[fetched.url] = fetched
        if cache is not None:
            cache.put(fetched)
    return found


def _read(url: str, holder: str, networks: tuple[RegisteredNetwork, ...], fetched: Fetched | None) -> DiscoveredFeed:
    feed, reason = None, f"not asked: over {LIMITS.max_geofeeds_discovered} feeds"
    if fetched is not None and not fetched.is_ok:
        reason = str(fetched)
    elif fetched is not None:
        try:
            day = fetched.fetched_at.date()
            feed, reason = Geofeed(fetched.body, author=holder, published=day, source=url, within=networks), ""
        except SourceError as error:
            reason = error.what
    return DiscoveredFeed(url=url, holder=holder, networks=networks, feed=feed, reason=reason)
