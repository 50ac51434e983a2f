"""From the outcomes of endpoints to the verdict on a claim (DESIGN section 6).

1. Give every endpoint in scope its outcome. 2. Let databases alone accuse only in numbers that their published
error rate cannot give. 3. Count. 4. Decide: violated, consistent (again without the claimant's own
statements), else inconclusive with what is missing. Nothing here reads a clock, a file or the network.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from residency.evaluate import rules
from residency.evaluate.locate import Placement, Weighed, place_in
from residency.evaluate.outcome import CERTAIN_NAMES, Ruling, Terms, rule_on
from residency.evaluate.scope import Groups, Match, Scope
from residency.model.claim import Activity, Binding, Claim, Modality, Role, party_key
from residency.model.evidence import Assurance
from residency.model.network import Address
from residency.model.verdict import Observed, Outcome, Reason, Shares, Tally, Verdict, Yield

DATABASE_ERROR_RATE = 0.001  # of a corroborated country; assumed until measured (docs/verdicts.md says so)
_MAX_CHANCE = 0.001
_TOLERANCE = 1e-9
_HOST_DOUBT = 0.01
_COUNTED = (Outcome.INSIDE, Outcome.DOUBTFUL, Outcome.UNKNOWN)
_SET_ASIDE = (Outcome.EXCUSED, Outcome.NOT_CARRYING, Outcome.UNANSWERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One endpoint in scope with all that its ruling needs."""

    seen: Observed
    address: Address
    match: Match
    weighed: Weighed
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An endpoint with its ruling."""

    entry: Entry
    ruling: Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on one claim before it is put into words."""

    verdict: Verdict
    assurance: Assurance
    reasons: tuple[Reason, ...]
    could: Yield
    judged: tuple[Judged, ...]
    outcomes: Mapping[Outcome, Tally]
    coverage: Shares
    unnamed: Tally
    named_share: Shares | None = None


def chance_of_errors(networks: int, wrong: int, rate: float = DATABASE_ERROR_RATE) -> float:
    """Return P(Binomial(networks, rate) >= wrong), summing the tail itself so that small values stay exact."""
    if wrong <= 0:
        return 1.0
    total = 0.0
    for k in range(wrong, networks + 1):
        log_term = (
            math.lgamma(networks + 1)
            - math.lgamma(k + 1)
            - math.lgamma(networks - k + 1)
            + k * math.log(rate)
            + (networks - k) * math.log1p(-rate)
        )
        term = math.exp(log_term)
        total += term
        if term < total * 1e-17:
            break
    return min(total, 1.0)


def could_yield(claim: Claim, *, subjects_stated: bool) -> Yield:
    """Say what verdicts the claim allows at all, with reasons, before any traffic is looked at."""
    if not claim.activity.is_observable:
        why = Reason(rule=rules.NOT_OBSERVABLE, text=f"`{claim.activity}` is not observable on the network")
        return Yield(could_violate=False, could_confirm=False, reasons=(why,))
    against = [
        *_why_not_violated(claim),
        *([] if subjects_stated or not claim.subjects else ["whose data it was is assumed (no --clients)"]),
    ]
    toward = _why_not_confirmed(claim)
    reasons = []
    if against:
        text = f"cannot be contradicted by traffic as written: {'; '.join(against)}"
        reasons.append(Reason(rule=rules.CANNOT_VIOLATE, text=text))
    if toward:
        text = f"cannot be confirmed by traffic as written: {'; '.join(toward)}"
        reasons.append(Reason(rule=rules.CANNOT_CONFIRM, text=text))
    return Yield(could_violate=not against, could_confirm=not toward, reasons=tuple(reasons))


