"""Hold claims against traffic: the one place where sources, traffic, evaluation and reports meet.

1. Read the claims and ask when any answer could change. 2. Read the traffic and group it to distinct endpoints
(`traffic`). 3. Select what each claim speaks of. 4. Ask every source about the distinct addresses in scope.
5. Judge. 6. Put the report together. Objects are made for endpoints in scope only; the rest stays in columns.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from residency._version import __version__
from residency.errors import UsageError
from residency.evaluate import sentences
from residency.evaluate.judge import Entry, Judged, Judgement, could_yield, is_certain_name, judge
from residency.evaluate.locate import Weighed, side_of, weigh
from residency.evaluate.outcome import Terms
from residency.evaluate.scope import Groups, Scope, moments, select, surely_in_force
from residency.limits import LIMITS
from residency.model.claim import Activity, Claim, Pack
from residency.model.evidence import Assurance, Snapshot, Statement
from residency.model.identity import finding_id
from residency.model.names import PatternTable, looks_like
from residency.model.network import Address, Addresses, Vantage, parse_address
from residency.model.period import Period, from_us, midnight, rfc3339, to_us
from residency.model.place import Area, Gazetteer, UnknownPlaceError
from residency.model.verdict import (
    ClaimResult,
    Finding,
    Findings,
    InputRecord,
    Observed,
    QuarantinedRecord,
    Report,
    ScopePreview,
    Tally,
    Verdict,
)
from residency.sources.gazetteer import shipped_gazetteer
from residency.sources.interface import Source

if TYPE_CHECKING:
    from residency.traffic import Traffic

Progress = Callable[[str, float], None]
ClaimsInput = str | os.PathLike[str] | Pack | Sequence["str | os.PathLike[str] | Pack"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions:
    """What the auditor states and asks, checked; see DESIGN section 7.2 for each."""

    clients: tuple[str, ...] = ()
    vantage: Vantage | None = None
    min_assurance: Assurance = Assurance.DATABASE
    rely_on: frozenset[str] = frozenset()
    max_age_days: int | None = None
    sampling: int | None = None
    clock_skew: timedelta = timedelta(0)
    as_of: datetime | None = None

    def shown(self) -> dict[str, str]:
        """Return the options that differ from their defaults, as text for the report."""
        stated = {
            "clients": ", ".join(self.clients),
            "vantage": _vantage_text(self.vantage) if self.vantage else "",
            "min_assurance": "" if self.min_assurance is Assurance.DATABASE else self.min_assurance.value,
            "rely_on": ", ".join(sorted(self.rely_on)),
            "max_age": f"{self.max_age_days} days" if self.max_age_days is not None else "",
            "sampling": f"1 in {self.sampling}" if self.sampling else "",
            "clock_skew": f"{self.clock_skew.total_seconds():g} s" if self.clock_skew else "",
        }
        return {name: text for name, text in stated.items() if text}


def audit(
    claims: ClaimsInput,
    traffic: str | os.PathLike[str] | Sequence[Any] | Any,
    *,
    claim_ids: Sequence[str] | None = None,
    sources: Sequence[Source] = (),
    embedded: bool = True,
    clients: str | Sequence[str] = (),
    vantage: str | Vantage | None = None,
    min_assurance: str = "database",
    rely_on: str | Sequence[str] = (),
    max_age_days: int | None = None,
    sampling: int | None = None,
    clock_skew_s: float = 0.0,
    as_of: datetime | date | str | None = None,
    input_format: str | None = None,
    time_unit: str = "s",
    quarantine: Callable[[QuarantinedRecord], None] | None = None,
    progress: Progress | None = None,
    **engine: Any,
) -> Report:
    """Hold claims against traffic and return the report; uses no network.

    `claims` is a claim file, the name of a shipped pack, a Pack, or several of these; `traffic` is a file, a
    folder, a table (Arrow, pandas, polars) or several. `sources` are asked besides the embedded ones (or alone
    with `embedded=False`). `quarantine` is called with every record that could not be judged. `engine` takes
    `threads`, `memory_limit` and `temp_dir` of the reader.

    Raises ClaimError, InputError, SourceError, UsageError or LimitError; a verdict is never raised.
    """
    gazetteer = shipped_gazetteer()
    packs = _load_packs(claims, gazetteer)
    chosen = _choose(packs, claim_ids)
    options = AuditOptions(
        clients=_places(clients, gazetteer),
        vantage=parse_vantage(vantage) if isinstance(vantage, str) else vantage,
        min_assurance=_level(min_assurance),
        rely_on=frozenset([rely_on] if isinstance(rely_on, str) else rely_on),
        max_age_days=max_age_days,
        sampling=sampling,
        clock_skew=timedelta(seconds=clock_skew_s),
        as_of=_moment(as_of),
    )
    asked = [*_embedded(embedded), *sources]
    _check_asns(chosen, asked)
    cuts = _cuts(chosen, gazetteer, asked, options)
    with _read(traffic, cuts, input_format, time_unit, progress, engine) as flows:
        run = _Audit(
            gazetteer=gazetteer,
            packs=packs,
            claims=chosen,
            sources=asked,
            options=options,
            cuts_us=cuts,
            flows=flows,
        )
        return run.report(quarantine)


@dataclass(kw_only=True)
class _Audit:
    """One audit under way: the claims, the grouped traffic, and what was asked so far."""

    gazetteer: Gazetteer
    packs: tuple[Pack, ...]
    claims: tuple[Claim, ...]
    sources: Sequence[Source]
    options: AuditOptions
    cuts_us: Sequence[int]
    flows: Traffic
    _weighed: dict[tuple[object, ...], Weighed] = field(default_factory=dict)
    _codes: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)
    _statements: list[tuple[Statement, ...]] = field(default_factory=list)

    @cached_property
    def columns(self) -> dict[str, list[Any]]:
        """The groups as Python columns, for the rows in scope."""
        table = self.flows.groups()
        return {name: table[name].to_pylist() for name in table.column_names}

    @cached_property
    def instants(self) -> tuple[datetime, ...]:
        """One moment inside each period."""
        return moments(self.cuts_us)

    @cached_property
    def groups(self) -> Groups:
        """The distinct endpoints in columns, as scopes are selected from them."""
        return _as_groups(self.flows.groups(), self.sources, want_asns=any(c.asns for c in self.claims))

    def report(self, quarantine: Callable[[QuarantinedRecord], None] | None) -> Report:
        """Judge every claim and put the report together."""
        scopes = {claim.id: self._scope(claim) for claim in self.claims}
        self._ask({row for scope in scopes.values() for row in scope.rows.tolist()})
        judged = [self._judge(claim, scopes[claim.id]) for claim in self.claims]
        results = tuple(result for result, _ in judged)
        findings = sorted((f for _, found in judged for f in found), key=lambda f: (f.claim, f.id))
        span = self.flows.first_last_us()
        as_of = self.options.as_of or (from_us(span[1]) if span else datetime(1970, 1, 1, tzinfo=UTC))
        return Report(
            tool_version=__version__,
            as_of=as_of,
            headline=sentences.overall(results),
            inputs=self._inputs(scopes),
            quarantine=self._quarantine(quarantine),
            snapshots=tuple(sorted((s.snapshot for s in self.sources), key=lambda s: s.id)),
            claims=results,
            findings=Findings(findings),
            warnings=self._warnings(as_of),
            first_seen=from_us(span[0]) if span else None,
            last_seen=from_us(span[1]) if span else None,
            options=self.options.shown(),
            pack_as_of=max((p.as_of for p in self.packs if p.as_of), default=None),
        )

    def previews(self) -> list[ScopePreview]:
        """Return the scope of every claim by host, without locating anything."""
        found = []
        for claim in self.claims:
            scope = self._scope(claim)
            by_host: dict[str, Tally] = {}
            for row in scope.rows.tolist():
                seen = self._observed(row)
                by_host[seen.host or "(no name)"] = by_host.get(seen.host or "(no name)", Tally()) + Tally.of(seen)
            could = could_yield(claim, subjects_stated=bool(self.options.clients))
            found.append(ScopePreview(claim=claim, could=could, hosts=dict(sorted(by_host.items()))))
        return found

    def _scope(self, claim: Claim) -> Scope:
        """Select the claim's endpoints; none where it is not observable or the clients are not its subjects."""
        found = select(claim, self.groups, self.instants, self.options.clock_skew)
        if not claim.activity.is_observable:
            nothing = np.empty(0, dtype=np.int64)
            return replace(found, rows=nothing, matches=(), unnamed=nothing)
        if not (claim.subjects and self.options.clients):
            return found
        meant = np.array([not self._clients_disjoint(claim, at) for at in self.instants], dtype=bool)
        periods = self.groups.period
        kept = meant[periods[found.rows]]
        return Scope(
            rows=found.rows[kept],
            matches=tuple(m for m, keep in zip(found.matches, kept.tolist(), strict=True) if keep),
            unnamed=found.unnamed[meant[periods[found.unnamed]]],
            parsed=found.parsed[meant[periods[found.parsed]]],
        )

    def _clients_disjoint(self, claim: Claim, at: datetime) -> bool:
        subjects = self.gazetteer.area(claim.subjects, at)
        return self.gazetteer.area(self.options.clients, at).isdisjoint(subjects)

    def _ask(self, rows: Iterable[int]) -> None:
        """Ask every source about the distinct (address, period) pairs in scope, once."""
        groups, firsts = self.groups, self.columns["first_us"]
        days: dict[tuple[int, int], date] = {}
        for row in sorted(rows):
            pair = (int(groups.address_code[row]), int(groups.period[row]))
            days.setdefault(pair, from_us(firsts[row]).date())
        pairs = sorted(days)
        addresses = Addresses([groups.addresses[code] for code, _ in pairs])
        answers = [source.answer(addresses, [days[pair] for pair in pairs]) for source in self.sources]
        self._statements = [answer.statements for answer in answers]
        table = (
            np.array([answer.codes for answer in answers], dtype=np.int64)
            .reshape(len(answers), len(pairs))
            .T.tolist()
        )
        self._codes = {pair: tuple(codes) for pair, codes in zip(pairs, table, strict=True)}

    def _weigh(self, row: int, seen: Observed, address: Address) -> Weighed:
        pair = (int(self.groups.address_code[row]), int(self.groups.period[row]))
        codes = self._codes[pair]
        first, last = seen.first.date(), seen.last.date()
        key = (codes, address.address_class, address.form, first, last)
        if key not in self._weighed:
            said = [self._statements[i][code] for i, code in enumerate(codes) if code >= 0]
            self._weighed[key] = weigh(
                said, address, first=first, last=last, max_age_days=self.options.max_age_days
            )
        return self._weighed[key]

    def _judge(self, claim: Claim, scope: Scope) -> tuple[ClaimResult, list[Finding]]:
        entries = self._entries(claim, scope)
        stated = all(entry.terms.subjects_stated for entry in entries) if entries else bool(self.options.clients)
        judgement = judge(claim, entries, scope, self.groups, subjects_stated=stated, rely_on=self.options.rely_on)
        wording = self._wording(claim)
        as_connection = self._as_connection(claim, entries, scope) if claim.activity is Activity.STORAGE else None
        result = ClaimResult(
            claim=claim,
            could=judgement.could,
            verdict=judgement.verdict,
            assurance=judgement.assurance,
            headline=sentences.headline(claim, judgement, wording),
            reasons=judgement.reasons,
            outcomes=judgement.outcomes,
            coverage=judgement.coverage,
            unnamed=judgement.unnamed,
            not_observed=sentences.not_observed(claim, judgement, wording),
            as_connection=as_connection,
            notes=_notes(claim),
        )
        return result, [self._finding(claim, j) for j in judgement.judged]

    def _as_connection(self, claim: Claim, entries: list[Entry], scope: Scope) -> Verdict:
        """Read a storage claim as one about connections; printed beside it, never changing it."""
        reading = replace(claim, activity=Activity.CONNECTION)
        terms = {id(e.terms): replace(e.terms, claim=reading) for e in entries}
        read = [replace(e, terms=terms[id(e.terms)]) for e in entries]
        found: Judgement = judge(
            reading, read, scope, self.groups, subjects_stated=True, rely_on=self.options.rely_on
        )
        return found.verdict

    def _entries(self, claim: Claim, scope: Scope) -> list[Entry]:
        terms: dict[int, Terms] = {}
        made = []
        for row, match in zip(scope.rows.tolist(), scope.matches, strict=True):
            period = int(self.groups.period[row])
            if period not in terms:
                terms[period] = self._terms(claim, self.instants[period])
            seen = self._observed(row)
            address = self.groups.addresses[int(self.groups.address_code[row])]
            weighed = self._weigh(row, seen, address)
            made.append(Entry(seen=seen, address=address, match=match, weighed=weighed, terms=terms[period]))
        return made

    def _terms(self, claim: Claim, at: datetime) -> Terms:
        gazetteer, clients = self.gazetteer, self.options.clients
        live = [e for e in claim.exceptions if at in e.effective]
        return Terms(
            claim=claim,
            at=at,
            area=claim_area(claim, gazetteer, at),
            in_force=surely_in_force(claim.effective, at, self.options.clock_skew),
            exceptions=tuple((e, gazetteer.area(e.places, at) if e.places else None) for e in live),
            subjects_stated=bool(clients)
            and (not claim.subjects or gazetteer.area(clients, at) <= gazetteer.area(claim.subjects, at)),
            floor=self.options.min_assurance,
        )

    def _observed(self, row: int) -> Observed:
        c = self.columns
        return Observed(
            group=row,
            server_ip=c["server_ip"][row],
            server_form=c["server_form"][row],
            server_port=c["server_port"][row],
            proto=c["proto"][row],
            host=c["host"][row],
            named_by=c["named_by"][row],
            answered=c["answered"][row],
            period=c["period"][row],
            vantage=c["vantage"][row],
            rtt_kind=c["rtt_kind"][row],
            records=c["records"][row],
            flows=c["flows"][row],
            bytes_sent=c["bytes_sent"][row],
            bytes_received=c["bytes_received"][row],
            sent_unknown=c["sent_unknown"][row],
            received_unknown=c["received_unknown"][row],
            first=from_us(c["first_us"][row]),
            last=from_us(c["last_us"][row]),
            min_rtt_ms=c["min_rtt_ms"][row],
            rtt_samples=c["rtt_samples"][row],
        )

    def _finding(self, claim: Claim, judged: Judged) -> Finding:
        entry, ruling = judged.entry, judged.ruling
        period = self.period(entry.seen.period)
        return Finding(
            id=finding_id(claim.id, entry.seen, period),
            claim=claim.id,
            seen=entry.seen,
            period=period,
            role=ruling.role.value if ruling.role else None,
            outcome=ruling.outcome,
            missing_link="; ".join(ruling.missing_links) or None,
            place=ruling.location.where,
            assurance=ruling.location.assurance,
            feasible=ruling.location.feasible,
            excluded=(),
            rules=ruling.rules,
            evidence=entry.weighed.evidence,
            sides=tuple(side_of(e, entry.terms.area) for e in entry.weighed.evidence),
            network=entry.address.network,
        )

    def period(self, index: int) -> Period:
        """Return the interval of a period number; within it no answer changes."""
        start = from_us(self.cuts_us[index - 1]) if index else None
        end = from_us(self.cuts_us[index]) if index < len(self.cuts_us) else None
        return Period(start, end)

    def _wording(self, claim: Claim) -> sentences.Wording:
        return sentences.Wording(
            countries=self.gazetteer.countries,
            cities={key: region.spot.city for key, region in self.gazetteer.regions.items()},
            snapshots={s.snapshot.id: s.snapshot for s in self.sources},
            relied=tuple(sorted(self.options.rely_on & set(claim.parties))),
            sampling=self.options.sampling,
        )

    def _inputs(self, scopes: Mapping[str, Scope]) -> tuple[InputRecord, ...]:
        rows = np.unique(np.concatenate([scope.rows for scope in scopes.values()]))
        counted = self.flows.records_by_input(rows)
        return tuple(
            InputRecord(
                path=item.path,
                sha256=item.sha256,
                format=item.format,
                records=item.records,
                judged=judged,
                out_of_scope=rest,
                quarantined=item.quarantined,
                duplicate=item.duplicate,
                context=item.context,
            )
            for item, (judged, rest) in zip(self.flows.inputs, counted, strict=True)
        )

    def _quarantine(self, sink: Callable[[QuarantinedRecord], None] | None) -> tuple[QuarantinedRecord, ...]:
        kept: list[QuarantinedRecord] = []
        for item in self.flows.quarantine():
            record = QuarantinedRecord(
                path=item.path, line=item.line, offset=item.offset, reason=item.reason, value=item.value
            )
            if len(kept) < LIMITS.max_quarantine_in_report:
                kept.append(record)
            if sink is not None:
                sink(record)
            elif len(kept) >= LIMITS.max_quarantine_in_report:
                break
        return tuple(kept)

    def _warnings(self, as_of: datetime) -> tuple[str, ...]:
        stale = [_stale(s.snapshot, as_of) for s in self.sources]
        cut = [f"{i.path}: incomplete: {i.incomplete}" for i in self.flows.inputs if i.incomplete]
        of_packs = [warning for pack in self.packs for warning in pack.warnings]
        return (*of_packs, *self.flows.warnings, *cut, *filter(None, stale), *self._lookalikes())

    def _lookalikes(self) -> list[str]:
        """Warn of observed names that look like a host of a claim and are not it."""
        odd = [host for host in self.groups.hosts if "xn--" in host]
        table = PatternTable((rule.pattern, True) for claim in self.claims for rule in claim.hosts)
        twins = [(host, looks_like(host)) for host in odd]
        return [
            f"host {host} looks like {twin}, which a claim names, and is another name: not in scope"
            for host, twin in twins
            if twin and table.find(twin) and not table.find(host)
        ]


