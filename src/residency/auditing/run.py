"""Hold claims against traffic: the one place where sources, traffic, evaluation and reports meet.

1. Read the claims and ask when any answer could change. 2. Read the traffic and group it to distinct endpoints
(`traffic`). 3. Select what each claim speaks of. 4. Ask every source about the distinct addresses in scope.
5. Judge. 6. Put the report together. Objects are made for endpoints in scope only; the rest stays in columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from residency._version import __version__
from residency.auditing.options import AuditOptions
from residency.auditing.tables import as_groups, as_observed
from residency.auditing.witnesses import Hints, Witnesses
from residency.collector import collector_paused
from residency.evaluate import sentences
from residency.evaluate.judge import Entry, Judged, could_yield, judge
from residency.evaluate.locate import excluded_by, side_of
from residency.evaluate.outcome import Terms
from residency.evaluate.rules import sentences_of
from residency.evaluate.scope import Groups, HostMatches, Scope, match_hosts, moments, select, surely_in_force
from residency.limits import LIMITS
from residency.model.claim import Activity, Claim, Pack, claim_area
from residency.model.evidence import Snapshot
from residency.model.identity import finding_id
from residency.model.names import PatternTable, looks_like
from residency.model.period import Period, from_us, rfc3339
from residency.model.place import Gazetteer
from residency.model.verdict import (
    ClaimResult,
    ClaimResults,
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
from residency.sources.interface import Source

if TYPE_CHECKING:
    from residency.auditing.measuring import Measurements
    from residency.sources.latency import RttFile
    from residency.traffic import Traffic


_FEW_PATTERNS = 64  # up to here the engine looks at endings before a table does


@dataclass(kw_only=True)
class Run:
    """One audit under way: the claims, the grouped traffic, and what was asked so far."""

    gazetteer: Gazetteer
    packs: tuple[Pack, ...]
    claims: tuple[Claim, ...]
    sources: Sequence[Source]
    hints: Hints | None
    options: AuditOptions
    cuts_us: Sequence[int]
    flows: Traffic
    rtt_files: tuple[RttFile, ...] = ()
    recorded: tuple[Snapshot, ...] = ()  # of DNS answers that name flows

    @cached_property
    def table(self) -> Any:
        """The distinct endpoints as the reader's Arrow table: only what a claim can speak of, where that is less."""
        return self.flows.groups(self._wanted_hosts())

    def _wanted_hosts(self) -> list[str] | None:
        """Return the hosts that any claim names; None where scopes or shares need every endpoint."""
        if self.options.vantages:
            return None  # endpoints that no claim speaks of test the vantage
        wide = (c.networks or c.asns or c.covers_every_flow or c.forbids_any_place for c in self.claims)
        if any(wide):
            return None
        patterns = {rule.pattern for claim in self.claims for rule in claim.hosts}
        ending = sorted({pattern.stem for pattern in patterns}) if len(patterns) <= _FEW_PATTERNS else [""]
        named = PatternTable((pattern, True) for pattern in patterns)
        return [host for host in self.flows.hosts(ending=ending) if named.find(host)]

    @cached_property
    def instants(self) -> tuple[datetime, ...]:
        """One moment inside each period."""
        return moments(self.cuts_us)

    @cached_property
    def groups(self) -> Groups:
        """The distinct endpoints in columns, as scopes are selected from them."""
        return as_groups(self.table, self.sources, want_asns=any(c.asns for c in self.claims))

    @cached_property
    def by_host(self) -> dict[str, HostMatches]:
        """Which distinct hosts fall under which claim."""
        return match_hosts(self.claims, self.groups.hosts)

    @cached_property
    def scopes(self) -> dict[str, Scope]:
        """What each claim speaks of."""
        return {claim.id: self._scope(claim) for claim in self.claims}

    @cached_property
    def observed(self) -> dict[int, Observed]:
        """The endpoints in scope of any claim, by row."""
        is_meant = np.zeros(len(self.groups), dtype=bool)
        for scope in self.scopes.values():
            is_meant[scope.rows] = True
        return as_observed(self.table, np.flatnonzero(is_meant))

    @cached_property
    def witnesses(self) -> Witnesses:
        """What every source says of the endpoints in scope."""
        asked = Witnesses(self.sources, self.hints, self.options.max_age_days, self.measurements)
        asked.ask(self.groups, self.observed)
        return asked

    @cached_property
    def measurements(self) -> Measurements | None:
        """The round-trip times of the traffic and of files; None where none are given."""
        if not (self.options.vantages or self.rtt_files):
            return None
        from residency.auditing.own_path import own_paths
        from residency.auditing.timed import measurements, own_snapshot, times_of_files, times_of_traffic

        own, strangers = times_of_traffic(self.table, self.options.vantages)
        given, unread = times_of_files(self.rtt_files, labels=False)
        span = self.flows.first_last_us()
        hashes = " ".join(item.sha256 for item in self.flows.inputs)
        return measurements(
            [*own, *given],
            sources=self.sources,
            gazetteer=self.gazetteer,
            day=from_us(span[1] if span else 0).date(),
            parties=frozenset[str]().union(*(claim.own_authors for claim in self.claims)),
            paths=own_paths(self.table, self.options.vantages) if self.options.vantages else None,
            named_places=[name for claim in self.claims for name in claim.place_names],
            files=self.rtt_files,
            snapshots=[own_snapshot(self.options.vantages, hashes)] if own else [],
            notes=(*strangers, *unread),
        )

    def spans_a_time_rule(self) -> bool:
        """Does an endpoint in scope have flows on both sides of an end of the time rule of its own evidence?"""
        return self.witnesses.span_a_time_rule(self.groups, self.observed)

    @collector_paused()
    def report(self, quarantine: Callable[[QuarantinedRecord], None] | None) -> Report:
        """Judge every claim and put the report together."""
        judged = [self._judge(claim, self.scopes[claim.id]) for claim in self.claims]
        results = tuple(result for result, _ in judged)
        findings = sorted((f for _, found in judged for f in found), key=lambda f: (f.claim, f.id))
        span = self.flows.first_last_us()
        as_of = self.options.as_of or (from_us(span[1]) if span else datetime(1970, 1, 1, tzinfo=UTC))
        return Report(
            tool_version=__version__,
            as_of=as_of,
            headline=sentences.overall(results),
            inputs=self._inputs(),
            quarantine=self._quarantine(quarantine),
            snapshots=(*self.witnesses.snapshots, *self.recorded),
            claims=ClaimResults(results),
            findings=Findings(findings),
            warnings=self._warnings(as_of, findings),
            first_seen=from_us(span[0]) if span else None,
            last_seen=from_us(span[1]) if span else None,
            options=self.options.shown(),
            vantages=() if self.measurements is None else self.measurements.checks,
            pack_as_of=max((p.as_of for p in self.packs if p.as_of), default=None),
            rules=sentences_of(results, findings),
        )

    def previews(self) -> list[ScopePreview]:
        """Return the scope of every claim by host, without locating anything."""
        found = []
        for claim in self.claims:
            scope = self.scopes[claim.id]
            by_host: dict[str, Tally] = {}
            for row in scope.rows.tolist():
                seen = self.observed[row]
                by_host[seen.host or "(no name)"] = by_host.get(seen.host or "(no name)", Tally()) + Tally.of(seen)
            could = could_yield(claim, subjects_stated=bool(self.options.clients))
            found.append(ScopePreview(claim=claim, could=could, hosts=dict(sorted(by_host.items()))))
        return found

    def _scope(self, claim: Claim) -> Scope:
        """Select the claim's endpoints; none where it is not observable or the clients are not its subjects."""
        found = select(claim, self.groups, self.instants, self.by_host[claim.id], self.options.clock_skew)
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

    def _judge(self, claim: Claim, scope: Scope) -> tuple[ClaimResult, list[Finding]]:
        entries = self._entries(claim, scope)
        stated = all(entry.terms.subjects_stated for entry in entries) if entries else bool(self.options.clients)
        judgement = judge(claim, entries, scope, self.groups, subjects_stated=stated, rely_on=self.options.rely_on)
        wording = self._wording(claim)
        pack = self._pack_of[claim.id]
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
            file=pack.path,
            line=pack.line_of(claim.id),
        )
        return result, self._findings(claim, judgement.judged)

    @cached_property
    def _pack_of(self) -> dict[str, Pack]:
        """The pack of each claim, by the claim's id."""
        return {claim.id: pack for pack in self.packs for claim in pack.claims}

    def _as_connection(self, claim: Claim, entries: list[Entry], scope: Scope) -> Verdict:
        """Read a storage claim as one about connections; printed beside it, never changing it."""
        reading = replace(claim, activity=Activity.CONNECTION)
        terms = {id(e.terms): replace(e.terms, claim=reading) for e in entries}
        read = [replace(e, terms=terms[id(e.terms)]) for e in entries]
        rely_on = self.options.rely_on
        return judge(reading, read, scope, self.groups, subjects_stated=True, rely_on=rely_on).verdict

    def _entries(self, claim: Claim, scope: Scope) -> list[Entry]:
        terms: dict[int, Terms] = {}
        made = []
        for row, match in zip(scope.rows.tolist(), scope.matches, strict=True):
            period = int(self.groups.period[row])
            if period not in terms:
                terms[period] = self._terms(claim, self.instants[period])
            seen = self.observed[row]
            address = self.groups.addresses[int(self.groups.address_code[row])]
            weighed = self.witnesses.weigh(self.groups, row, seen, address)
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

    def _findings(self, claim: Claim, judged: Sequence[Judged]) -> list[Finding]:
        """Return the findings of a claim; endpoints that share evidence share its sides and what it excludes."""
        read: dict[tuple[int, int], tuple[tuple[str, ...], tuple[str, ...]]] = {}
        found = []
        for one in judged:
            weighed, area = one.entry.weighed, one.entry.terms.area
            key = (id(weighed), id(area))
            if key not in read:
                sides = tuple(side_of(e, area) for e in weighed.evidence)
                read[key] = sides, excluded_by(weighed, self.gazetteer.countries)
            found.append(self._finding(claim, one, *read[key]))
        return found

    def _finding(self, claim: Claim, judged: Judged, sides: tuple[str, ...], excluded: tuple[str, ...]) -> Finding:
        entry, ruling = judged.entry, judged.ruling
        period = self.periods[entry.seen.period]
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
            excluded=excluded,
            rules=ruling.rules,
            evidence=entry.weighed.evidence,
            sides=sides,
            network=entry.address.network,
        )

    @cached_property
    def periods(self) -> tuple[Period, ...]:
        """The interval of each period number; within it no answer changes."""
        edges = (None, *map(from_us, self.cuts_us), None)
        return tuple(Period(start, end) for start, end in pairwise(edges))

    def _wording(self, claim: Claim) -> sentences.Wording:
        return sentences.Wording(
            countries=self.gazetteer.countries,
            cities={key: region.spot.city for key, region in self.gazetteer.regions.items()},
            snapshots={s.id: s for s in self.witnesses.snapshots},
            relied=tuple(sorted(self.options.rely_on & set(claim.parties))),
            sampling=self.options.sampling,
        )

    def _inputs(self) -> tuple[InputRecord, ...]:
        counted = self.flows.records_by_input(np.array(list(self.observed), dtype=np.int64))
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
        aside = (
            QuarantinedRecord(path=item.path, line=item.line, offset=item.offset, reason=item.reason, value=item.value)
            for item in self.flows.quarantine()
        )
        for record in chain(aside, _times_aside(self.rtt_files)):
            if len(kept) < LIMITS.max_quarantine_in_report:
                kept.append(record)
            if sink is not None:
                sink(record)
            elif len(kept) >= LIMITS.max_quarantine_in_report:
                break
        return tuple(kept)

    def _warnings(self, as_of: datetime, findings: Sequence[Finding]) -> tuple[str, ...]:
        used = {item.statement.source for finding in findings for item in finding.evidence}
        stale = [_stale(s, as_of) for s in self.witnesses.snapshots if s.id in used]
        stale += _far_from_flows(self.sources, findings)
        stale += self._relied_on_nobody()
        of_packs = [warning for pack in self.packs for warning in pack.warnings]
        return (*of_packs, *self.flows.warnings, *self.witnesses.notes, *filter(None, stale), *self._lookalikes())

    def _relied_on_nobody(self) -> list[str]:
        """Warn of a --rely-on name that changes nothing, since no claim has it among its parties."""
        known = frozenset[str]().union(*(claim.own_authors for claim in self.claims))
        return [
            f"--rely-on {author}: no party of these claims has this name; the parties are {', '.join(sorted(known))}"
            for author in sorted(self.options.rely_on - known)
        ]

    def _lookalikes(self) -> list[str]:
        """Warn of observed names that look like a host of a claim and are not it."""
        table = PatternTable((rule.pattern, True) for claim in self.claims for rule in claim.hosts)
        twins = [(host, looks_like(host)) for host in self.flows.hosts(containing="xn--")]
        return [
            f"host {host} looks like {twin}, which a claim names, and is another name: not in scope"
            for host, twin in twins
            if twin and table.find(twin) and not table.find(host)
        ]