def _why_not_violated(claim: Claim) -> list[str]:
    why: list[str] = []
    if claim.modality is Modality.DEFAULT:
        why.append("a `default` promise is never contradicted by single endpoints")
    if claim.modality is Modality.MIGRATING and claim.complete is None:
        why.append("a `migrating` promise without a date of completion")
    roles = {host.role for host in claim.hosts} | {network.role for network in claim.networks}
    if claim.activity is Activity.STORAGE and not roles & {Role.STORAGE, Role.DATA}:
        why.append("it speaks of storage and names no storage host")
    if claim.hosts and not (claim.networks or claim.asns) and all(h.binding is Binding.LABEL for h in claim.hosts):
        why.append("its hosts are tied to it by labels only")
    caveats = [e.id for e in claim.exceptions if e.is_caveat and e.activity is claim.activity]
    if caveats:
        why.append(f"its caveat {', '.join(caveats)} may explain any endpoint")
    if _nothing_carries(claim):
        why.append("no stated role carries the data it speaks of")
    return why


def _why_not_confirmed(claim: Claim) -> list[str]:
    if _only_says_where_not(claim):
        return ["it only says where not, and not seeing a conversation is no proof of absence"]
    return ["no stated role carries the data it speaks of"] if _nothing_carries(claim) else []


def _only_says_where_not(claim: Claim) -> bool:
    unseen = (Activity.STORAGE, Activity.PROCESSING, Activity.TELEMETRY)
    return claim.is_forbid_only and claim.activity in unseen


def _nothing_carries(claim: Claim) -> bool:
    if claim.activity is Activity.CONNECTION or claim.networks or claim.asns:
        return False
    idle = {Role.CDN, Role.AUTH, Role.CONTROL_PLANE}
    if claim.activity is Activity.STORAGE:
        idle.add(Role.EDGE)
    return bool(claim.hosts) and all(rule.role in idle for rule in claim.hosts)


def judge(
    claim: Claim,
    entries: Sequence[Entry],
    scope: Scope,
    groups: Groups,
    *,
    subjects_stated: bool,
    rely_on: frozenset[str] = frozenset(),
) -> Judgement:
    """Judge one claim against its endpoints in scope."""
    could = could_yield(claim, subjects_stated=subjects_stated)
    unnamed = _tally_rows(groups, scope.unnamed)
    judged = _rule_all(entries, frozenset())
    outcomes = _tallies(judged)
    coverage = _shares(outcomes)
    named = _named_share(groups, scope) if claim.forbids_any_place else None
    own = claim.own_authors
    believed = frozenset(party_key(author) for author in rely_on)
    parties = own - believed
    verdict, assurance, reasons = _decide(claim, entries, judged, outcomes, coverage, could, named, parties)
    relied = sorted(own & believed)
    if relied and verdict is not Verdict.VIOLATED:
        text = f"the auditor relies on {', '.join(relied)}, a party of this claim"
        reasons = [*reasons, Reason(rule=rules.RELIED_ON, text=text)]
    return Judgement(
        verdict=verdict,
        assurance=assurance,
        reasons=tuple(reasons),
        could=could,
        judged=tuple(judged),
        outcomes=outcomes,
        coverage=coverage,
        unnamed=unnamed,
        named_share=named,
    )


_Decision = tuple[Verdict, Assurance, list[Reason]]