def claim_area(claim: Claim, gazetteer: Gazetteer, at: datetime) -> Area:
    """Return the area of a claim at `at`: `allow` (else WORLD) minus `forbid`."""
    allowed = gazetteer.area(claim.allow or ("WORLD",), at)
    return allowed - gazetteer.area(claim.forbid, at) if claim.forbid else allowed


def parse_vantage(text: str) -> Vantage:
    """Read `LAT,LON[,±KM][,NAME]`; raises UsageError."""
    parts = [part.strip() for part in text.split(",")]
    try:
        lat, lon = float(parts[0]), float(parts[1])
        rest = parts[2:]
        measured = bool(rest) and rest[0].lstrip("±").replace(".", "", 1).isdigit()
        radius = float(rest.pop(0).lstrip("±")) if measured else Vantage(lat=0, lon=0).radius_km
        return Vantage(lat=lat, lon=lon, radius_km=radius, name=",".join(rest))
    except (ValueError, IndexError) as error:
        raise UsageError(
            f"--vantage `{text}`: write LAT,LON[,±KM][,NAME], as in 50.85,4.35,±10,Brussels"
        ) from error


def _vantage_text(vantage: Vantage) -> str:
    return f"{vantage.lat:g},{vantage.lon:g},±{vantage.radius_km:g} km {vantage.name}".strip()


