"""What must hold between the keys of one claim, and between the claims of a file (DESIGN section 7.1).

Each rule names the keys it reads and is skipped where one of them is already at fault, so that one mistake
gives one fault. A rule yields (location within the claim, what is wrong and what to do).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import datetime, timedelta

from residency.claims.networks import format_share, share_of_address_space
from residency.claims.schema import ClaimTable
from residency.limits import LIMITS
from residency.model.claim import Activity, Modality
from residency.model.place import Gazetteer, Place, Relation

Found = Iterator[tuple[tuple[str | int, ...], str]]

MAX_NETWORK_SHARE = 0.01
_MOMENT_OF_OPEN_CLAIM = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


def broken_rules(claim: ClaimTable, spoiled: frozenset[str], gazetteer: Gazetteer) -> Found:
    """Yield what the claim breaks; `spoiled` are its keys that are at fault by themselves."""
    if not spoiled & {"activity", "hosts", "host", "network", "asns"}:
        yield from _scope(claim)
    if not spoiled & {"activity", "allow", "forbid", "effective"}:
        yield from _area(claim, gazetteer)
    if not spoiled & {"modality", "complete"}:
        yield from _modality(claim)
    yield from _hosts_once(claim)
    yield from _names_once(claim)
    yield from _networks(claim)


def _scope(claim: ClaimTable) -> Found:
    if claim.activity.is_observable and not (claim.hosts or claim.host or claim.network or claim.asns):
        advice = "has no scope; give hosts, [[claim.host]], [[claim.network]] or asns"
        yield (), f'{advice} (hosts = ["*"] says every flow)'


def _area(claim: ClaimTable, gazetteer: Gazetteer) -> Found:
    """Is some place left: allow (else everywhere) minus forbid, at some date of the claim?"""
    if not claim.allow and not claim.forbid:
        if claim.activity.is_observable:
            yield (), "says no place; give allow (places allowed) or forbid (places forbidden)"
        return
    if not claim.allow and (claim.activity is Activity.CONNECTION or not claim.activity.is_observable):
        return  # forbid = ["WORLD"] is a ban: it needs no location
    key = "allow" if claim.allow else "forbid"
    if not any(_leaves_a_place(claim, gazetteer, at) for at in _instants(claim, gazetteer)):
        if claim.allow and claim.forbid:
            yield (key,), "no place is left: everything allowed is also forbidden"
        elif claim.allow:
            yield (key,), "no place is left: the set has no members while the claim is in force"
        else:
            yield (key,), "forbids everywhere, which only a `connection` claim may; name the places"


def _instants(claim: ClaimTable, gazetteer: Gazetteer) -> list[datetime]:
    """Return one instant of each stretch of the claim's period between changes of membership."""
    start, end = (claim.effective.start, claim.effective.end) if claim.effective else (None, None)
    first = start or min(_MOMENT_OF_OPEN_CLAIM, end - timedelta(days=1) if end else _MOMENT_OF_OPEN_CLAIM)
    edges = sorted(gazetteer.edges((*claim.allow, *claim.forbid)))
    return [first, *(edge for edge in edges if edge > first and (end is None or edge < end))]


def _leaves_a_place(claim: ClaimTable, gazetteer: Gazetteer, at: datetime) -> bool:
    allow = gazetteer.area(claim.allow or ("WORLD",), at)
    forbid = gazetteer.area(claim.forbid, at)
    for place in (*gazetteer.known_places, *_named(claim, gazetteer)):
        allowed, forbidden = allow.relation(place), forbid.relation(place)
        if allowed > Relation.OUTSIDE and forbidden is Relation.OUTSIDE:
            return True
        if allowed is Relation.INSIDE and forbidden is not Relation.INSIDE:
            return True
    return False


def _named(claim: ClaimTable, gazetteer: Gazetteer) -> Iterator[Place]:
    for name in (*claim.allow, *claim.forbid):
        if name not in gazetteer.set_names:
            try:
                yield gazetteer.place(name)
            except ValueError:  # a name for several parts, as EA
                continue


def _modality(claim: ClaimTable) -> Found:
    if claim.complete is not None and claim.modality is not Modality.MIGRATING:
        yield ("complete",), 'is for modality = "migrating" only; leave it out or change the modality'


def _hosts_once(claim: ClaimTable) -> Found:
    places: list[tuple[str, tuple[str | int, ...]]] = [(text, ("hosts", i)) for i, text in enumerate(claim.hosts)]
    places += [(table.pattern, ("host", i, "pattern")) for i, table in enumerate(claim.host)]
    if len(places) > LIMITS.max_patterns_per_claim:
        yield ("hosts",), f"more than {LIMITS.max_patterns_per_claim} patterns; split the claim"
    seen: set[str] = set()
    for text, location in places:
        if text in seen:
            yield location, f"the pattern {text} stands twice in this claim; keep one"
        seen.add(text)


def _names_once(claim: ClaimTable) -> Found:
    for key, names in (
        ("exception", [table.id for table in claim.exception]),
        ("case", [table.name for table in claim.case]),
    ):
        for i, name in enumerate(names):
            if name in names[:i]:
                yield (key, i, "id" if key == "exception" else "name"), f"`{name}` stands twice in this claim"


def _networks(claim: ClaimTable) -> Found:
    share = share_of_address_space(ipaddress.ip_network(table.cidr) for table in claim.network)
    if share > MAX_NETWORK_SHARE:
        yield (
            ("network",),
            f"the networks cover {format_share(share)} of the address space (limit 1 %): such lists accuse the "
            'innocent; name narrower networks, or hosts = ["*"] for every flow',
        )
