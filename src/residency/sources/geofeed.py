"""Geofeeds (RFC 8805): where an operator says that its own prefixes are. Evidence of kind `declared`, by its author.

The format was made for where the *users* of an address are, which is not where a server stands. So a feed that
looks like one of access or relay addresses, or that no operator could mean, has weight zero: it is shown, with
the reason, and places nothing (`geofeed_plausibility`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from residency.errors import SourceError, shorten
from residency.limits import LIMITS
from residency.model.evidence import Kind, Snapshot, Statement
from residency.model.network import Addresses
from residency.model.place import UNDECIDED_COUNTRIES, Place
from residency.sources.gazetteer import shipped_gazetteer
from residency.sources.geofeed_lines import BadLine, FeedEntry, Network, read_lines
from residency.sources.geofeed_plausibility import why_implausible
from residency.sources.interface import Answer
from residency.sources.intervals import DatedPrefixes

if TYPE_CHECKING:
    from residency.sources.rdap_answer import RegisteredNetwork

# The one form of a date in use that says what it is: `# …lastupdated (rfc3339): 2026-08-22T16:53:12+00:00`.
_UPDATED = re.compile(r"^#.*\blast[ -]?updated\b.{0,40}?(\d{4}-\d{2}-\d{2})", re.IGNORECASE | re.MULTILINE)
_UPDATED_WITHIN = 4_096  # characters from the start


@dataclass(frozen=True, slots=True)
class FeedCounts:
    """How the lines of a feed divide: every line that is no comment and not blank is exactly one of these.

    `outside` are those about networks that the author is not known to hold.
    """

    usable: int
    repeated: int
    malformed: int
    outside: int = 0


class Geofeed:
    """One feed as a source. The most specific prefix that holds an address answers.

    `malformed` are the lines set aside; `implausible` says why the whole feed has weight zero, empty where it counts.
    """

    def __init__(
        self,
        content: bytes,
        *,
        author: str,
        published: date | None = None,
        name: str = "",
        source: str = "",
        within: Iterable[RegisteredNetwork] | None = None,
    ) -> None:
        """Read a feed's bytes; raises SourceError where they are not UTF-8, too many, or no feed at all.

        `author` is who stands behind it, `published` its date: where none is given, the one in its comments, else
        the feed is undated. `within` are the networks that its author is known to hold; lines outside say nothing.
        """
        text = _decode(content, source or name)
        self.author, self.published = author, published or _date_in(text)
        entries, bad, repeated = _sort_out(text)
        if bad and not entries:
            what = f"none of its {len(bad)} lines is a geofeed entry (RFC 8805): {bad[0].reason}"
            raise SourceError(what, path=source or None, line=bad[0].line)
        self.malformed: tuple[BadLine, ...] = tuple(sorted(bad, key=lambda line: line.line))
        self.implausible = why_implausible(entries, len(bad))  # the whole feed's, also where only a part counts
        usable = len(entries)
        if within is not None:
            held = tuple(within)
            entries = [entry for entry in entries if _is_held(entry.network, held)]
        self.counts = FeedCounts(len(entries), repeated, len(bad), usable - len(entries))
        self._entries = entries
        self._snapshot = _snapshot(content, author, self.published, name or f"geofeed of {author}", source)
        self._prefixes = _prefixes([entry.network for entry in entries])

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the report should know: lines set aside, weight zero, no date."""
        name = self._snapshot.source or self._snapshot.name
        found = []
        if self.malformed:
            first = self.malformed[0]
            found.append(f"{name}: {len(self.malformed)} lines set aside, first line {first.line}: {first.reason}")
        found += [f"{name}: weight zero, an implausible feed: {why}" for why in self.implausible[:1]]
        if self.published is None:
            found.append(f"{name}: no date; it may support and never contradicts")
        return tuple(found)

    @classmethod
    def from_file(
        cls, path: str | PathLike[str], *, author: str | None = None, published: date | None = None
    ) -> Geofeed:
        """Read a feed from a file; the author is the file's name unless given. Raises SourceError with the path."""
        file = Path(path)
        try:
            with file.open("rb") as stream:
                content = stream.read(LIMITS.max_geofeed_bytes + 1)
        except OSError as error:
            raise SourceError(f"the geofeed cannot be read: {error.strerror}", path=path) from error
        named = shorten(file.name)
        return cls(content, author=author or named, published=published, name=f"geofeed {named}", source=str(path))

    @property
    def snapshot(self) -> Snapshot:
        """The feed's version; `built` is its date, None where it has none."""
        return self._snapshot

    def answer(self, addresses: Addresses, days: Sequence[date]) -> Answer:
        """Say where the author puts every address; the same on all days."""
        return Answer.of_rows(self._prefixes.longest(addresses), lambda row: self._say(self._entries[row]))

    def _say(self, entry: FeedEntry) -> Statement:
        is_one = bool(entry.country) and entry.country not in UNDECIDED_COUNTRIES and not self.implausible
        place = Place(entry.country, part=entry.region or None)
        return Statement(
            kind=Kind.DECLARED,
            source=self._snapshot.id,
            author=self.author,
            lineage=self.author,
            says=_words(entry, self.implausible),
            places=frozenset({place}) if is_one else frozenset(),
            listed=(self.published, self.published) if self.published else None,
        )