def _load_packs(claims: ClaimsInput, gazetteer: Gazetteer) -> tuple[Pack, ...]:
    from residency.claims import load_pack

    given = [claims] if isinstance(claims, str | os.PathLike | Pack) else list(claims)
    if not given:
        raise UsageError("no claim was given; name a claim file or a shipped pack (`residency claims list`)")
    return tuple(item if isinstance(item, Pack) else load_pack(item, gazetteer=gazetteer) for item in given)


def _choose(packs: Sequence[Pack], claim_ids: Sequence[str] | None) -> tuple[Claim, ...]:
    claims = [claim for pack in packs for claim in pack.claims]
    ids = [claim.id for claim in claims]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise UsageError(f"claim `{twice[0]}` is given twice; ids must be unique over all claim files")
    if claim_ids is None:
        return tuple(sorted(claims, key=lambda c: c.id))
    missing = [i for i in claim_ids if i not in ids]
    if missing:
        raise UsageError(f"no claim `{missing[0]}`; there are {', '.join(sorted(ids))}")
    return tuple(sorted((c for c in claims if c.id in claim_ids), key=lambda c: c.id))


def _embedded(wanted: bool) -> list[Source]:
    if not wanted:
        return []
    from residency.sources.registry import embedded_sources

    return embedded_sources()