def _times_aside(files: Sequence[RttFile]) -> Iterator[QuarantinedRecord]:
    """Return the rows of files of round-trip times that hold none; they are no records of traffic."""
    for file in files:
        for row in file.refused:
            yield QuarantinedRecord(path=file.path, line=row.number, offset=None, reason=row.reason, value=row.value)


def _stale(snapshot: Snapshot, as_of: datetime) -> str:
    if snapshot.built is None or snapshot.max_age_days is None:
        return ""
    age = (as_of.date() - snapshot.built).days
    if age <= snapshot.max_age_days:
        return ""
    return f"{snapshot.name}: {age} days old at {rfc3339(as_of)[:10]}, over its limit of {snapshot.max_age_days} days"


def _far_from_flows(sources: Sequence[Source], findings: Sequence[Finding]) -> list[str]:
    """Warn of evidence that places endpoints and is further from their flows than a list may be to accuse."""
    furthest: dict[str, int] = {}
    for finding in findings:
        for item in finding.evidence:
            if item.counts and (item.days_from_flow or 0) > LIMITS.list_max_age_days:
                furthest[item.statement.source] = max(furthest.get(item.statement.source, 0), item.days_from_flow or 0)
    names = {s.snapshot.id: s.snapshot.name for s in sources}
    return [
        f"{names.get(source, source)}: up to {days} days from the flows it is held against (--max-age limits this)"
        for source, days in sorted(furthest.items())
    ]


def _notes(claim: Claim) -> tuple[str, ...]:
    """Return what is printed beside a verdict and never changes it."""
    notes = [f"applies only where {claim.condition}"] if claim.condition else []
    notes += [f"speaks of: {', '.join(claim.data_in)}"] if claim.data_in else []
    notes += [f"does not speak of: {', '.join(claim.data_out)}"] if claim.data_out else []
    notes += [text for text in (claim.observable, claim.notes) if text]
    for e in claim.exceptions:
        if e.is_caveat:
            notes.append(f"caveat {e.id}: {e.why}")
        elif e.effective.end is None:
            notes.append(f"exception {e.id} is open-ended: {e.why}")
    notes += [f"{c.date} {c.by}: {c.finding}" for c in claim.counter_evidence]
    notes += [f"{r.date} reply of {r.by}: {r.text}" for r in claim.replies]
    return tuple(notes)
