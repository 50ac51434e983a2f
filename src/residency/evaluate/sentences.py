"""Judgements in words: the headline of a claim and of the whole report (DESIGN section 6, "Headline order").

Verdict (assurance, extent) · who, what, when, where · the witness and its author · what stays undecided · what
was not looked at. Words here never add to what was judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from residency.evaluate import rules
from residency.evaluate.judge import Judged, Judgement
from residency.model.claim import Activity, Claim, party_key
from residency.model.evidence import Assurance, Evidence, Kind, Snapshot
from residency.model.place import Place
from residency.model.units import counted, format_bytes
from residency.model.verdict import ClaimResult, Outcome, Tally, Verdict

AUTHORS: Mapping[str, str] = {
    "aws": "Amazon",
    "azure": "Microsoft",
    "gcp": "Google",
    "oracle": "Oracle",
    "cloudflare": "Cloudflare",
    "digitalocean": "DigitalOcean",
    "fastly": "Fastly",
    "github": "GitHub",
}
_SET_ASIDE = (Outcome.EXCUSED, Outcome.NOT_CARRYING, Outcome.UNANSWERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What sentences need beside the judgement: names of countries and sources, and what the auditor stated."""

    countries: Mapping[str, str]
    cities: Mapping[str, str]  # provider region -> city
    snapshots: Mapping[str, Snapshot]
    relied: tuple[str, ...] = ()
    sampling: int | None = None


def headline(claim: Claim, judgement: Judgement, wording: Wording) -> str:
    """Return the sentence or two that carry the verdict on one claim."""
    write: dict[Verdict, Callable[[Claim, Judgement, Wording], str]] = {
        Verdict.CONSISTENT: _consistent,
        Verdict.VIOLATED: _violated,
        Verdict.INCONCLUSIVE: _inconclusive,
    }
    return write[judgement.verdict](claim, judgement, wording)


def overall(results: Sequence[ClaimResult]) -> str:
    """Return the headline of a report over all its claims: the counts, and the most telling claim."""
    order = (Verdict.VIOLATED, Verdict.INCONCLUSIVE, Verdict.CONSISTENT)
    counted = [f"{sum(r.verdict is v for r in results)} {v.value}" for v in order]
    first = min(results, key=lambda r: (order.index(r.verdict), not r.could.could_confirm, r.id))
    claims = "1 claim" if len(results) == 1 else f"{len(results)} claims"
    return f"{claims}: {', '.join(c for c in counted if not c.startswith('0 '))}. {first.id}: {first.headline}"


def not_observed(claim: Claim, judgement: Judgement, wording: Wording) -> str:
    """Say what the traffic cannot show of this claim, and how far the reading reached."""
    parts = []
    if not claim.activity.is_observable:
        parts.append(f"{claim.activity.value.capitalize()} leaves no trace in traffic and was not looked at.")
        return " ".join(parts)
    if claim.activity is Activity.STORAGE:
        parts.append("Storage itself was not observed: traffic shows where conversations end, not where data rests.")
    elif claim.activity is not Activity.CONNECTION:
        parts.append("What happens behind the observed endpoints was not observed.")
    read = sum(t.flows for t in judgement.outcomes.values())
    if wording.sampling and read and not judgement.outcomes[Outcome.VIOLATING].endpoints:
        parts.append(
            f"None of {read:,} conversations sampled 1 in {wording.sampling:,} contradicts it: "
            f"at 95 %, fewer than 3 in {read:,} do."
        )
    else:
        seen = f"All {counted(read, 'conversation')} in scope were read" if read else "No conversation was in scope"
        parts.append(f"{seen}; nothing is said of others.")
    if judgement.unnamed.flows:
        verb = "carries no host name and was" if judgement.unnamed.flows == 1 else "carry no host name and were"
        parts.append(f"{counted(judgement.unnamed.flows, 'other conversation')} {verb} not judged.")
    return " ".join(parts)


def span(first: datetime, last: datetime) -> str:
    """Format a span of time by its days in UTC."""
    a, b = first.date(), last.date()
    if a == b:
        return f"on {_day(first)}"
    return f"from {_day(first)} to {_day(last)}"


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B} {moment.year:04d}"