def _check_asns(claims: Sequence[Claim], sources: Sequence[Source]) -> None:
    """Refuse a scope by origin networks that no table can tell apart."""
    known = frozenset[int]().union(*(getattr(s, "known_asns", frozenset()) for s in sources))
    for claim in claims:
        unknown = sorted(set(claim.asns) - known)
        if unknown:
            raise UsageError(
                f"claim `{claim.id}`: no origin table tells which addresses are AS{unknown[0]}'s; "
                "name its hosts or networks instead"
            )


def _cuts(
    claims: Sequence[Claim], gazetteer: Gazetteer, sources: Sequence[Source], options: AuditOptions
) -> list[int]:
    """Return the microseconds at which any answer could change, so that one group never spans two answers."""
    skew = options.clock_skew
    edges: set[datetime] = set()
    for claim in claims:
        own = claim.edges
        edges |= own | {edge + s for edge in claim.effective.edges for s in (skew, -skew)}
        edges |= gazetteer.edges((*claim.place_names, *options.clients))
    limits = [LIMITS.list_max_age_days, *([options.max_age_days] if options.max_age_days is not None else [])]
    for source in sources:
        built = (source.snapshot.built,) if source.snapshot.built else ()
        for day in {*source.snapshot.edges, *built}:
            edges.add(midnight(day))
            edges |= {midnight(day) - timedelta(days=n) for n in limits}
            edges |= {midnight(day) + timedelta(days=n + 1) for n in limits}
    return sorted(to_us(edge) for edge in edges)


