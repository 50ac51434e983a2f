"""From round-trip times to statements: those of the traffic itself, and those of files and of `--live`.

1. Times are gathered by vantage. 2. Each vantage is tested (`own_vantage`); what a void one saw is left out.
3. An endpoint gets one statement a vantage: all land that the one disc at light's speed in vacuum leaves. It proves
where the vantage passed its test beyond that radius, the far end itself must have answered, and three samples.
4. Several vantages of files are read together (`file_times`).
Nothing here decides a place: statements are weighed as any other evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from residency.auditing.hypotheses import AUTHOR, hypotheses_on
from residency.auditing.own_vantage import FAMILIES, VACUUM_KM_PER_MS, EndpointTime, check_vantage
from residency.limits import LIMITS
from residency.model.evidence import Exclusion, Kind, Snapshot, Statement, Weakness
from residency.model.network import Address, Vantage
from residency.model.place import Gazetteer, Place
from residency.model.vantage_check import OwnPath, Standing, VantageCheck

if TYPE_CHECKING:
    from residency.auditing.file_times import Time, TimesTogether
    from residency.model.geography import Geography

AUDITOR = AUTHOR
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The least time of one address from one vantage by one kind of answer, in a group of flows or in a file.

    `row` is the group of flows, None in a file; `days` the first and last day on which it was seen, where known.
    """

    vantage: Vantage
    address: Address
    kind: str
    rtt_ms: float
    samples: int
    source: str
    row: int | None = None
    days: tuple[date, date] | None = None


Ask = Callable[[Sequence[Address]], Sequence[tuple[Statement, ...]]]


