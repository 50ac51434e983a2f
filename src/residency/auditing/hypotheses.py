"""Finite lists of places that an address may stand in, and what round-trip times leave of each.

A provider's published regions and the sites that the claims name are such lists. Against a list a time says more than
against all land: of twelve regions often one survives. It is worth as much as the list is complete, so what is said
here is shown beside the evidence and places nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from residency.evaluate.physics import Bound, Refuter, RoundTrip, survivors
from residency.model.evidence import Exclusion, Kind, Statement
from residency.model.place import Gazetteer, Spot

AUTHOR = "auditor"
Hypothesis = tuple[str, Spot]  # its name, as in a place, and where it is
CLAIMED = "the sites and regions that the claims name"
_NAMED = 4


def hypotheses_on(
    said: Iterable[Statement], gazetteer: Gazetteer, named_places: Iterable[str] = ()
) -> Mapping[str, Sequence[Hypothesis]]:
    """Return the lists that may hold an address: the regions of every provider that lists it, and `named_places`.

    `named_places` are written as in a claim (`site:tiktok/hamar`, `provider:aws/eu-west-1`); countries and sets of them
    are left out. A list of fewer than two places says nothing.
    """
    lists: dict[str, list[Hypothesis]] = {}
    holders = {s.holder for s in said if s.kind is Kind.DECLARED and s.places and s.network != "cdn" and not s.anycast}
    for key, region in sorted(gazetteer.regions.items()):
        if region.provider in holders and region.spot.lat is not None:
            lists.setdefault(f"{region.provider}'s published regions", []).append((key, region.spot))
    for name in sorted(set(named_places)):
        kind, _, key = name.partition(":")
        spot = _spot(gazetteer, kind, key)
        if spot is not None and spot.lat is not None:
            lists.setdefault(CLAIMED, []).append((key, spot))
    return {name: tuple(listed) for name, listed in lists.items() if len(listed) > 1}


def _spot(gazetteer: Gazetteer, kind: str, key: str) -> Spot | None:
    if kind == "site":
        return gazetteer.sites[key].spot if key in gazetteer.sites else None
    return gazetteer.regions[key].spot if kind == "provider" and key in gazetteer.regions else None


def survivors_among(
    name: str, listed: Sequence[Hypothesis], trips: Sequence[RoundTrip], *, k: int, source: str
) -> Statement | None:
    """Say which places of a list survive, and which vantage refutes each other one; None where all do."""
    found = survivors(trips, [spot for _, spot in listed], bound=Bound.FIBRE, k=k)
    alive = [key for (key, _), each in zip(listed, found, strict=True) if each.survives]
    if len(alive) == len(listed):
        return None
    shown = ", ".join(alive[:_NAMED]) + (f" and {len(alive) - _NAMED} more" if len(alive) > _NAMED else "")
    left = f"{len(alive)} can hold it: {shown}" if alive else "none can hold it: the list lacks the true place"
    fallen = ((key, each.by) for (key, _), each in zip(listed, found, strict=True) if not each.survives)
    return Statement(
        kind=Kind.MEASURED,
        source=source,
        author=AUTHOR,
        lineage=AUTHOR,
        says=f"of {name} ({len(listed)} with a position) {left}",
        exclusions=exclusions_of(fallen),
        proves=False,
    )


def exclusions_of(excluded: Iterable[tuple[str, Sequence[Refuter]]]) -> tuple[Exclusion, ...]:
    """Put what is excluded together by the vantage that refutes it most strongly; by the vantages' names."""
    found: dict[tuple[str, float, float], list[str]] = {}
    for place, by in excluded:
        for refuter in by[:1]:
            key = refuter.vantage.name, refuter.rtt_ms, round(refuter.radius_km, 1)
            found.setdefault(key, []).append(place)
    return tuple(
        Exclusion(vantage=name, rtt_ms=rtt_ms, within_km=within_km, excludes=tuple(sorted(places)))
        for (name, rtt_ms, within_km), places in sorted(found.items())
    )