def _snapshot(content: bytes, author: str, published: date | None, name: str, source: str) -> Snapshot:
    sha256 = hashlib.sha256(content).hexdigest()
    return Snapshot(
        id=f"geofeed-{sha256[:12]}",
        kind=str(Kind.DECLARED),
        name=name,
        author=author,
        built=published,
        sha256=sha256,
        licence="the author's",
        lineage=author,
        max_age_days=LIMITS.list_max_age_days,
        source=source,
        edges=(published,) if published else (),
    )


def _words(entry: FeedEntry, implausible: Sequence[str]) -> str:
    where = ", ".join(part for part in (entry.city, entry.region or entry.country) if part)
    said = f"{entry.network}: {where or 'no place said'}"
    return f"{said}; weight zero: implausible_feed, {implausible[0]}" if implausible else said


def _decode(content: bytes, path: str) -> str:
    if len(content) > LIMITS.max_geofeed_bytes:
        raise SourceError(f"a geofeed of over {LIMITS.max_geofeed_bytes:,} bytes", path=path or None)
    if not content.strip():
        raise SourceError("the geofeed is empty", path=path or None)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        what = "the geofeed is not UTF-8 (RFC 8805 section 2.1)"
        raise SourceError(what, path=path or None, offset=error.start) from error


def _date_in(text: str) -> date | None:
    """Return the date that the feed's first comments state; None where there is none, or no date that exists."""
    found = _UPDATED.search(text[:_UPDATED_WITHIN])
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def _sort_out(text: str) -> tuple[list[FeedEntry], list[BadLine], int]:
    """Return the usable lines, those set aside, and the number of repeated ones.

    A prefix listed twice with different places says nothing: all its lines are set aside.
    """
    by_network: dict[Network, list[FeedEntry]] = {}
    bad: list[BadLine] = []
    for item in read_lines(text, shipped_gazetteer().countries):
        if isinstance(item, BadLine):
            bad.append(item)
        else:
            by_network.setdefault(item.network, []).append(item)
    usable: list[FeedEntry] = []
    repeated = 0
    for entries in by_network.values():
        if len({entry.place for entry in entries}) > 1:
            bad += [BadLine(e.line, "the prefix is listed with another place too", str(e.network)) for e in entries]
        else:
            usable.append(entries[0])
            repeated += len(entries) - 1
    return usable, bad, repeated


def _is_held(network: Network, held: Iterable[RegisteredNetwork]) -> bool:
    first, last = int(network.network_address), int(network.broadcast_address)
    return any(n.family == network.version and n.first <= first and last <= n.last for n in held)


def _prefixes(networks: Sequence[Network]) -> DatedPrefixes:
    return DatedPrefixes.undated([(n.version, int(n.network_address), n.prefixlen) for n in networks])