def _decide(
    claim: Claim,
    entries: Sequence[Entry],
    judged: list[Judged],
    outcomes: Mapping[Outcome, Tally],
    coverage: Shares,
    could: Yield,
    named: Shares | None,
    parties: frozenset[str],
) -> _Decision:
    if not claim.activity.is_observable:
        return _open(could.reasons[0].rule, could.reasons[0].text)
    violating = [j for j in judged if j.ruling.outcome is Outcome.VIOLATING]
    if violating:
        strongest = max((j.ruling.location.assurance for j in violating), key=lambda a: a.rank)
        where = "in a forbidden place" if claim.is_forbid_only else "outside"
        text = f"{len(violating):,} of {len(judged):,} endpoints contradict the claim: answered conversations {where}"
        return Verdict.VIOLATED, strongest, [Reason(rule=rules.VIOLATED, text=text)]
    if claim.forbids_any_place:
        return _decide_without_location(claim, outcomes, named)
    if not judged:
        return _open(rules.NO_FLOWS, "no flow is in the claim's scope (hosts, networks, ports, period, subjects)")
    if not could.could_confirm:
        why = next(r for r in could.reasons if r.rule == rules.CANNOT_CONFIRM)
        rule = rules.FORBID_ABSENCE if _only_says_where_not(claim) else rules.CANNOT_CONFIRM
        return Verdict.INCONCLUSIVE, Assurance.NONE, [*_adverse_reason(judged), Reason(rule=rule, text=why.text)]
    failures = _failures(claim, judged, coverage)
    if failures:
        return Verdict.INCONCLUSIVE, Assurance.NONE, failures
    alone = judged if not parties else _rule_all(entries, parties)
    if parties:
        again = _failures(claim, alone, _shares(_tallies(alone)))
        if again or any(j.ruling.outcome is Outcome.VIOLATING for j in alone):
            who = ", ".join(sorted(parties))
            text = f"without the statements of the claim's own parties ({who}) it does not hold"
            detail = again or [Reason(rule=rules.HAS_ADVERSE, text="endpoints lie outside by everyone else's word")]
            return Verdict.INCONCLUSIVE, Assurance.NONE, [Reason(rule=rules.ONLY_PARTIES, text=text), *detail]
    assurance = _weakest_needed(claim.coverage, alone)
    inside = _percent(coverage.flows)
    told = _partly_told(judged)
    text = f"nothing contradicts it; {inside} of the flows that count are inside (coverage {_percent(claim.coverage)})"
    return Verdict.CONSISTENT, assurance, [Reason(rule=rules.CONSISTENT, text=text), *_skipped(coverage), *told]


def _decide_without_location(claim: Claim, outcomes: Mapping[Outcome, Tally], named: Shares | None) -> _Decision:
    adverse = outcomes[Outcome.ADVERSE]
    if adverse.endpoints:
        return _open(rules.HAS_ADVERSE, f"{adverse.endpoints} endpoints were reached, but one link is missing")
    if named is None:
        return _open(rules.NO_FLOWS, "no flow was seen in the claim's period, ports and clients")
    if outcomes[Outcome.UNKNOWN].endpoints:
        text = "unnamed flows went to addresses that these hosts used"
        return _open(rules.UNNAMED_KNOWN, text)
    shares = [share for share in named if share is not None]
    if claim.hosts and (not shares or min(shares) < claim.coverage):
        least = _percent(min(shares, default=0.0))
        text = f"only {least} of flows or bytes carry a host name (coverage {_percent(claim.coverage)}): "
        text += "an unnamed one may be the one"
        return _open(rules.UNNAMED_SHARE, text)
    text = "no answered conversation with these hosts was seen, and the flows carry names"
    return Verdict.CONSISTENT, Assurance.NOT_NEEDED, [Reason(rule=rules.NO_ANSWERED, text=text)]


def _open(rule: str, text: str) -> _Decision:
    return Verdict.INCONCLUSIVE, Assurance.NONE, [Reason(rule=rule, text=text)]


def _failures(claim: Claim, judged: list[Judged], coverage: Shares) -> list[Reason]:
    """Return why a claim is not consistent, most telling first; empty where every test holds."""
    outcomes = _tallies(judged)
    found = _adverse_reason(judged)
    if not sum(outcomes[o].endpoints for o in _COUNTED) or all(share is None for share in coverage):
        aside = ", ".join(f"{outcomes[o].endpoints} {o.value}" for o in _SET_ASIDE if outcomes[o].endpoints)
        text = f"nothing is left to count{': ' + aside if aside else ''}"
        return [*found, Reason(rule=rules.NOTHING_COUNTED, text=text)]
    names = ("flows", "bytes sent", "bytes received")
    short = [
        f"{_percent(share)} of {name}"
        for name, share in zip(names, coverage, strict=True)
        if share is not None and share < claim.coverage
    ]
    if short:
        text = f"only {', '.join(short)} are inside; the coverage asked for is {_percent(claim.coverage)}"
        found.append(Reason(rule=rules.COVERAGE, text=text))
    return found + _host_doubts(judged)