@dataclass(kw_only=True)
class Measurements:
    """Every time that was seen, its vantages tested, and what follows for each address.

    `ask` says what the other sources know of addresses: places for the tests of the vantages. `named_places` are sites
    and provider regions that the claims name, as they write them.
    """

    seen: Sequence[Seen]
    ask: Ask
    gazetteer: Gazetteer
    geography: Geography
    parties: frozenset[str] = frozenset()
    named_places: tuple[str, ...] = ()
    paths: Mapping[str, OwnPath] = field(default_factory=dict)
    snapshots: tuple[Snapshot, ...] = ()
    aliases: Mapping[str, str] | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def checks(self) -> tuple[VantageCheck, ...]:
        """The test of every vantage that saw anything, by name."""
        known = self._known
        found = []
        for vantage, mine in sorted(_grouped(self.seen, lambda s: s.vantage).items(), key=lambda item: item[0].name):
            least = _least(mine, lambda s: (s.address.text, s.kind))
            times = [
                EndpointTime(
                    address=one.address,
                    kind=one.kind,
                    rtt_ms=one.rtt_ms,
                    samples=one.samples,
                    said=known[one.address.text],
                )
                for one in least
            ]
            check = check_vantage(vantage, times, self.gazetteer, self.parties)
            found.append(replace(check, path=self.paths.get(vantage.name)))
        return tuple(found)

    @cached_property
    def _known(self) -> dict[str, tuple[Statement, ...]]:
        texts = {one.address.text: one.address for one in self.seen}
        return dict(zip(texts, self.ask(list(texts.values())), strict=True))

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence for every vantage whose times do not prove, and what is odd in the files."""
        words = {Standing.UNTESTED: "its times support nothing", Standing.VOID: "its times are void"}
        checked = (
            f"vantage {check.vantage.name or '(unnamed)'}: {words[check.standing]}: {check.why}"
            for check in self.checks
            if check.standing in words
        )
        return (*checked, *self.notes)

    def said_of(self, address: Address, row: int | None = None) -> tuple[Statement, ...]:
        """Return what the times say of an address; of one group of flows alone where `row` is given (anycast)."""
        mine = self._by_address.get(address.text, ())
        if row is not None:
            mine = tuple(one for one in mine if one.row == row or one.row is None)
        if not mine:
            return ()
        key = (address.text, row)
        if key not in self._said:
            self._said[key] = tuple(self._read(mine))
        return self._said[key]

    @cached_property
    def _said(self) -> dict[tuple[str, int | None], tuple[Statement, ...]]:
        return {}

    @cached_property
    def _by_address(self) -> dict[str, tuple[Seen, ...]]:
        return {text: tuple(mine) for text, mine in _grouped(self.seen, lambda s: s.address.text).items()}

    @cached_property
    def _check_of(self) -> dict[Vantage, VantageCheck]:
        return {check.vantage: check for check in self.checks}

    @cached_property
    def _together(self) -> TimesTogether:
        from residency.auditing.file_times import TimesTogether

        usable = [s for s in self.seen if s.row is None and self._standing(s.vantage) is not Standing.VOID]
        return TimesTogether(_columns(usable), self.geography, self.aliases or {})

    def _standing(self, vantage: Vantage) -> Standing:
        return self._check_of[vantage].standing

    def _read(self, mine: Sequence[Seen]) -> Iterable[Statement]:
        files = [s for s in mine if s.row is None]
        alone = [s for s in mine if s.row is not None or self._standing(s.vantage) is not Standing.UNTESTED]
        for _, times in sorted(_grouped(alone, lambda s: (s.vantage.name, s.source)).items()):
            yield self._by_one_vantage(times)
        usable = [s for s in files if self._standing(s.vantage) is not Standing.VOID]
        if usable:
            lists = hypotheses_on(self._known[usable[0].address.text], self.gazetteer, self.named_places)
            yield from self._together.read(_columns(usable), lists) or (self._by_one_vantage(_nearest(usable)),)

    def _by_one_vantage(self, times: Sequence[Seen]) -> Statement:
        """Return what the best times of one vantage leave: those that prove, else the least of all."""
        check = self._check_of[times[0].vantage]
        if check.standing is Standing.VOID:
            return self._statement(times[0], frozenset(), f"times are void: {check.why}", Weakness.VANTAGE)
        least = _least(times, lambda s: FAMILIES.get(s.kind, ""))
        read = [(self._weakness(one, check), one) for one in least]
        weakness, one = min(read, key=lambda item: (item[0] is not None, item[1].rtt_ms))
        radius_km = one.rtt_ms * VACUUM_KM_PER_MS + one.vantage.radius_km
        left = self._within(one.vantage, radius_km)
        kind = one.kind or "a handshake"
        says = f"answered {kind} in {one.rtt_ms:g} ms (least of {one.samples}): within {radius_km:,.0f} km of "
        says += one.vantage.name or "the vantage"
        if len(left) == len(self.geography.codes):
            return self._statement(one, frozenset(), f"{says}, which excludes nothing", weakness)
        if weakness is not None:
            says += f"; {weakness.value}"
        excludes = tuple(p.part or p.country for p in self.geography.places if p not in left)
        name, within_km = one.vantage.name, round(radius_km, 1)
        bound = Exclusion(vantage=name, rtt_ms=one.rtt_ms, within_km=within_km, excludes=excludes)
        return replace(self._statement(one, left, says, weakness), exclusions=(bound,))

    def _weakness(self, one: Seen, check: VantageCheck) -> Weakness | None:
        family = FAMILIES.get(one.kind)
        if family is None:
            return Weakness.EARLY_ANSWER
        if one.samples < LIMITS.min_samples:
            return Weakness.SAMPLES
        radius_km = one.rtt_ms * VACUUM_KM_PER_MS + one.vantage.radius_km
        return None if check.covers(family, radius_km) else Weakness.VANTAGE

    def _within(self, vantage: Vantage, radius_km: float) -> frozenset[Place]:
        """Return all land that the disc can reach, as places."""
        if vantage not in self._nearest:
            self._nearest[vantage] = self.geography.nearest_km(vantage.lat, vantage.lon)
        reached = np.flatnonzero(self._nearest[vantage] <= radius_km)
        return frozenset(self.geography.places[i] for i in reached.tolist())

    @cached_property
    def _nearest(self) -> dict[Vantage, NDArray[np.float64]]:
        return {}

    def _statement(self, one: Seen, places: frozenset[Place], says: str, weakness: Weakness | None) -> Statement:
        return Statement(
            kind=Kind.MEASURED,
            source=one.source,
            author=one.vantage.name or AUDITOR,
            says=says,
            places=places,
            lineage=AUDITOR,
            listed=one.days,
            proves=weakness is None and bool(places),
            weakness=weakness or (None if places else Weakness.VANTAGE),
        )


def _columns(seen: Iterable[Seen]) -> list[Time]:
    return [(s.vantage, s.address.text, s.kind, s.rtt_ms, s.samples, s.source) for s in seen]


def _nearest(times: Sequence[Seen]) -> list[Seen]:
    best = min(times, key=lambda s: (s.rtt_ms * VACUUM_KM_PER_MS + s.vantage.radius_km, s.vantage.name))
    return [s for s in times if s.vantage == best.vantage]


def _grouped(seen: Iterable[Seen], key: Callable[[Seen], Key]) -> dict[Key, list[Seen]]:
    found: dict[Key, list[Seen]] = {}
    for one in seen:
        found.setdefault(key(one), []).append(one)
    return found


def _least(seen: Iterable[Seen], key: Callable[[Seen], Key]) -> list[Seen]:
    """Return the least time of each key, with the samples of all and the span of days."""
    found = []
    for mine in _grouped(seen, key).values():
        days = [day for one in mine if one.days for day in one.days]
        least = min(mine, key=lambda s: (s.rtt_ms, s.kind))
        span = (min(days), max(days)) if days else None
        found.append(replace(least, samples=sum(one.samples for one in mine), days=span))
    return found