def _consistent(claim: Claim, judgement: Judgement, wording: Wording) -> str:
    qualities = [judgement.assurance.value]
    if judgement.assurance is Assurance.DATABASE:
        qualities.append("the weakest form")
    qualities += [f"relying on {author}, a party of the claim" for author in wording.relied]
    opening = f"consistent ({', '.join(qualities)}):"
    if claim.forbids_any_place:
        return f"{opening} {_nothing_seen(claim, judgement)}"
    inside = [j for j in judgement.judged if j.ruling.outcome is Outcome.INSIDE]
    counted = [j for j in judgement.judged if j.ruling.outcome not in _SET_ASIDE]
    seen = f"{_share(_flows(inside), _flows(counted))} with {_scope(claim, inside)} {_when(inside)}"
    placed = f"{_witness(inside, wording)} {_country_list(_countries_of(inside), wording)}"
    body = f"{seen} ended on {'a server' if _flows(inside) == 1 else 'servers'} that {placed}."
    return f"{opening} {body}{_leftovers(judgement)}{_storage_note(claim)}"


def _share(inside: int, total: int) -> str:
    if inside == total:
        return "The one conversation" if total == 1 else f"All {total:,} conversations"
    return f"{inside:,} of {total:,} conversations"


def _nothing_seen(claim: Claim, judgement: Judgement) -> str:
    share = judgement.named_share
    named = f"; {share.flows:.1%} of the flows carry a host name" if share and share.flows is not None else ""
    return f"No answered conversation with {_scope(claim, [])} was seen{named}."


def _violated(claim: Claim, judgement: Judgement, wording: Wording) -> str:
    bad = [j for j in judgement.judged if j.ruling.outcome is Outcome.VIOLATING]
    total = sum(t.flows for t in judgement.outcomes.values())
    flows = _flows(bad)
    extent = ", isolated" if flows == 1 else ""
    worst = max(bad, key=lambda j: (j.entry.seen.bytes_sent or 0, j.entry.seen.flows, j.entry.seen.server_ip))
    opening = f"violated ({judgement.assurance.value}{extent}): {_how_many(flows, total)} the statement:"
    sent = sum(j.entry.seen.bytes_sent or 0 for j in bad)
    amount = f"{format_bytes(sent)} went to" if sent else "they reached"
    body = f"{amount} {_target(claim, bad, worst, wording)}, {_when(bad)}."
    closing = " No stated exception matches." if claim.exceptions else " The claim states no exception."
    lone = " This shows one instance, not a practice." if flows == 1 else ""
    return f"{opening} {body}{closing}{lone}"


def _how_many(flows: int, total: int) -> str:
    if total == 1:
        return "The one conversation in scope contradicts"
    return f"{'One' if flows == 1 else f'{flows:,}'} of {total:,} conversations contradict{'s' if flows == 1 else ''}"


def _target(claim: Claim, bad: list[Judged], worst: Judged, wording: Wording) -> str:
    """Name the gravest endpoint and who places it where; the others beside it only where the same is said of all."""
    seen = worst.entry.seen
    name = f"{seen.host} at {seen.server_ip}" if seen.host else seen.server_ip
    witness = _accusing_witness(claim, worst, wording)
    if len(bad) == 1:
        return f"{name}{witness}"
    if all(_accusing_witness(claim, one, wording) == witness for one in bad):
        return f"{name} and {counted(len(bad) - 1, 'other endpoint')}{witness}"
    return f"{counted(len(bad), 'endpoint')}, among them {name}{witness}"