def _adverse_reason(judged: list[Judged]) -> list[Reason]:
    adverse = [j for j in judged if j.ruling.outcome is Outcome.ADVERSE]
    if not adverse:
        return []
    links = sorted({link for j in adverse for link in j.ruling.missing_links})
    text = f"{len(adverse):,} of {len(judged):,} endpoints are outside, but no contradiction: {'; '.join(links[:3])}"
    return [Reason(rule=rules.HAS_ADVERSE, text=text)]


def _host_doubts(judged: list[Judged]) -> list[Reason]:
    flows: dict[str, int] = defaultdict(int)
    sent: dict[str, int] = defaultdict(int)
    all_flows = all_sent = 0
    for j in judged:
        seen = j.entry.seen
        if j.ruling.outcome in _SET_ASIDE:
            continue
        all_flows += seen.flows
        all_sent += seen.bytes_sent or 0
        if j.ruling.outcome is Outcome.DOUBTFUL and seen.host:
            flows[seen.host] += seen.flows
            sent[seen.host] += seen.bytes_sent or 0
    heavy = sorted(h for h in flows if flows[h] > _HOST_DOUBT * all_flows or sent[h] > _HOST_DOUBT * all_sent)
    if not heavy:
        return []
    shown = ", ".join(heavy[:3]) + (f" and {len(heavy) - 3} more" if len(heavy) > 3 else "")
    text = f"a database places endpoints of {shown} outside, with over 1 % of the claim's flows or bytes sent"
    return [Reason(rule=rules.HOST_DOUBT, text=text)]


def _skipped(coverage: Shares) -> list[Reason]:
    names = ("flows", "bytes sent", "bytes received")
    missing = [name for name, share in zip(names, coverage, strict=True) if share is None]
    if not missing:
        return []
    return [Reason(rule=rules.BYTES_SKIPPED, text=f"no share of {' and '.join(missing)}: not told, or zero")]


def _partly_told(judged: list[Judged]) -> list[Reason]:
    """Say so where a share of bytes rests on only some of the flows."""
    counted = [j.entry.seen for j in judged if j.ruling.outcome in _COUNTED]
    flows = sum(seen.flows for seen in counted)
    silent = {
        "sent": sum(seen.sent_unknown for seen in counted),
        "received": sum(seen.received_unknown for seen in counted),
    }
    parts = [f"{n:,} of {flows:,} flows do not tell bytes {name}" for name, n in silent.items() if 0 < n < flows]
    return (
        [Reason(rule=rules.BYTES_SKIPPED, text=f"{'; '.join(parts)}: the shares of bytes rest on the others")]
        if parts
        else []
    )


def _rule_all(entries: Sequence[Entry], without: frozenset[str]) -> list[Judged]:
    placed: dict[tuple[int, int], Placement] = {}  # by identity: many endpoints share what was said of them

    def place(entry: Entry) -> Placement:
        key = (id(entry.weighed), id(entry.terms.area))
        if key not in placed:
            placed[key] = place_in(entry.weighed, entry.terms.area, without)
        return placed[key]

    ruled = [Judged(entry=e, ruling=rule_on(e.terms, e.seen, e.address, e.match, e.weighed, place(e))) for e in entries]
    return _settle_databases(ruled)