def _as_groups(table: Any, sources: Sequence[Source], *, want_asns: bool) -> Groups:
    """Turn the reader's table into the columns that scopes are selected from."""
    addresses, address_code = _coded(table["server_ip"])
    hosts, host_code = _coded(table["host"])
    parsed = [parse_address(text) for text in addresses]
    asns = np.zeros(len(parsed), dtype=np.int64)
    if want_asns:
        for source in sources:
            if hasattr(source, "asns"):
                asns = np.maximum(asns, source.asns(Addresses(parsed)))
    named_by, named_code = _coded(table["named_by"])
    certain = np.array([*(is_certain_name(n) for n in named_by), False], dtype=bool)
    return Groups(
        hosts=hosts,
        addresses=parsed,
        asns=asns,
        host_code=host_code,
        address_code=address_code,
        port=_integers(table["server_port"], -1),
        period=_integers(table["period"], 0),
        certain_name=certain[named_code],
        flows=_integers(table["flows"], 0),
        bytes_sent=_integers(table["bytes_sent"], 0),
        bytes_received=_integers(table["bytes_received"], 0),
    )


def _coded(column: Any) -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct words of a text column and each row's index among them (-1 for null)."""
    encoded = column.combine_chunks().dictionary_encode()
    if hasattr(encoded, "combine_chunks"):
        encoded = encoded.combine_chunks()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return encoded.dictionary.to_pylist(), codes


