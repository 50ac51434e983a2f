"""What network operators publish: prefixes by provider region, with the days on which they were listed.

One source a provider, since each speaks for itself. A prefix that is listed for a region is feasible in that
region's border group. Where the list gave none and the prefix is listed as local zones are, it is feasible in
every border group of the region: an AWS eu-central-1 address may stand in Istanbul. CloudFront, Front Door,
AnycastIP and the like have no place.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from residency.model.evidence import Kind, Snapshot, Statement
from residency.model.network import Addresses
from residency.model.place import Gazetteer, Place
from residency.shipped import manifest, read_verified
from residency.sources.embedded import read_table
from residency.sources.interface import Answer
from residency.sources.intervals import DatedPrefixes

_PLACELESS = frozenset({"anycast", "edge", "global"})
_NETWORKS = {"anycast": "cdn", "edge": "cdn", "unplaced": ""}
_ZONE_SERVICES = "AMAZON,EC2"  # every known local-zone prefix is listed for just these (docs/data.md)
_STABLE_SERVICE = "EC2"  # 0 of 632 AWS EC2 prefixes moved in ten years (docs/data.md)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSpan:
    """One row: a prefix (family, first address, length) and what lists from `first` to `last` said of it."""

    prefix: tuple[int, int, int]
    region: str
    border_group: str
    services: str
    scope: str
    first: date
    last: date


class ProviderRanges:
    """The published ranges of one provider.

    `columns` may hold `since`, the first day on which the prefix was listed at all. Without `listings` the list has
    no date: what it says is shown and may support, and never contradicts.
    """

    def __init__(
        self,
        provider: str,
        snapshot: Snapshot,
        columns: dict[str, NDArray[Any]],
        words: dict[str, list[str]],
        listings: Sequence[date],
        gazetteer: Gazetteer,
        *,
        notes: Sequence[str] = (),
    ) -> None:
        self.provider = provider
        self.notes = tuple(notes)  # what a reader of the report should know: overlaps, unknown regions, no date
        self._snapshot = snapshot
        self._columns, self._words = columns, words
        self._listings = tuple(sorted(listings))
        self._gazetteer = gazetteer
        self._areas = _published_areas() if provider == "github" else {}
        first = _ordinals(columns["first_listed"])
        last = _ordinals(columns["last_listed"])
        self._first, self._last = first, last
        self._since = _ordinals(columns["since"]) if "since" in columns else first
        in_force = _until_the_next_list(last, self._listings)
        self._prefixes = DatedPrefixes(
            columns["family"], columns["hi"], columns["lo"], columns["length"], first, in_force
        )

    @property
    def snapshot(self) -> Snapshot:
        """The version of the list; its `edges` are the days on which it was taken."""
        return self._snapshot

    @property
    def listings(self) -> tuple[date, ...]:
        """The days on which the lists were taken, sorted."""
        return self._listings

    def rows(self) -> Iterator[ListedSpan]:
        """Yield what was listed, row by row: for folding other lists into it, never for single lookups."""
        numbers = zip(*(self._columns[name].tolist() for name in ("family", "hi", "lo", "length")), strict=True)
        for row, (family, high, low, length) in enumerate(numbers):
            yield ListedSpan(
                prefix=(family, (high << 64) + low, length),
                region=self._word("region", row),
                border_group=self._word("border_group", row),
                services=self._word("services", row),
                scope=self._word("scope", row),
                first=date.fromordinal(int(self._first[row])),
                last=date.fromordinal(int(self._last[row])),
            )

    def as_of(self, day: date) -> ProviderRanges:
        """Return the source as it stood on `day`: what later lists say is not known yet."""
        listings = [listing for listing in self._listings if listing <= day]
        latest = max(listings, default=day)
        kept = self._first <= latest.toordinal()
        columns = {name: column[kept] for name, column in self._columns.items()}
        columns["last_listed"] = np.minimum(columns["last_listed"].astype("datetime64[D]"), np.datetime64(latest, "D"))
        snapshot = replace(self._snapshot, built=latest, edges=tuple(listings))
        return ProviderRanges(self.provider, snapshot, columns, self._words, listings, self._gazetteer)

    def answer(self, addresses: Addresses, days: Sequence[date]) -> Answer:
        """Say for which region the provider lists every address, as of the day given."""
        ordinals = np.array([day.toordinal() for day in days], dtype=np.int64)
        rows = self._prefixes.lookup(addresses, ordinals)
        return Answer.of_rows(rows, self._say)

    def _word(self, column: str, row: int) -> str:
        return self._words[column][int(self._columns[column][row])]

    def _say(self, row: int) -> Statement:
        scope, services = self._word("scope", row), self._word("services", row)
        region, group = self._word("region", row), self._word("border_group", row)
        first, last = date.fromordinal(int(self._first[row])), date.fromordinal(int(self._last[row]))
        since = date.fromordinal(int(self._since[row]))
        placeless = scope in _PLACELESS
        places = frozenset[Place]() if placeless else self._places(region, group, services)
        return Statement(
            kind=Kind.DECLARED,
            source=self._snapshot.id,
            author=self.provider,
            lineage=self.provider,
            says=_words(self.provider, region, group, services, scope),
            places=places,
            listed=(first, last) if self._listings else None,
            proves=bool(self._listings),
            stable=self._is_stable(row, services) and not placeless,
            anycast=placeless,
            network=_NETWORKS.get(scope, "cloud"),
            holder=self.provider,
            prefix_since=since if self._listings and since > self._listings[0] else None,
        )

    def _is_stable(self, row: int, services: str) -> bool:
        """Is it an IPv4 prefix of EC2? Of its IPv6 prefixes one was seen to move (docs/data.md)."""
        is_v4 = int(self._columns["family"][row]) == 4
        return self.provider == "aws" and is_v4 and _STABLE_SERVICE in services.split(",")

    def _places(self, region: str, group: str, services: str) -> frozenset[Place]:
        if self._areas:
            return self._areas.get(region, frozenset())
        if ", " in region:  # one list names several for the prefix: any may be meant
            return frozenset().union(*(self._places(name, "", services) for name in region.split(", ")))
        known = self._gazetteer.regions
        zone_possible = self.provider == "aws" and services == _ZONE_SERVICES
        if group or not zone_possible:
            keys = [f"{self.provider}/{group or region}"]
        else:
            keys = [k for k, r in known.items() if r.provider == self.provider and r.region == region]
        return frozenset(Place(known[k].spot.country, provider_region=k) for k in keys if k in known)


def _words(provider: str, region: str, group: str, services: str, scope: str) -> str:
    where = region + (f" (border group {group})" if group and group != region else "")
    scope = "without a region" if scope == "unplaced" else scope
    shown = ",".join(services.split(",")[:4])
    return " ".join(part for part in (provider, where or scope, f"[{shown}]" if shown else "") if part)


def _ordinals(days: NDArray[Any]) -> NDArray[np.int64]:
    epoch = date(1970, 1, 1).toordinal()
    return days.astype("datetime64[D]").astype(np.int64) + epoch


def _until_the_next_list(last: NDArray[np.int64], listings: Sequence[date]) -> NDArray[np.int64]:
    """Return the last day on which each row is in force: until the next list, which no longer has it, was taken."""
    days = np.array(sorted(day.toordinal() for day in listings), dtype=np.int64)
    following = np.searchsorted(days, last, side="right")
    known = following < len(days)
    ends = days[np.where(known, following, 0)] - 1 if len(days) else last
    return np.where(known, ends, last)


def _published_areas() -> dict[str, frozenset[Place]]:
    """Return for each GitHub region the places its list says: a country, or any of a set's members."""
    from residency.sources.gazetteer import shipped_gazetteer

    content, _ = read_verified("provider-prefixes")
    gazetteer = shipped_gazetteer()
    found: dict[str, frozenset[Place]] = {}
    for row in csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")):
        codes = [row["area"]] if row["area"] in gazetteer.countries else _members(gazetteer, row["area"])
        found[row["region"]] = frozenset(Place(code) for code in codes)
    return found


