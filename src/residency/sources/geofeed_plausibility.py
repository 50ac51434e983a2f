"""May a geofeed mean where servers stand? Four rules, each with its number and reason; one gives weight zero.

They look at the feed as a whole, for its author could make any single line look right. The thresholds lie above every
feed of a hosting operator that was looked at (docs/data.md) and below those of relays and access networks.
"""

from __future__ import annotations

from collections.abc import Sequence

from residency.sources.geofeed_lines import FeedEntry

MAX_COUNTRIES = 100
MIN_ENTRIES_FOR_SHARES = 10
MAX_SINGLE_SHARE = 0.5
MIN_COUNTRIES_FOR_DENSITY = 20
MIN_ENTRIES_PER_COUNTRY = 2.0
MAX_MALFORMED_SHARE = 0.1
_SINGLE = {4: 31, 6: 64}  # one machine, one subscriber


def why_implausible(entries: Sequence[FeedEntry], malformed: int) -> tuple[str, ...]:
    """Return why the feed has weight zero; empty where it counts."""
    countries = {entry.country for entry in entries if entry.country}
    reasons = (
        _too_many_countries(len(countries)),
        _single_addresses(entries),
        _thinly_spread(len(entries), len(countries)),
        _mostly_malformed(len(entries), malformed),
    )
    return tuple(reason for reason in reasons if reason)


def _too_many_countries(countries: int) -> str:
    """1. No operator has servers in so many countries; relays and satellite networks name their users' ones."""
    return f"it names {countries} countries, over {MAX_COUNTRIES}" if countries > MAX_COUNTRIES else ""


def _single_addresses(entries: Sequence[FeedEntry]) -> str:
    """2. Servers are numbered in blocks; a feed of single addresses and single /64s tells where users are."""
    single = sum(entry.network.prefixlen >= _SINGLE[entry.network.version] for entry in entries)
    if len(entries) < MIN_ENTRIES_FOR_SHARES or single <= MAX_SINGLE_SHARE * len(entries):
        return ""
    return f"{single} of its {len(entries)} prefixes are single addresses or /64s: it tells where users are"


def _thinly_spread(entries: int, countries: int) -> str:
    """3. A feed with hardly more prefixes than countries spreads one network over the map."""
    if countries < MIN_COUNTRIES_FOR_DENSITY or entries >= MIN_ENTRIES_PER_COUNTRY * countries:
        return ""
    return f"it spreads {entries} prefixes over {countries} countries"


def _mostly_malformed(entries: int, malformed: int) -> str:
    """4. A file of which much is broken is no feed, or not a whole one; a few typing errors are forgiven."""
    lines = entries + malformed
    share = MAX_MALFORMED_SHARE if lines >= MIN_ENTRIES_FOR_SHARES else 0.5
    return f"{malformed} of its {lines} lines are malformed" if malformed > share * lines else ""