def _integers(column: Any, missing: int) -> NDArray[np.int64]:
    filled: NDArray[np.int64] = column.fill_null(missing).to_numpy().astype(np.int64)
    return filled


def _stale(snapshot: Snapshot, as_of: datetime) -> str:
    if snapshot.built is None or snapshot.max_age_days is None:
        return ""
    age = (as_of.date() - snapshot.built).days
    if age <= snapshot.max_age_days:
        return ""
    return (
        f"{snapshot.name}: {age} days old at {rfc3339(as_of)[:10]}, over its limit of {snapshot.max_age_days} days"
    )


def _notes(claim: Claim) -> tuple[str, ...]:
    """Return what is printed beside a verdict and never changes it."""
    notes = [f"applies only where {claim.condition}"] if claim.condition else []
    notes += [claim.notes] if claim.notes else []
    for e in claim.exceptions:
        if e.is_caveat:
            notes.append(f"caveat {e.id}: {e.why}")
        elif e.effective.end is None:
            notes.append(f"exception {e.id} is open-ended: {e.why}")
    notes += [f"{c.date} {c.by}: {c.finding}" for c in claim.counter_evidence]
    notes += [f"{r.date} reply of {r.by}: {r.text}" for r in claim.replies]
    return tuple(notes)


def _places(given: str | Sequence[str], gazetteer: Gazetteer) -> tuple[str, ...]:
    names = tuple(n.strip() for n in given.split(",")) if isinstance(given, str) else tuple(given)
    names = tuple(n for n in names if n)
    try:
        for name in names:
            gazetteer.check(name)
    except UnknownPlaceError as error:
        raise UsageError(f"--clients: {error}") from error
    return names


