"""From statements to a place: inside, outside or unknown, with its assurance (DESIGN section 5).

`weigh` looks at the statements on one endpoint without any claim in mind: it strikes, dates and marks echoes.
`place_in` then reads what is left in order of rank against one area, optionally without some authors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations

from residency.evaluate import rules
from residency.model.claim import party_key
from residency.model.evidence import Assurance, Evidence, Kind, Statement, Weakness
from residency.model.network import Address, AddressForm
from residency.model.place import Area, Place, Relation
from residency.model.verdict import Where

MAX_CALIBRATED_RATE = 0.001
_HINTS = (Kind.HOSTNAME, Kind.REGISTRATION, Kind.NETWORK)
_WEAK = {
    Weakness.EARLY_ANSWER: rules.MEASURED_CANNOT_PROVE,
    Weakness.VANTAGE: rules.UNTESTED_VANTAGE,
    Weakness.SAMPLES: rules.FEW_SAMPLES,
}
_NETWORK_KINDS = ("cloud", "hosting", "cdn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The evidence on one endpoint, weighed, and the rules that weighed it."""

    evidence: tuple[Evidence, ...]
    rules: tuple[str, ...] = ()
    locatable: bool = True
    capped: bool = False  # transition form: at most `database`
    network: str = ""  # cloud | hosting | cdn
    anycast: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where an endpoint lies in one area, how surely, by which rules and evidence."""

    where: Where
    assurance: Assurance
    feasible: tuple[Place, ...] = ()
    rules: tuple[str, ...] = ()
    deciding: tuple[Evidence, ...] = ()
    is_echo: bool = False


def weigh(
    statements: Sequence[Statement],
    address: Address,
    *,
    first: date,
    last: date,
    max_age_days: int | None = None,
) -> Weighed:
    """Weigh all statements on one address for flows seen from `first` to `last` (days, UTC).

    1. An address that is not public is never located. 2. Dates. 3. Anycast voids all but measurement.
    4. What measurement excludes is struck. 5. Databases: older than the prefix, echoes, lineage.
    """
    if not address.is_locatable:
        return Weighed(evidence=(), rules=(rules.NOT_LOCATABLE,), locatable=False)
    evidence = [_dated(s, first, last, max_age_days) for s in sorted(statements, key=_order)]
    anycast = any(s.anycast for s in statements)
    network = _network_of(statements)
    if not network and any(s.kind is Kind.DECLARED and s.places for s in statements):
        network = "cloud"
    evidence = [_anycast_struck(e) for e in evidence] if anycast else evidence
    evidence = _measurement_struck(evidence)
    evidence = [_read_database(e, evidence, network or ("anycast" if anycast else "")) for e in evidence]
    capped = address.form is AddressForm.SIX_TO_FOUR
    applied = _weighing_rules(evidence, anycast=anycast, capped=capped)
    return Weighed(evidence=tuple(evidence), rules=applied, capped=capped, network=network, anycast=anycast)


def place_in(weighed: Weighed, area: Area, without: frozenset[str] = frozenset()) -> Placement:
    """Place an endpoint in `area`, reading ranks from strongest to weakest.

    Statements whose author or lineage is in `without` (in `party_key` form) are left out. A measurement
    that does not decide leaves the word to the next rank; a lower rank never overrules a conflict of a higher one.
    """
    if not weighed.locatable:
        return Placement(where=Where.UNKNOWN, assurance=Assurance.NONE, rules=(rules.NOT_LOCATABLE,))
    usable = [e for e in weighed.evidence if not (_authors(e) & without) and _counts(e, weighed.evidence, without)]
    measured = [e for e in usable if e.kind is Kind.MEASURED and e.statement.proves]
    if measured:
        found = _decide(_feasible(measured), area, Assurance.MEASURED, rules.MEASURED, measured)
        if found.where is not Where.UNKNOWN:
            return found
    calibrated = [e for e in usable if e.kind is Kind.CALIBRATED]
    strong = [e for e in calibrated if (e.statement.rate or 1.0) <= MAX_CALIBRATED_RATE]
    if strong:
        found = _decide(_united(strong), area, Assurance.CALIBRATED, rules.CALIBRATED, strong)
        if found.where is not Where.UNKNOWN:
            return found
    declared = [e for e in usable if e.kind is Kind.DECLARED]
    if declared:
        found = _decide(_united(declared), area, Assurance.DECLARED, rules.DECLARED, declared)
        return (
            replace(found, assurance=min(found.assurance, Assurance.DATABASE, key=_rank)) if weighed.capped else found
        )
    weak = [e for e in usable if e.kind is Kind.DATABASE] + [e for e in calibrated if e not in strong]
    if weak:
        return _place_by_databases(weak, area, capped=weighed.capped)
    if measured:
        return _decide(_feasible(measured), area, Assurance.NONE, rules.MEASURED, measured)
    return Placement(where=Where.UNKNOWN, assurance=Assurance.NONE, rules=(rules.NO_STATEMENT,))


def excluded_by(weighed: Weighed, countries: Iterable[str]) -> tuple[str, ...]:
    """Return the countries that round-trip times exclude: by those that prove, else by what the others would exclude.

    Evidence says of each time whether it proves; a void vantage's times exclude nothing.
    """
    measured = [e for e in weighed.evidence if e.kind is Kind.MEASURED and e.counts]
    proving = [e for e in measured if e.statement.proves]
    sets = [{place.country for place in e.statement.places} for e in proving or measured]
    if not sets:
        return ()
    left = set.intersection(*sets)
    return tuple(sorted(code for code in countries if code not in left)) if left else ()


def side_of(evidence: Evidence, area: Area) -> str:
    """Return on which side of the area a statement speaks: inside, outside or neither."""
    places = evidence.statement.places
    if not places or not evidence.statement.proves or evidence.kind in _HINTS:
        return "neither"
    return {Relation.INSIDE: "inside", Relation.OUTSIDE: "outside"}.get(area.relation_of_all(places), "neither")


def _place_by_databases(weak: list[Evidence], area: Area, *, capped: bool) -> Placement:
    united = _united(weak)
    found = _decide(united, area, Assurance.DATABASE, rules.DATABASE, weak)
    witnesses = [e for e in weak if not e.echo]
    if found.where is Where.OUTSIDE and not witnesses:
        return Placement(
            where=Where.UNKNOWN,
            assurance=Assurance.NONE,
            feasible=united,
            rules=(rules.ECHO_ALONE,),
            deciding=tuple(weak),
            is_echo=True,
        )
    if found.where is not Where.UNKNOWN and not capped and _corroborate(witnesses):
        return replace(found, assurance=Assurance.CORROBORATED, rules=(rules.CORROBORATED,))
    return found


def _corroborate(witnesses: list[Evidence]) -> bool:
    """Do two databases of different lineage, neither an echo, name the same one country?"""
    databases = [e for e in witnesses if e.kind is Kind.DATABASE]
    return any(
        a.lineage != b.lineage and len(_countries(a)) == 1 and _countries(a) == _countries(b)
        for a, b in combinations(databases, 2)
    )


def _decide(
    feasible: tuple[Place, ...], area: Area, assurance: Assurance, rule: str, deciding: list[Evidence]
) -> Placement:
    relation = area.relation_of_all(feasible) if feasible else Relation.PARTLY
    if relation is Relation.PARTLY:
        sides = {side_of(e, area) for e in deciding}
        why = rules.CONFLICT if {"inside", "outside"} <= sides else rules.NOT_FINE_ENOUGH
        return Placement(
            where=Where.UNKNOWN,
            assurance=Assurance.NONE,
            feasible=feasible,
            rules=(why,),
            deciding=tuple(deciding),
        )
    where = Where.INSIDE if relation is Relation.INSIDE else Where.OUTSIDE
    return Placement(where=where, assurance=assurance, feasible=feasible, rules=(rule,), deciding=tuple(deciding))


def _network_of(statements: Sequence[Statement]) -> str:
    """Return the kind of network by the strongest kind of evidence; of two at once, a front goes first."""
    told = [s for s in statements if s.network in _NETWORK_KINDS]
    first = min(told, key=lambda s: (list(Kind).index(s.kind), -_NETWORK_KINDS.index(s.network)), default=None)
    return first.network if first else ""


def _dated(statement: Statement, first: date, last: date, max_age_days: int | None) -> Evidence:
    lineage = statement.lineage or statement.author
    if statement.listed is None:
        undated = max_age_days is not None and statement.kind in (Kind.DECLARED, Kind.DATABASE)
        struck = f"without a date, which --max-age {max_age_days} asks for" if undated else ""
        return Evidence(statement=statement, lineage=lineage, struck=struck)
    since, until = statement.listed
    days = max((since - first).days, (last - until).days, 0)
    too_old = max_age_days is not None and days > max_age_days
    struck = f"{days} days from the flow, more than --max-age {max_age_days}" if too_old else ""
    return Evidence(statement=statement, days_from_flow=days, lineage=lineage, struck=struck)


def _anycast_struck(evidence: Evidence) -> Evidence:
    if evidence.struck or evidence.kind in (Kind.MEASURED, Kind.REGISTRATION, Kind.NETWORK):
        return evidence
    return replace(evidence, struck="anycast: no single place") if evidence.statement.places else evidence


def _measurement_struck(evidence: list[Evidence]) -> list[Evidence]:
    measured = [e for e in evidence if e.kind is Kind.MEASURED and e.counts and e.statement.proves]
    if not measured:
        return evidence
    countries = {p.country for p in _feasible(measured)}
    by = frozenset[str]().union(*(_authors(e) for e in measured))

    def read(item: Evidence) -> Evidence:
        named = {p.country for p in item.statement.places}
        if item.kind is Kind.MEASURED or not item.counts or named & countries:
            return item
        return replace(item, struck="names only places that round-trip times exclude", struck_by=by)

    return [read(e) for e in evidence]


def _read_database(evidence: Evidence, all_: list[Evidence], network: str) -> Evidence:
    """Mark a database answer that is older than the prefix or repeats somebody else."""
    if evidence.kind is not Kind.DATABASE or not evidence.counts:
        return evidence
    lists = [e.statement for e in all_ if e.kind is Kind.DECLARED]
    read = _read_echo(evidence, all_, lists, network)
    built = evidence.statement.listed[1] if evidence.statement.listed else None
    newer = [s for s in lists if s.prefix_since and built is not None and built < s.prefix_since]
    if not newer:
        return read
    since = max(s.prefix_since for s in newer if s.prefix_since)
    why = f"built {built}, before the prefix was first listed on {since}"
    return replace(read, struck=why, struck_by=frozenset(party_key(s.author) for s in newer))


def _read_echo(evidence: Evidence, all_: list[Evidence], lists: list[Statement], network: str) -> Evidence:
    """Mark a database answer that repeats the operator's list or the registry."""
    if network:
        holder = next((s.author for s in lists), "") or next(
            (e.statement.holder for e in all_ if e.statement.holder), ""
        )
        return replace(evidence, echo=f"list:{holder}" if holder else network, lineage=holder or evidence.lineage)
    registered = {p.country for e in all_ if e.kind is Kind.REGISTRATION for p in e.statement.places}
    if registered and _countries(evidence) <= registered:
        return replace(evidence, echo="registration")
    return evidence


