"""All lists of a provider, shipped, given and updated, folded into one source with the days on which each held.

Historical lists may lie side by side. For a flow the list in force answers: the last one taken before it, else the
first after it; how far away it is in time stands in the statement. A prefix that a list of a day lacks was not
listed on that day, whatever the lists around it say.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from residency.errors import LimitError
from residency.limits import LIMITS
from residency.model.evidence import Snapshot
from residency.sources.gazetteer import shipped_gazetteer
from residency.sources.interface import Source
from residency.sources.provider_ranges import ProviderRanges, embedded_ranges
from residency.sources.range_files import Listed, Prefix, RangeList, read_range_file, unknown_regions
from residency.sources.update import UPDATED, kept_files, kept_folder

_WORDS = ("provider", "region", "border_group", "services", "scope")
_NO_DAY = date(1970, 1, 1)  # stands in the columns of a list without date; never shown


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """What makes a row: the same prefix listed for another region, or with another scope, is another row."""

    prefix: Prefix
    region: str
    border_group: str
    scope: str


@dataclass(slots=True, kw_only=True)
class _Days:
    days: set[date] = field(default_factory=set)
    services: set[str] = field(default_factory=set)


Table = dict[_Key, _Days]


def range_sources(files: Sequence[str | PathLike[str]], *, embedded: bool = True) -> list[Source]:
    """Return one source for each provider's list, with the given files folded into the shipped lists.

    Each of `files` is `FILE`, `FILE@DAY`, or the word `updated`: all that `residency data update` kept. Raises
    SourceError or LimitError; `notes` of a source says what is odd in its files (malformed entries, overlaps,
    unknown regions, no date).
    """
    given = [os.fspath(file) for file in files]
    files = [path for file in given for path in (kept_files(kept_folder()) if file == UPDATED else [file])]
    if len(files) > LIMITS.max_range_files:
        raise LimitError(f"over {LIMITS.max_range_files} files of ranges")
    return list(fold_ranges([read_range_file(file) for file in files], embedded_ranges() if embedded else ()))


def fold_ranges(lists: Iterable[RangeList], base: Sequence[ProviderRanges] = ()) -> list[ProviderRanges]:
    """Fold lists into the sources of `base` with the same id; a list without date becomes a source of its own.

    The same file twice is one list; the same content on two days is two, which agree.
    """
    by_id = {source.snapshot.id: source for source in base}
    given: dict[str, dict[tuple[str, date | None], RangeList]] = defaultdict(dict)
    for item in lists:
        undated = "" if item.published else f"-undated-{item.sha256[:8]}"
        given[f"ranges-{item.list_id}{undated}"].setdefault((item.sha256, item.published), item)
    folded = {key: _fold(key, list(items.values()), by_id.get(key)) for key, items in given.items()}
    return [found for _, found in sorted((by_id | folded).items())]


def _fold(source_id: str, lists: Sequence[RangeList], base: ProviderRanges | None) -> ProviderRanges:
    """Make one source: 1. which lists cover a family, 2. border groups, 3. rows and their days, 4. columns."""
    chosen, notes = _one_a_day(lists)
    days = {day for item in lists if (day := item.published)} | set(base.listings if base else ())
    groups = _border_groups(lists)
    table: Table = defaultdict(_Days)
    if base:
        _add_base(table, base, groups, chosen)
    for (day, family), item in chosen.items():
        for row in item.rows:
            if row.prefix[0] == family:
                _add(table, row, groups, day)
    spans = list(_spans(table, sorted(days), chosen, base.listings if base else ()))
    provider = lists[0].provider
    columns, words = _columns(provider, spans)
    gazetteer = shipped_gazetteer()
    for item in lists:
        notes += [f"{item.path}: {text}" for text in (*item.warnings, *unknown_regions(item.rows, provider, gazetteer))]
    snapshot = _snapshot(source_id, lists, days, base)
    return ProviderRanges(provider, snapshot, columns, words, sorted(days), gazetteer, notes=notes)


def _one_a_day(lists: Sequence[RangeList]) -> tuple[dict[tuple[date, int], RangeList], list[str]]:
    """Return the list that speaks for each day and address family: of two of one day the one given last."""
    chosen: dict[tuple[date, int], RangeList] = {}
    notes = []
    for item in lists:
        day = item.published or _NO_DAY
        for family in sorted({row.prefix[0] for row in item.rows}):
            before = chosen.get((day, family))
            if before is not None:
                notes.append(f"{before.path}: another list of {day} was given after it and is used instead")
            chosen[day, family] = item
    return chosen, notes


def _border_groups(lists: Sequence[RangeList]) -> Mapping[tuple[Prefix, str], str]:
    """Return the border group of each prefix in its region, as the latest list that names one says."""
    dated = sorted(lists, key=lambda item: item.published or _NO_DAY)
    return {(row.prefix, row.region): row.border_group for item in dated for row in item.rows if row.border_group}


def _add_base(
    table: Table,
    base: ProviderRanges,
    groups: Mapping[tuple[Prefix, str], str],
    chosen: Mapping[tuple[date, int], RangeList],
) -> None:
    """Add the rows of an existing source on its own days, other than those that a given list speaks for.

    The shipped lists lack AWS's border groups but that of one old day; a given list names them. Where the two
    differ, the old one keeps its first day.
    """
    for row in base.rows():
        named = groups.get((row.prefix, row.region), row.border_group)
        days = [d for d in base.listings if row.first <= d <= row.last and (d, row.prefix[0]) not in chosen]
        for day in days:
            group = row.border_group if row.border_group and day == base.listings[0] else named
            found = table[_Key(prefix=row.prefix, region=row.region, border_group=group, scope=row.scope)]
            found.days.add(day)
            found.services.update(row.services.split(","))


def _add(table: Table, row: Listed, groups: Mapping[tuple[Prefix, str], str], day: date) -> None:
    group = row.border_group or groups.get((row.prefix, row.region), "")
    found = table[_Key(prefix=row.prefix, region=row.region, border_group=group, scope=row.scope)]
    found.days.add(day)
    found.services |= row.services


Span = tuple[_Key, str, date, date, date]  # key, services, first and last day, first day that it was listed at all


def _spans(
    table: Table, days: Sequence[date], chosen: Mapping[tuple[date, int], RangeList], of_base: Sequence[date]
) -> Iterable[Span]:
    """Yield the runs of lists, without a gap, that had each row."""
    positions: dict[int, dict[date, int]] = {}
    for family in (4, 6):
        covered = [day for day in days or [_NO_DAY] if day in of_base or (day, family) in chosen]
        positions[family] = {day: i for i, day in enumerate(covered)}
    since: dict[tuple[Prefix, str], date] = {}
    for key, found in table.items():
        known = since.get((key.prefix, key.region))
        first = min(found.days)
        since[key.prefix, key.region] = min(known, first) if known else first
    for key, found in table.items():
        services = ",".join(sorted(found.services - {""}))
        at = positions[key.prefix[0]]
        for first, last in _runs(sorted(found.days), at):
            yield key, services, first, last, since[key.prefix, key.region]


def _runs(days: Sequence[date], at: Mapping[date, int]) -> Iterable[tuple[date, date]]:
    """Yield (first, last) of each run of days that stand next to each other in the order of lists."""
    start = before = days[0]
    for day in days[1:]:
        if at[day] != at[before] + 1:
            yield start, before
            start = day
        before = day
    yield start, before


def _columns(provider: str, spans: Sequence[Span]) -> tuple[dict[str, NDArray[Any]], dict[str, list[str]]]:
    """Lay the rows out as `ProviderRanges` reads them."""
    rows = sorted(spans, key=lambda span: (span[0].prefix, span[0].region, span[0].border_group, span[2]))
    keys = [key for key, *_ in rows]
    texts = {
        "provider": [provider] * len(rows),
        "region": [key.region for key in keys],
        "border_group": [key.border_group for key in keys],
        "services": [services for _, services, *_ in rows],
        "scope": [key.scope for key in keys],
    }
    words = {name: sorted(set(texts[name])) for name in _WORDS}
    columns: dict[str, NDArray[Any]] = {
        "family": np.array([key.prefix[0] for key in keys], dtype=np.uint8),
        "hi": np.array([key.prefix[1] >> 64 for key in keys], dtype=np.uint64),
        "lo": np.array([key.prefix[1] & (2**64 - 1) for key in keys], dtype=np.uint64),
        "length": np.array([key.prefix[2] for key in keys], dtype=np.uint8),
    }
    for name in _WORDS:
        code = {word: i for i, word in enumerate(words[name])}
        columns[name] = np.array([code[text] for text in texts[name]], dtype=np.int64)
    for name, position in (("first_listed", 2), ("last_listed", 3), ("since", 4)):
        columns[name] = np.array([row[position] for row in rows], dtype="datetime64[D]")
    return columns, words


def _snapshot(source_id: str, lists: Sequence[RangeList], days: set[date], base: ProviderRanges | None) -> Snapshot:
    """Describe the folded source; its sha256 is the file's, or that of the hashes of all its parts."""
    parts = sorted([*([base.snapshot.sha256] if base else []), *(item.sha256 for item in lists)])
    whole = parts[0] if len(parts) == 1 else hashlib.sha256("\n".join(parts).encode("ascii")).hexdigest()
    given = "; ".join(f"{item.path} (sha256 {item.sha256})" for item in lists)
    return Snapshot(
        id=source_id,
        kind="declared",
        name=f"published ranges of {lists[0].provider} ({lists[0].name})" + ("" if days else ", undated"),
        author=lists[0].provider,
        built=max(days, default=None),
        sha256=whole,
        licence=base.snapshot.licence if base else "as its provider publishes it",
        lineage=lists[0].provider,
        max_age_days=LIMITS.list_max_age_days,
        source=f"{base.snapshot.source}; {given}" if base else given,
        edges=tuple(sorted(days)),
    )
