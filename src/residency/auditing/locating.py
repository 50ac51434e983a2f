"""Locate addresses without any claim or traffic: sources, weighing, and a verdict on one area if asked for.

A target that is a name is looked up: giving it is the asking. Nothing else here uses the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

from residency._version import __version__
from residency.auditing.given import GivenEvidence, Paths
from residency.auditing.measuring import Measurements
from residency.auditing.options import VantageInput, parse_assurance, parse_max_age, parse_places, parse_vantages
from residency.auditing.witnesses import Hints
from residency.errors import UsageError, shorten
from residency.evaluate.locate import Weighed, excluded_by, place_in, side_of, weigh
from residency.evaluate.single import Question, answer
from residency.model.evidence import Kind, Snapshot
from residency.model.location import Location, Locations, RefusedTarget
from residency.model.names import HostNameError, ends_in_number, normalise_host
from residency.model.network import Address, Addresses, Vantage, as_label, parse_address
from residency.model.period import midnight
from residency.model.place import Area, Gazetteer
from residency.model.resolution import Lookup
from residency.sources.clock import current_day
from residency.sources.gazetteer import shipped_gazetteer
from residency.sources.interface import Asked, Source
from residency.sources.latency import RttFile


def locate(
    targets: str | Sequence[str] = (),
    *,
    within: str | Sequence[str] = (),
    sources: Sequence[Source] = (),
    embedded: bool = True,
    geoip: Paths = (),
    ranges: Paths = (),
    geofeeds: Paths = (),
    anycast: Paths = (),
    relays: Paths = (),
    rdap: bool = False,
    discover_geofeeds: bool = False,
    rtt: Paths = (),
    vantage: VantageInput = None,
    live: bool = False,
    min_assurance: str = "database",
    max_age_days: int | None = None,
    as_of: date | str | None = None,
    servers: Sequence[str] = (),
) -> Locations:
    """Say where addresses are, with the evidence; the network is used for names, and where asked for.

    `targets` are addresses, or host names: these are looked up at `servers` (as `resolve` takes them; the system's
    where none is given), and each of their addresses is located. Without any, everything that the files of `rtt`
    measured is. `live` times handshakes with the targets from `vantage`, which must be stated. With `within` (an area,
    as in "EEA" or "DE,FR") each gets a place in it and a verdict: that of a `connection` claim over one answered
    conversation on the day `as_of` (default: today, UTC). Files of evidence and `sources` of your own are given as
    for `audit`; `rdap` and `discover_geofeeds` ask the registries.

    Raises UsageError for a target that is neither or an area that is none; a verdict is never raised. A name that has
    no public address is among `refused`, with the outcome of the lookup.
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
    locator = Locator(
        sources=[*evidence.sources(), *sources],
        within=parse_places(within, shipped_gazetteer(), option="--within"),
        min_assurance=min_assurance,
        max_age_days=parse_max_age(max_age_days),
        day=parse_day(as_of),
        rtt_files=evidence.times(),
        live_from=one_vantage(vantage) if live else None,
        hints=evidence.hints(),
    )
    return locate_targets(given, locator, servers=servers)


def one_vantage(given: VantageInput) -> Vantage:
    """Return the vantage that `live` measures from; raises UsageError where none or several are stated."""
    vantages = parse_vantages(given)
    if len(vantages) != 1:
        raise UsageError("--live: state with --vantage where you are, as in --vantage 50.85,4.35,±10,Brussels")
    return vantages[0]


def locate_targets(targets: Sequence[str], locator: Locator, *, servers: Sequence[str] = ()) -> Locations:
    """Locate addresses, and the addresses of names, in the order given; raises UsageError for what is neither.

    Without targets, everything that the locator's files of round-trip times measured is located.
    """
    if not targets:
        return locator.locate(locator.timed_targets())
    read = [(target, _name_of(target)) for target in targets]
    addresses = {target: read_target(target) for target, name in read if name is None}
    found = _look_up([name for _, name in read if name is not None], servers)
    wanted: list[Wanted] = []
    refused: list[RefusedTarget] = []
    for target, name in read:
        if name is None:
            wanted.append(Wanted(target, addresses[target]))
        elif isinstance(said := found[name], str):
            refused.append(RefusedTarget(line=None, text=shorten(target), reason=said))
        else:
            wanted += [Wanted(target, parse_address(text), name) for text in said]
    return locator.locate(wanted, refused)


def _name_of(target: str) -> str | None:
    """Return a target's host name; None for an address, or for what is neither, which `read_target` explains."""
    try:
        name = normalise_host(target)
    except HostNameError:
        return None
    return None if name is None or ends_in_number(name) else name