def _counts(item: Evidence, all_: Sequence[Evidence], without: frozenset[str]) -> bool:
    """Does it count once the word of `without` is left out, and what that word alone had struck is restored?"""
    if item.counts:
        return True
    if not item.statement.places or not (item.struck_by & without):
        return False
    if item.kind is Kind.DATABASE and item.struck.startswith("built"):
        return bool(item.struck_by <= without)
    left = [
        e for e in all_ if e.kind is Kind.MEASURED and e.counts and e.statement.proves and not _authors(e) & without
    ]
    return not left or bool(_countries(item) & {p.country for p in _feasible(left)})


def _weighing_rules(evidence: Iterable[Evidence], *, anycast: bool, capped: bool) -> tuple[str, ...]:
    found = {rules.ANYCAST} if anycast else set()
    if capped:
        found.add(rules.TRANSITION_FORM)
    for item in evidence:
        if item.echo:
            found.add(rules.ECHO_OF_REGISTRATION if item.echo == "registration" else rules.ECHO_OF_LIST)
        if item.struck.startswith("built"):
            found.add(rules.OLDER_THAN_PREFIX)
        elif item.struck.startswith("names"):
            found.add(rules.STRUCK)
        elif "--max-age" in item.struck:
            found.add(rules.TOO_OLD)
        if item.kind is Kind.MEASURED and not item.statement.proves:
            found.add(_WEAK[item.statement.weakness or Weakness.EARLY_ANSWER])
        if item.kind is Kind.DECLARED and item.days_from_flow:
            found.add(rules.BACKDATED)
    return tuple(sorted(found))


def _united(items: Iterable[Evidence]) -> tuple[Place, ...]:
    return tuple(sorted({p for e in items for p in e.statement.places}, key=_place_key))


def _feasible(measured: Iterable[Evidence]) -> tuple[Place, ...]:
    """Intersect measured statements: the responder is within every disc; () where they contradict."""
    sets = [e.statement.places for e in measured]
    common = frozenset.intersection(*sets) if sets else frozenset()
    return tuple(sorted(common, key=_place_key))


def _place_key(place: Place) -> tuple[str, str, str, str]:
    return (place.country, place.part or "", place.provider_region or "", place.site or "")


def _countries(evidence: Evidence) -> frozenset[str]:
    return frozenset(p.country for p in evidence.statement.places)


def _authors(evidence: Evidence) -> frozenset[str]:
    return frozenset({party_key(evidence.statement.author), party_key(evidence.lineage)})


def _order(statement: Statement) -> tuple[int, str, str]:
    return (list(Kind).index(statement.kind), statement.source, statement.says)


def _rank(assurance: Assurance) -> int:
    return assurance.rank