def _settle_databases(ruled: list[Judged]) -> list[Judged]:
    """Keep contradictions by databases alone only where chance would not give so many networks."""
    accusing = {j.entry.address.network for j in ruled if j.ruling.needs_networks}
    if not accusing:
        return ruled
    networks = {j.entry.address.network for j in ruled if j.ruling.outcome not in _SET_ASIDE}
    chance = chance_of_errors(len(networks), len(accusing))
    if chance <= _MAX_CHANCE + _TOLERANCE:
        return ruled
    link = f"networks: {len(accusing)} of {len(networks)} could be database errors (chance {chance:.2g})"
    return [_downgraded(j, link) if j.ruling.needs_networks else j for j in ruled]


def _downgraded(judged: Judged, link: str) -> Judged:
    kept = tuple(r for r in judged.ruling.rules if r != rules.VIOLATING)
    ruling = replace(
        judged.ruling,
        outcome=Outcome.ADVERSE,
        rules=(rules.ADVERSE, rules.LINK_NETWORKS, *kept),
        missing_links=(link,),
        needs_networks=False,
    )
    return replace(judged, ruling=ruling)


def _tallies(judged: Iterable[Judged]) -> dict[Outcome, Tally]:
    found = {outcome: Tally() for outcome in Outcome}
    for j in judged:
        found[j.ruling.outcome] += Tally.of(j.entry.seen)
    return found


def _shares(outcomes: Mapping[Outcome, Tally]) -> Shares:
    """Return the inside share of flows and bytes over inside + doubtful + unknown."""

    def share(of: Callable[[Tally], int]) -> float | None:
        whole = sum(of(outcomes[o]) for o in _COUNTED)
        return of(outcomes[Outcome.INSIDE]) / whole if whole else None

    return Shares(
        flows=share(lambda t: t.flows),
        bytes_sent=share(lambda t: t.bytes_sent),
        bytes_received=share(lambda t: t.bytes_received),
    )


def _weakest_needed(coverage: float, judged: Sequence[Judged]) -> Assurance:
    """Return the weakest assurance that the coverage needs, taking the strongest endpoints first."""
    outcomes = _tallies(judged)
    inside = sorted(
        (j for j in judged if j.ruling.outcome is Outcome.INSIDE),
        key=lambda j: -j.ruling.location.assurance.rank,
    )
    weakest = Assurance.MEASURED
    measures: tuple[Callable[[Tally], int], ...] = (
        lambda t: t.flows,
        lambda t: t.bytes_sent,
        lambda t: t.bytes_received,
    )
    for of in measures:
        needed = coverage * sum(of(outcomes[o]) for o in _COUNTED)
        reached = 0
        for j in inside:
            if reached >= needed:
                break
            reached += of(Tally.of(j.entry.seen))
            weakest = min(weakest, j.ruling.location.assurance, key=lambda a: a.rank)
    return weakest


def _tally_rows(groups: Groups, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Tally:
    return Tally(
        endpoints=len(rows),
        flows=int(groups.flows[rows].sum()),
        bytes_sent=int(groups.bytes_sent[rows].sum()),
        bytes_received=int(groups.bytes_received[rows].sum()),
    )


def _named_share(groups: Groups, scope: Scope) -> Shares | None:
    """Return the share of flows and bytes with a certain name over all parsed ones; None for no flow."""
    rows = scope.parsed
    if not len(rows):
        return None
    named = rows[groups.certain_name[rows]]

    def share(column: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float | None:
        whole = int(column[rows].sum())
        return int(column[named].sum()) / whole if whole else None

    return Shares(
        flows=share(groups.flows),
        bytes_sent=share(groups.bytes_sent),
        bytes_received=share(groups.bytes_received),
    )


def _percent(share: float | None) -> str:
    """Format a share without rounding it up to a whole that was not reached."""
    if share is None:
        return "none"
    return "100 %" if share == 1 else f"{math.floor(share * 1000) / 10:g} %"


def is_certain_name(named_by: str | None) -> bool:
    """Is it certain with which host the conversation was?"""
    return named_by in CERTAIN_NAMES