def _look_up(names: Sequence[str], servers: Sequence[str]) -> dict[str, tuple[str, ...] | str]:
    """Return the public addresses of each name, or why it has none; asks nobody where there is no name."""
    if not names:
        return {}
    from residency.resolve.entry import resolve

    found: dict[str, tuple[str, ...] | str] = {}
    for lookup in resolve(names, servers=servers, types=("A", "AAAA")):
        known = found.get(lookup.name, "")
        if lookup.endpoints:
            found[lookup.name] = tuple(dict.fromkeys((*(() if isinstance(known, str) else known), *lookup.endpoints)))
        elif isinstance(known, str):
            found[lookup.name] = "; ".join(filter(None, (known, _why_not(lookup))))
    return found


def _why_not(lookup: Lookup) -> str:
    return f"{lookup.outcome.value}" + (f" ({lookup.detail})" if lookup.detail else "") + f", says {lookup.vantage}"


def locate_lines(lines: Iterable[str], locator: Locator) -> Locations:
    """Locate a list of one address a line; blank lines and `#` remarks are left out, other lines are refused."""
    read: list[Wanted] = []
    refused: list[RefusedTarget] = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            read.append(Wanted(text, parse_address(text)))
        except ValueError as error:
            refused.append(RefusedTarget(line=number, text=shorten(text), reason=str(error)))
    return locator.locate(read, refused)


def read_target(target: str) -> Address:
    """Return the address of one target; raises UsageError with what to do."""
    try:
        return parse_address(target)
    except ValueError as error:
        hint = _hint(target) if any(c.isalpha() for c in target) else ""
        raise UsageError(f"`{shorten(target)}`: {error}{hint}") from error


def _hint(target: str) -> str:
    """Say why a target with letters is no host name either."""
    try:
        normalise_host(target)
    except HostNameError as error:
        return f" and no name ({error})"
    return ""


def parse_day(as_of: date | str | None) -> date:
    """Return the day asked about, today where none is given; raises UsageError."""
    if as_of is None:
        return current_day()
    try:
        return as_of if isinstance(as_of, date) else date.fromisoformat(as_of)
    except ValueError as error:
        raise UsageError(f"--as-of `{as_of}`: write a date as 2026-06-01") from error


@dataclass(frozen=True, slots=True)
class Wanted:
    """One address to locate: the target that it came from, and the name that it was an answer for."""

    target: str
    address: Address
    host: str | None = None


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
    hints: Hints | None = None
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

    def timed_targets(self) -> list[Wanted]:
        """Return everything that the files of times measured, as targets."""
        texts = {one.target: one.is_address for file in self.rtt_files for one in file.latencies}
        return [
            Wanted(text, parse_address(text)) if is_address else Wanted(text, as_label(text), text)
            for text, is_address in texts.items()
        ]

    def _measurements(self, given: Sequence[Wanted]) -> Measurements | None:
        """Return the times of files, and those measured now where that was asked for."""
        if not self.rtt_files and self.live_from is None:
            return None
        from residency.auditing.timed import measurements, own_snapshot, times_of_files, times_of_live

        seen, _ = times_of_files(self.rtt_files, labels=True)
        snapshots, notes = [], []
        if self.live_from is not None:
            from residency.sources.live import LivePlan, LiveTarget, measure_live

            asked = {w.address.text: LiveTarget(address=w.address) for w in given if w.address.family}
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
            named_places=self.within,
            files=self.rtt_files,
            snapshots=snapshots,
            notes=notes,
        )

    def locate(self, given: Sequence[Wanted], refused: Sequence[RefusedTarget] = ()) -> Locations:
        """Locate addresses in the order given."""
        addresses = Addresses([wanted.address for wanted in given])
        asked = Asked(self.sources, addresses, [self.day] * len(given))
        found = []
        times = self._measurements(given)
        for wanted, codes in zip(given, asked.codes, strict=True):
            address = wanted.address
            timed = () if times is None else times.said_of(address)
            hinted = self.hints.read(wanted.host) if self.hints and wanted.host else ()
            key = (codes, timed, hinted, address.address_class, address.form)
            if key not in self._known:
                said = [*asked.said(codes), *timed, *hinted]
                weighed = weigh(said, address, first=self.day, last=self.day, max_age_days=self.max_age_days)
                self._known[key] = self._place(address, weighed)
            found.append(replace(self._known[key], target=wanted.target, address=address, host=wanted.host))
        self._known.clear()  # codes are those of this call's answers
        notes = tuple(note for source in self.sources for note in getattr(source, "notes", ()))
        return Locations(
            items=tuple(found),
            as_of=self.day,
            within=self.within,
            snapshots=self._snapshots(times, has_names=any(wanted.host for wanted in given)),
            warnings=(*notes, *(() if times is None else times.warnings)),
            vantages=() if times is None else times.checks,
            refused=tuple(refused),
            tool_version=__version__,
        )

    def _snapshots(self, times: Measurements | None, *, has_names: bool) -> tuple[Snapshot, ...]:
        asked = [source.snapshot for source in self.sources]
        asked += [self.hints.snapshot] if self.hints and has_names else []
        return tuple(sorted([*asked, *(() if times is None else times.snapshots)], key=lambda s: s.id))

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
