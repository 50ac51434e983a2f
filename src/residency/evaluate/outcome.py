"""The outcome of one endpoint under one claim (DESIGN section 6): set aside, placed, and the links checked.

Every link of a contradiction is a small function that returns None where it holds, or the rule and the
words of what is missing. A contradiction needs them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from residency.evaluate import rules
from residency.evaluate.locate import Placement, Weighed
from residency.evaluate.scope import Match, Via
from residency.limits import LIMITS
from residency.model.claim import Activity, Binding, Claim, Exemption, Modality, Role
from residency.model.evidence import Assurance, Kind, Statement
from residency.model.network import Address
from residency.model.place import Area, Relation
from residency.model.verdict import Observed, Outcome, Where

_NEVER_CARRY = frozenset({Role.CDN, Role.AUTH, Role.CONTROL_PLANE})
_STORE = frozenset({Role.STORAGE, Role.DATA})
_CARRIED = frozenset({"sni", "quic", "http", "stated"})
CERTAIN_NAMES = frozenset({*_CARRIED, "dns"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One claim as it stands in one period: its area, live exceptions and what the auditor stated."""

    claim: Claim
    at: datetime
    area: Area
    in_force: bool  # surely, whatever the clock skew
    exceptions: tuple[tuple[Exemption, Area | None], ...]  # live ones, with the area of their places
    subjects_stated: bool
    floor: Assurance

    @property
    def is_absolute(self) -> bool:
        """Is the promise absolute at this time?"""
        claim = self.claim
        done = claim.modality is Modality.MIGRATING and claim.complete is not None and claim.complete <= self.at
        return claim.modality is Modality.ABSOLUTE or done


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything about one endpoint that an outcome can depend on."""

    terms: Terms
    seen: Observed
    address: Address
    match: Match
    weighed: Weighed
    location: Placement

    @property
    def is_front(self) -> bool:
        """Is it an address that many services share?"""
        return self.weighed.network == "cdn" or self.weighed.anycast

    @property
    def role(self) -> Role | None:
        """The stated role; an unstated one is `edge` at a CDN or shared front."""
        return self.match.role or (Role.EDGE if self.is_front else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The outcome with the rules that gave it; `needs_networks` marks a contradiction by databases alone."""

    outcome: Outcome
    location: Placement
    role: Role | None
    rules: tuple[str, ...]
    missing_links: tuple[str, ...] = ()
    needs_networks: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """A link that does not hold."""

    rule: str
    text: str


def rule_on(
    terms: Terms,
    seen: Observed,
    address: Address,
    match: Match,
    weighed: Weighed,
    location: Placement,
) -> Ruling:
    """Give one endpoint its outcome; `location` is its place in the area of `terms`.

    1. Set aside: unanswered, excused, not carrying. 2. Not knowable: proxied, unnamed. 3. By place.
    """
    case = Case(
        terms=terms,
        seen=seen,
        address=address,
        match=match,
        weighed=weighed,
        location=location,
    )
    aside = _set_aside(case)
    if aside is not None:
        return _ruling(case, aside[0], aside[1])
    if terms.claim.forbids_any_place:
        return _without_location(case)
    if match.via is Via.UNNAMED_KNOWN:
        return _ruling(case, Outcome.UNKNOWN, rules.UNNAMED_KNOWN, unplaced=True)
    if not weighed.locatable and seen.host is not None:
        return _ruling(case, Outcome.UNKNOWN, rules.PROXIED)
    if case.location.where is Where.INSIDE:
        enough = case.location.assurance.rank >= terms.floor.rank
        return (
            _ruling(case, Outcome.INSIDE, rules.INSIDE) if enough else _ruling(case, Outcome.UNKNOWN, rules.BELOW_FLOOR)
        )
    if case.location.where is Where.OUTSIDE:
        return _outside(case)
    return _ruling(case, Outcome.UNKNOWN, rules.UNKNOWN)


def _set_aside(case: Case) -> tuple[Outcome, str] | None:
    if case.seen.answered is False:
        return Outcome.UNANSWERED, rules.UNANSWERED
    if any(_excuses(exemption, places, case) for exemption, places in case.terms.exceptions):
        return Outcome.EXCUSED, rules.EXCUSED
    activity = case.terms.claim.activity
    if activity is Activity.CONNECTION:
        return None
    if case.role in _NEVER_CARRY or (case.role is Role.EDGE and activity is Activity.STORAGE):
        return Outcome.NOT_CARRYING, rules.NOT_CARRYING
    return None


def _excuses(exemption: Exemption, places: Area | None, case: Case) -> bool:
    """Does the exception match: its activity is the claim's, and all that it names?"""
    if exemption.is_caveat or exemption.activity is not case.terms.claim.activity:
        return False
    host = case.seen.host
    if exemption.hosts and not (host and any(p.matches(host) for p in exemption.hosts)):
        return False
    if exemption.networks and not any(
        n.version == case.address.family and int(n.network_address) <= case.address.value <= int(n.broadcast_address)
        for n in exemption.networks
    ):
        return False
    feasible = case.location.feasible
    return places is None or (bool(feasible) and places.relation_of_all(feasible) is Relation.INSIDE)


def _without_location(case: Case) -> Ruling:
    """`connection` with `forbid = ["WORLD"]`: an answered conversation is the contradiction."""
    if case.match.via is Via.UNNAMED_KNOWN:
        return _ruling(case, Outcome.UNKNOWN, rules.UNNAMED_KNOWN, unplaced=True)
    missing = [m for m in (link(case) for link in _LINKS if link is not _link_place) if m is not None]
    everywhere = Placement(where=Where.OUTSIDE, assurance=Assurance.NOT_NEEDED, feasible=case.location.feasible)
    outcome = Outcome.ADVERSE if missing else Outcome.VIOLATING
    return _ruling(case, outcome, _outcome_rule(outcome), missing=missing, location=everywhere)