def _accusing_witness(claim: Claim, worst: Judged, wording: Wording) -> str:
    location = worst.ruling.location
    if location.assurance is Assurance.NOT_NEEDED:
        return ""
    lead = next((e for e in location.deciding), None)
    where = _places_words(location.feasible, wording)
    if lead is None:
        return f", in {where}"
    if lead.kind is Kind.DECLARED:
        own = party_key(lead.statement.author) in claim.own_authors
        whose = _author(lead.statement.author) + (", the claimant itself," if own else ", not the claimant,")
        return f", which {whose} publishes as {where}"
    if lead.kind is Kind.MEASURED:
        return f", which round-trip times place in {where}"
    named = sorted(
        {
            wording.snapshots[e.statement.source].name
            for e in location.deciding
            if e.statement.source in wording.snapshots
        }
    )
    return f", which {' and '.join(named) or 'databases'} place in {where}"


def _places_words(places: Sequence[Place], wording: Wording) -> str:
    """Name places for a reader: a provider region by its city and id, else the countries."""
    regions = sorted({p.provider_region for p in places if p.provider_region})
    countries = _country_list(sorted({p.country for p in places}), wording)
    if len(regions) != 1:
        return countries
    city = wording.cities.get(regions[0], "")
    return f"{city}, {countries} ({regions[0]})" if city else f"{countries} ({regions[0]})"


def _inconclusive(claim: Claim, judgement: Judgement, wording: Wording) -> str:
    rule = judgement.reasons[0].rule if judgement.reasons else ""
    words: dict[str, Callable[[], str]] = {
        rules.NOT_OBSERVABLE: lambda: (
            f"{claim.activity.value.capitalize()} cannot be seen on the network; this statement was not checked."
        ),
        rules.NO_FLOWS: lambda: (
            f"No conversation with {_scope(claim, [])} was seen in the claim's period and ports. "
            "Traffic that reaches these hosts would decide."
        ),
        rules.ONLY_PARTIES: lambda: (
            "Every server is where the claim says, and only its own parties say so. Nothing contradicts it. "
            "Handshake times taken near the declared places would decide."
        ),
        rules.HAS_ADVERSE: lambda: _adverse_words(claim, judgement, wording),
        rules.NOTHING_COUNTED: lambda: _nothing_left(judgement),
    }
    written = words.get(rule, lambda: f"{_sentence(judgement)} {_would_decide(judgement)}")
    return f"inconclusive: {written()}".rstrip()


def _nothing_left(judgement: Judgement) -> str:
    aside = [
        f"{judgement.outcomes[o].flows:,} {o.value.replace('_', ' ')}"
        for o in _SET_ASIDE
        if judgement.outcomes[o].flows
    ]
    detail = f": of the conversations in scope, {' and '.join(aside)}" if aside else ""
    return f"Nothing is left to judge{detail}."


def _adverse_words(claim: Claim, judgement: Judgement, wording: Wording) -> str:
    adverse = [j for j in judgement.judged if j.ruling.outcome is Outcome.ADVERSE]
    sent = sum(j.entry.seen.bytes_sent or 0 for j in adverse)
    amount = f"{format_bytes(sent)} sent to" if sent else f"{counted(_flows(adverse), 'conversation')} with"
    links = sorted({link for j in adverse for link in j.ruling.missing_links})
    servers = f"servers in {_country_list(_countries_of(adverse), wording)}"
    body = f"It shows {amount} {'these hosts' if claim.forbids_any_place else servers}"
    where = "in a forbidden place" if claim.is_forbid_only else "outside what is declared"
    stored = "This does not show where data is stored. " if claim.activity is Activity.STORAGE else ""
    return f"{stored}{body}, {where}, but a link of a contradiction is missing: {'; '.join(links[:2])}."


def _sentence(judgement: Judgement) -> str:
    text = "; ".join(r.text for r in judgement.reasons[:2])
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _would_decide(judgement: Judgement) -> str:
    first = judgement.reasons[0].rule if judgement.reasons else ""
    if first in (rules.FORBID_ABSENCE, rules.CANNOT_CONFIRM):
        return "Nothing seen contradicts it." if not judgement.outcomes[Outcome.ADVERSE].endpoints else ""
    if first == rules.COVERAGE and judgement.outcomes[Outcome.UNKNOWN].flows:
        return "Round-trip times from near the declared places, or the operators' own lists, would decide."
    if first == rules.UNNAMED_SHARE:
        return "Logs that name their flows (TLS, QUIC, DNS) would decide."
    return ""


