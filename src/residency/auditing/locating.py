"""Locate addresses without any claim or traffic: sources, weighing, and a verdict on one area if asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from os import PathLike

import numpy as np

from residency._version import __version__
from residency.auditing.given import GivenEvidence
from residency.auditing.measuring import Measurements
from residency.auditing.options import VantageInput, parse_assurance, parse_max_age, parse_places, parse_vantages
from residency.auditing.timed import check_warnings
from residency.errors import UsageError, shorten
from residency.evaluate.locate import Weighed, excluded_by, place_in, side_of, weigh
from residency.evaluate.single import Question, answer
from residency.model.evidence import Kind, Snapshot
from residency.model.location import Location, Locations, RefusedTarget
from residency.model.network import Address, Addresses, AddressForm, Vantage, as_label, parse_address
from residency.model.period import midnight
from residency.model.place import Area, Gazetteer
from residency.sources.clock import current_day
from residency.sources.gazetteer import shipped_gazetteer
from residency.sources.interface import Source
from residency.sources.latency import RttFile


def locate(
    targets: str | Sequence[str] = (),
    *,
    within: str | Sequence[str] = (),
    sources: Sequence[Source] = (),
    embedded: bool = True,
    geoip: Sequence[str | PathLike[str]] = (),
    ranges: Sequence[str | PathLike[str]] = (),
    geofeeds: Sequence[str | PathLike[str]] = (),
    anycast: Sequence[str | PathLike[str]] = (),
    relays: Sequence[str | PathLike[str]] = (),
    rdap: bool = False,
    discover_geofeeds: bool = False,
    rtt: Sequence[str | PathLike[str]] = (),
    vantage: VantageInput = None,
    live: bool = False,
    min_assurance: str = "database",
    max_age_days: int | None = None,
    as_of: date | str | None = None,
) -> Locations:
    """Say where addresses are, with the evidence; uses no network unless `rdap`, `discover_geofeeds` or `live` say so.

    `targets` are addresses; without any, everything that the files of `rtt` measured. `live` times handshakes with the
    targets from `vantage`, which must be stated. With `within` (an area, as in "EEA" or "DE,FR") each gets a place in
    it and a verdict: of a `connection` claim over one answered conversation on the day `as_of` (default: today, UTC).
    Files of evidence and `sources` of your own are given as for `audit`.

    Raises UsageError for a target that is no address or an area that is none; a verdict is never raised.
    """
    given = [targets] if isinstance(targets, str) else list(targets)
    evidence = GivenEvidence(
        embedded=embedded,
        geoip=geoip,
        ranges=ranges,
        geofeeds=geofeeds,
        anycast=anycast,
        relays=relays,
        rdap=rdap,
        discover=discover_geofeeds,
        rtt=rtt,
    )
    read = [(target, read_target(target)) for target in given]
    locator = Locator(
        sources=[*evidence.sources(), *sources],
        within=parse_places(within, shipped_gazetteer(), option="--within"),
        min_assurance=min_assurance,
        max_age_days=parse_max_age(max_age_days),
        day=parse_day(as_of),
        rtt_files=evidence.times(),
        live_from=one_vantage(vantage) if live else None,
    )
    return locator.locate(read or locator.timed_targets())


def one_vantage(given: VantageInput) -> Vantage:
    """Return the vantage that `live` measures from; raises UsageError where none or several are stated."""
    vantages = parse_vantages(given)
    if len(vantages) != 1:
        raise UsageError("--live: state with --vantage where you are, as in --vantage 50.85,4.35,±10,Brussels")
    return vantages[0]


def locate_lines(lines: Iterable[str], locator: Locator) -> Locations:
    """Locate a list of one address a line; blank lines and `#` remarks are left out, other lines are refused."""
    read: list[tuple[str, Address]] = []
    refused: list[RefusedTarget] = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            read.append((text, parse_address(text)))
        except ValueError as error:
            refused.append(RefusedTarget(line=number, text=shorten(text), reason=str(error)))
    return locator.locate(read, refused)


def read_target(target: str) -> Address:
    """Return the address of one target; raises UsageError with what to do."""
    try:
        return parse_address(target)
    except ValueError as error:
        hint = "; resolve the name first and give its addresses" if any(c.isalpha() for c in target) else ""
        raise UsageError(f"`{shorten(target)}`: {error}{hint}") from error


def parse_day(as_of: date | str | None) -> date:
    """Return the day asked about, today where none is given; raises UsageError."""
    if as_of is None:
        return current_day()
    try:
        return as_of if isinstance(as_of, date) else date.fromisoformat(as_of)
    except ValueError as error:
        raise UsageError(f"--as-of `{as_of}`: write a date as 2026-06-01") from error


@dataclass(kw_only=True)
class Locator:
    """The sources, the area and the day; answers for many addresses at once, weighing equal evidence once."""

    sources: Sequence[Source]
    within: tuple[str, ...]
    min_assurance: str
    max_age_days: int | None
    day: date
    rtt_files: Sequence[RttFile] = ()
    live_from: Vantage | None = None
    gazetteer: Gazetteer = field(default_factory=shipped_gazetteer)
    _known: dict[tuple[object, ...], Location] = field(default_factory=dict)

    @cached_property
    def _world(self) -> Area:
        return self.gazetteer.area(("WORLD",), midnight(self.day))

    @cached_property
    def _question(self) -> Question | None:
        if not self.within:
            return None
        area = self.gazetteer.area(self.within, midnight(self.day))
        return Question(within=self.within, area=area, day=self.day, floor=parse_assurance(self.min_assurance))

    def timed_targets(self) -> list[tuple[str, Address]]:
        """Return everything that the files of times measured, as targets."""
        texts = {one.target: one.is_address for file in self.rtt_files for one in file.latencies}
        return [(text, parse_address(text) if is_address else as_label(text)) for text, is_address in texts.items()]

    def _measurements(self, given: Sequence[tuple[str, Address]]) -> Measurements | None:
        """Return the times of files, and those measured now where that was asked for."""
        if not self.rtt_files and self.live_from is None:
            return None
        from residency.auditing.timed import measurements, own_snapshot, times_of_files, times_of_live

        seen, _ = times_of_files(self.rtt_files, labels=True)
        snapshots, notes = [], []
        if self.live_from is not None:
            from residency.sources.live import LivePlan, LiveTarget, measure_live

            asked = {a.text: LiveTarget(address=a) for _, a in given if a.family}
            found = measure_live(list(asked.values()), LivePlan(vantage=self.live_from))
            seen += times_of_live(found.latencies, self.day)
            told = repr([(x.target, x.kind.value, x.rtt_ms) for x in found.latencies])
            snapshots = [own_snapshot([self.live_from], told, "handshake times measured now")]
            notes = [f"--live: {target}: {why}" for target, why in found.failed]
        return measurements(
            seen,
            sources=self.sources,
            gazetteer=self.gazetteer,
            day=self.day,
            files=self.rtt_files,
            snapshots=snapshots,
            notes=notes,
        )

    def locate(self, given: Sequence[tuple[str, Address]], refused: Sequence[RefusedTarget] = ()) -> Locations:
        """Locate addresses in the order given."""
        addresses = Addresses([address for _, address in given])
        answers = [source.answer(addresses, [self.day] * len(given)) for source in self.sources]
        codes = np.array([found.codes for found in answers], dtype=np.int64).reshape(len(answers), len(given)).T
        found = []
        times = self._measurements(given)
        for (target, address), row in zip(given, codes.tolist(), strict=True):
            timed = () if times is None else times.said_of(address)
            key = (tuple(row), timed, address.address_class, address.form)
            if key not in self._known:
                said = [answers[i].statements[code] for i, code in enumerate(row) if code >= 0] + list(timed)
                weighed = weigh(said, address, first=self.day, last=self.day, max_age_days=self.max_age_days)
                self._known[key] = self._place(address, weighed)
            found.append(_named(self._known[key], target, address))
        self._known.clear()  # codes are those of this call's answers
        notes = tuple(note for source in self.sources for note in getattr(source, "notes", ()))
        return Locations(
            items=tuple(found),
            as_of=self.day,
            within=self.within,
            snapshots=tuple(sorted([*(s.snapshot for s in self.sources), *_snapshots(times)], key=lambda s: s.id)),
            warnings=(*notes, *(() if times is None else (*check_warnings(times), *times.notes))),
            vantages=() if times is None else times.checks,
            refused=tuple(refused),
            tool_version=__version__,
        )

    def _place(self, address: Address, weighed: Weighed) -> Location:
        anywhere = place_in(weighed, self._world)
        question = self._question
        placed = anywhere if question is None else place_in(weighed, question.area)
        judgement = None if question is None else answer(question, address, weighed)
        return Location(
            target="",
            address=address,
            host=None,
            anycast=_anycast(weighed),
            excluded=excluded_by(weighed, self.gazetteer.countries),
            feasible=anywhere.feasible,
            where=None if question is None else placed.where,
            assurance=placed.assurance,
            verdict=None if judgement is None else judgement.verdict,
            reasons=() if judgement is None else judgement.reasons,
            rules=tuple(sorted({*weighed.rules, *placed.rules})),
            evidence=weighed.evidence,
            sides=tuple("neither" if question is None else side_of(e, question.area) for e in weighed.evidence),
        )


def _anycast(weighed: Weighed) -> str:
    if any(e.kind is Kind.MEASURED and e.statement.anycast for e in weighed.evidence):
        return "detected"
    return "listed" if weighed.anycast else "no_evidence"


def _snapshots(times: Measurements | None) -> Sequence[Snapshot]:
    return () if times is None else times.snapshots


def _named(found: Location, target: str, address: Address) -> Location:
    host = target if address.form is AddressForm.LABEL else None
    return replace(found, target=target, address=address, host=host)
