"""What the sources say of the endpoints in scope: asked in bulk, kept in columns, weighed once for equal statements."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from residency.auditing.cuts import time_rule_ends
from residency.evaluate.locate import Weighed, weigh
from residency.evaluate.scope import Groups
from residency.model.evidence import Kind, Snapshot, Statement
from residency.model.network import Address, Addresses
from residency.model.verdict import Observed
from residency.sources.interface import Asked, Source

if TYPE_CHECKING:
    from residency.auditing.measuring import Measurements


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What host names hint at, and the version of the table that says so."""

    read: Callable[[str], tuple[Statement, ...]]
    snapshot: Snapshot


class Witnesses:
    """The sources, and what they said of every distinct pair of address and period."""

    def __init__(
        self,
        sources: Sequence[Source],
        hints: Hints | None,
        max_age_days: int | None,
        measurements: Measurements | None = None,
    ) -> None:
        self._measurements = measurements
        self._sources, self._hints, self._max_age_days = sources, hints, max_age_days
        self._weighed: dict[tuple[object, ...], Weighed] = {}
        self._codes: dict[tuple[int, int], tuple[int, ...]] = {}
        self._asked = Asked((), Addresses(()), ())
        self._hinted: dict[str, tuple[Statement, ...]] = {}

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """The versions of everything that was asked, by id."""
        hints = [self._hints.snapshot] if self._hints else []
        timed = self._measurements.snapshots if self._measurements else ()
        return tuple(sorted([*(s.snapshot for s in self._sources), *hints, *timed], key=lambda s: s.id))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the report should know of given files: malformed entries, overlaps, no date."""
        noted = [note for source in self._sources for note in getattr(source, "notes", ())]
        if self._measurements is not None:
            noted += self._measurements.warnings
        return tuple(noted)

    def ask(self, groups: Groups, observed: Mapping[int, Observed]) -> None:
        """Ask every source about the distinct (address, period) pairs in scope, once."""
        days: dict[tuple[int, int], date] = {}
        for row, seen in observed.items():
            days.setdefault(_pair(groups, row), seen.first.date())
        pairs = sorted(days)
        addresses = Addresses([groups.addresses[code] for code, _ in pairs])
        self._asked = Asked(self._sources, addresses, [days[pair] for pair in pairs])
        self._codes = dict(zip(pairs, self._asked.codes, strict=True))

    def weigh(self, groups: Groups, row: int, seen: Observed, address: Address) -> Weighed:
        """Weigh what was said of one endpoint; the same statements of the same days are weighed once."""
        codes, hinted = self._codes[_pair(groups, row)], self._hints_of(seen.host)
        first, last = seen.first.date(), seen.last.date()
        timed = self._timed(codes, row, address)
        key = (codes, hinted, timed, address.address_class, address.form, first, last)
        if key not in self._weighed:
            said = [*self._asked.said(codes), *hinted, *timed]
            self._weighed[key] = weigh(said, address, first=first, last=last, max_age_days=self._max_age_days)
        return self._weighed[key]

    def span_a_time_rule(self, groups: Groups, observed: Mapping[int, Observed]) -> bool:
        """Does an endpoint have flows on both sides of an end of the time rule of its own evidence?"""
        return any(
            _spans(statement, seen, self._max_age_days)
            for row, seen in observed.items()
            for statement in self._asked.said(self._codes[_pair(groups, row)])
        )

    def _timed(self, codes: Sequence[int], row: int, address: Address) -> tuple[Statement, ...]:
        """Return what round-trip times say: of an anycast address only those of this very group."""
        if self._measurements is None:
            return ()
        anycast = any(statement.anycast for statement in self._asked.said(codes))
        return self._measurements.said_of(address, row if anycast else None)

    def _hints_of(self, host: str | None) -> tuple[Statement, ...]:
        if host is None or self._hints is None:
            return ()
        if host not in self._hinted:
            self._hinted[host] = self._hints.read(host)
        return self._hinted[host]


def _pair(groups: Groups, row: int) -> tuple[int, int]:
    return int(groups.address_code[row]), int(groups.period[row])


def _spans(statement: Statement, seen: Observed, max_age_days: int | None) -> bool:
    if statement.listed is None or not statement.places:
        return False
    ends = time_rule_ends(*statement.listed, statement.kind is Kind.DECLARED, max_age_days)
    return any(seen.first < end <= seen.last for end in ends)