def _leftovers(judgement: Judgement) -> str:
    doubtful, unknown = judgement.outcomes[Outcome.DOUBTFUL], judgement.outcomes[Outcome.UNKNOWN]
    parts = []
    if doubtful.flows:
        parts.append(f"{doubtful.flows:,} more are doubtful: one database alone places them elsewhere")
    if unknown.flows:
        parts.append(f"the place of {unknown.flows:,} is unknown")
    return f" {'; '.join(parts)[:1].upper()}{'; '.join(parts)[1:]}." if parts else ""


def _storage_note(claim: Claim) -> str:
    if claim.activity is Activity.STORAGE:
        return " The observed endpoints are inside; storage itself was not observed."
    return ""


def _witness(judged: list[Judged], wording: Wording) -> str:
    """Name who places these endpoints, as the subject of a sentence that goes on with places."""
    deciding = [(e, j.entry.seen.last) for j in judged for e in j.ruling.location.deciding]
    if any(e.kind is Kind.MEASURED for e, _ in deciding):
        return "round-trip times place in"
    authors = sorted({_author(e.statement.author) for e, _ in deciding if e.kind is Kind.DECLARED})
    if authors:
        dates = sorted({_list_date(e, last, wording) for e, last in deciding if e.kind is Kind.DECLARED})
        if len(authors) == 1:
            return f"{authors[0]}'s list{f' of {dates[0]}' if len(dates) == 1 and dates[0] else ''} places in"
        return f"the lists of {_and(authors)} place in"
    names = sorted({_database_name(e, wording) for e, _ in deciding})
    if len(names) == 1:
        return f"the database {names[0]} places in"
    return f"the databases {_and(names)} place in" if names else "evidence places in"


def _author(author: str) -> str:
    return AUTHORS.get(author, author)


def _list_date(evidence: Evidence, last: datetime, wording: Wording) -> str:
    """Return the day of the list nearest before the flow, as far as the snapshot tells."""
    snapshot = wording.snapshots.get(evidence.statement.source)
    edges = snapshot.edges if snapshot else ()
    before = [day for day in edges if day <= last.date()]
    listed = evidence.statement.listed
    day = max(before, default=min(edges, default=listed[1] if listed else None))
    return day.isoformat() if day else ""


def _database_name(evidence: Evidence, wording: Wording) -> str:
    snapshot = wording.snapshots.get(evidence.statement.source)
    if snapshot is None:
        return evidence.statement.source
    return snapshot.name.partition(",")[0] + (f" of {snapshot.built.isoformat()}" if snapshot.built else "")


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""


def _countries_of(judged: list[Judged]) -> list[str]:
    weight: dict[str, int] = defaultdict(int)
    for j in judged:
        for country in {p.country for p in j.ruling.location.feasible}:
            weight[country] += j.entry.seen.flows
    return sorted(weight, key=lambda c: (-weight[c], c))


def _country_list(codes: Sequence[str], wording: Wording) -> str:
    names = [wording.countries.get(code, code) for code in codes]
    if len(names) > 5:
        return f"{', '.join(names[:4])} and {len(names) - 4} other countries"
    return _and(names) or "no known country"


def _scope(claim: Claim, judged: list[Judged]) -> str:
    hosts = sorted({j.entry.seen.host for j in judged if j.entry.seen.host})
    if len(hosts) == 1:
        return hosts[0]
    if claim.covers_every_flow:
        return "every host"
    named = (
        [h.pattern.text for h in claim.hosts] or [str(n.cidr) for n in claim.networks] or [f"AS{a}" for a in claim.asns]
    )
    return named[0] + (f" and {len(named) - 1} other pattern{'s' if len(named) > 2 else ''}" if len(named) > 1 else "")


def _when(judged: list[Judged]) -> str:
    return span(min(j.entry.seen.first for j in judged), max(j.entry.seen.last for j in judged))


def _flows(judged: Sequence[Judged]) -> int:
    return sum((Tally.of(j.entry.seen) for j in judged), Tally()).flows