def _outside(case: Case) -> Ruling:
    assurance = case.location.assurance
    if assurance.rank < Assurance.CORROBORATED.rank:
        return _ruling(case, Outcome.DOUBTFUL, rules.DOUBTFUL)
    missing = [m for m in (link(case) for link in _LINKS) if m is not None]
    if missing:
        return _ruling(case, Outcome.ADVERSE, rules.ADVERSE, missing=missing)
    pending = assurance is Assurance.CORROBORATED
    return _ruling(case, Outcome.VIOLATING, rules.VIOLATING, needs_networks=pending)


def _outcome_rule(outcome: Outcome) -> str:
    return rules.VIOLATING if outcome is Outcome.VIOLATING else rules.ADVERSE


def _ruling(
    case: Case,
    outcome: Outcome,
    rule: str,
    *,
    missing: list[Missing] | None = None,
    location: Placement | None = None,
    needs_networks: bool = False,
    unplaced: bool = False,
) -> Ruling:
    place = location or case.location
    if unplaced:
        place = Placement(where=Where.UNKNOWN, assurance=Assurance.NONE, feasible=place.feasible)
    fronted = (rules.FRONT,) if case.match.role is None and case.is_front else ()
    links = tuple(m.rule for m in missing or ())
    return Ruling(
        outcome=outcome,
        location=place,
        role=case.role,
        rules=tuple(dict.fromkeys((rule, *links, *place.rules, *case.weighed.rules, *fronted))),
        missing_links=tuple(m.text for m in missing or ()),
        needs_networks=needs_networks,
    )


# The links of a contradiction, in the order in which DESIGN section 6 names them.


def _link_in_force(case: Case) -> Missing | None:
    if case.terms.in_force:
        return None
    return Missing(rules.LINK_IN_FORCE, "in force: the flow is within the clock skew of the claim's period")


def _link_modality(case: Case) -> Missing | None:
    if case.terms.is_absolute:
        return None
    modality = case.terms.claim.modality
    return Missing(rules.LINK_MODALITY, f"modality: a `{modality}` promise is not contradicted by single endpoints")


def _link_name(case: Case) -> Missing | None:
    if case.match.via is not Via.HOST:
        return None
    named_by = case.seen.named_by
    if named_by in _CARRIED or (named_by == "dns" and not case.is_front):
        return None
    words = {
        "dns": "the name comes from DNS and the address is shared by many services",
        "dns_shared": "DNS gave this address for several names, or not to this client",
        "ech": "the name is the outer one of an encrypted ClientHello",
    }
    return Missing(rules.LINK_NAME, f"name: {words.get(named_by or '', 'the conversation carried no host name')}")


def _link_binding(case: Case) -> Missing | None:
    if case.match.via is not Via.HOST or case.match.binding is not Binding.LABEL:
        return None
    return Missing(rules.LINK_BINDING, "binding: the host is tied to the claim by a label in its name only")


def _link_role(case: Case) -> Missing | None:
    if case.terms.claim.activity is not Activity.STORAGE or case.role in _STORE:
        return None
    role = f"the role `{case.role}` is" if case.role else "no role is stated, so it is"
    return Missing(rules.LINK_ROLE, f"role: {role} not documented as storage")


def _link_answered(case: Case) -> Missing | None:
    if case.seen.answered is not None:
        return None
    return Missing(rules.LINK_ANSWERED, "answered: the traffic does not say whether the server answered")


def _link_caveat(case: Case) -> Missing | None:
    claim = case.terms.claim
    caveats = [e for e, _ in case.terms.exceptions if e.is_caveat and e.activity is claim.activity]
    if not caveats:
        return None
    return Missing(rules.LINK_CAVEAT, f"caveat: {', '.join(e.id for e in caveats)} may explain it")


def _link_subjects(case: Case) -> Missing | None:
    if not case.terms.claim.subjects or case.terms.subjects_stated:
        return None
    return Missing(rules.LINK_SUBJECTS, "subjects: whose data it was is assumed; state it with --clients AREA")


def _link_place(case: Case) -> Missing | None:
    """Does the kind of evidence carry a contradiction? (Databases wait for the count of networks.)"""
    found = case.location
    if found.assurance in (Assurance.MEASURED, Assurance.CALIBRATED, Assurance.CORROBORATED):
        return None
    lists = [e for e in found.deciding if e.kind is Kind.DECLARED]
    limit = LIMITS.list_max_age_days
    first = case.seen.first.date()
    if any(e.days_from_flow is None for e in lists):
        return Missing(rules.LINK_LIST_DATE, "list date: the operator's list has no date")
    if all((e.days_from_flow or 0) <= limit or _held_still(e.statement, first) for e in lists):
        return None
    days = max(e.days_from_flow or 0 for e in lists)
    return Missing(rules.LINK_LIST_DATE, f"list date: the operator's list is {days} days from the flow, over {limit}")


def _held_still(statement: Statement, first: date) -> bool:
    """Is it a list measured stable, and listed before the flow? Earlier, another may have held the prefix."""
    return statement.stable and statement.listed is not None and statement.listed[0] <= first


_LINKS: tuple[Callable[[Case], Missing | None], ...] = (
    _link_in_force,
    _link_modality,
    _link_name,
    _link_binding,
    _link_role,
    _link_answered,
    _link_caveat,
    _link_subjects,
    _link_place,
)