def _level(text: str) -> Assurance:
    try:
        return Assurance(text)
    except ValueError as error:
        levels = ", ".join(a.value for a in Assurance if a not in (Assurance.NONE, Assurance.NOT_NEEDED))
        raise UsageError(f"--min-assurance `{text}`: one of {levels}") from error


def _moment(value: datetime | date | str | None) -> datetime | None:
    if value is None or isinstance(value, datetime):
        if value is not None and value.tzinfo is None:
            raise UsageError("as_of needs an offset, as in 2026-06-01T00:00:00Z")
        return value
    if isinstance(value, date):
        return midnight(value)
    try:
        return _moment(datetime.fromisoformat(value)) if "T" in value else midnight(date.fromisoformat(value))
    except ValueError as error:
        raise UsageError(f"--as-of `{value}`: write a date as 2026-06-01 or a time with an offset") from error


def _as_list(traffic: Any) -> list[Any]:
    return list(traffic) if isinstance(traffic, list | tuple) else [traffic]


def preview(
    claims: ClaimsInput,
    traffic: str | os.PathLike[str] | Sequence[Any] | Any,
    *,
    claim_ids: Sequence[str] | None = None,
    clients: str | Sequence[str] = (),
    vantage: str | Vantage | None = None,
    clock_skew_s: float = 0.0,
    input_format: str | None = None,
    time_unit: str = "s",
    progress: Progress | None = None,
    **engine: Any,
) -> list[ScopePreview]:
    """Return what would be in scope of each claim, asking no source where anything is."""
    gazetteer = shipped_gazetteer()
    packs = _load_packs(claims, gazetteer)
    chosen = _choose(packs, claim_ids)
    options = AuditOptions(
        clients=_places(clients, gazetteer),
        vantage=parse_vantage(vantage) if isinstance(vantage, str) else vantage,
        clock_skew=timedelta(seconds=clock_skew_s),
    )
    cuts = _cuts(chosen, gazetteer, [], options)
    with _read(traffic, cuts, input_format, time_unit, progress, engine) as flows:
        run = _Audit(
            gazetteer=gazetteer, packs=packs, claims=chosen, sources=[], options=options, cuts_us=cuts, flows=flows
        )
        return run.previews()


def _read(
    traffic: Any,
    cuts: Sequence[int],
    input_format: str | None,
    time_unit: str,
    progress: Progress | None,
    engine: Mapping[str, Any],
) -> Traffic:
    from residency.traffic import ReadOptions, read_traffic

    options = ReadOptions(input_format=input_format, time_unit=time_unit, **engine)
    return read_traffic(_as_list(traffic), cuts_us=cuts, options=options, progress=progress)