def _members(gazetteer: Gazetteer, name: str) -> tuple[str, ...]:
    rows = [m for m in gazetteer.memberships if m.set_name == name and m.period.end is None]
    return tuple(sorted(row.code for row in rows))


@lru_cache(maxsize=1)
def embedded_ranges() -> tuple[ProviderRanges, ...]:
    """Return one source for every provider in the shipped table (loaded once a process)."""
    from residency.sources.gazetteer import shipped_gazetteer

    columns, words, whole = read_table("provider-ranges")
    listings = manifest()["provider-ranges"].listings
    codes = columns["provider"]
    found = []
    for code, provider in enumerate(words["provider"]):
        chosen = codes == code
        own = {name: column[chosen] for name, column in columns.items()}
        days = listings.get(provider, ())
        snapshot = Snapshot(
            id=f"ranges-{provider}",
            kind="declared",
            name=f"published ranges of {provider}",
            author=provider,
            built=max(days, default=whole.built),
            sha256=whole.sha256,
            licence=whole.licence,
            lineage=provider,
            max_age_days=whole.max_age_days,
            source=whole.source,
            edges=tuple(sorted(days)),
        )
        found.append(ProviderRanges(provider, snapshot, own, words, days, shipped_gazetteer()))
    return tuple(sorted(found, key=lambda s: s.provider))
