"""Times of several vantages read together: sanitised on their own mesh where they measured each other, else k = 2.

A vantage of the mesh that is kept may refute alone, at light's speed in glass (k = 1). Where the vantages did not
measure each other, two independent ones must agree (k = 2). What stands at the target itself is left out of its mesh.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from residency.evaluate.mesh import Mesh, MeshTrip, sanitise, well_connected, without_site
from residency.evaluate.physics import Bound, Region, RoundTrip, locate_by_discs
from residency.model.evidence import Kind, Statement
from residency.model.network import Vantage

if TYPE_CHECKING:
    from residency.model.geography import Geography

_SITE_KM = 30.0
_NAMED = 3
Time = tuple[Vantage, str, str, float, int, str]  # vantage, target, kind, ms, samples, source


def read_together(
    every: Sequence[Time], geography: Geography, aliases: Mapping[str, str]
) -> Callable[[Sequence[Time]], Statement | None]:
    """Build the mesh of all vantages once; return what reads the times of one target, or None where they say nothing.

    `aliases` are addresses of vantages: a time to one of them is a time of the mesh, as is one to a vantage's name.
    """
    mesh = _mesh(every, aliases)
    trusted = sanitise(mesh) & well_connected(mesh)
    by_name = {vantage.name: vantage for vantage in mesh.vantages}

    def read(target: Sequence[Time]) -> Statement | None:
        name = target[0][1]
        at_target = by_name.get(aliases.get(name, name))
        kept = trusted
        if at_target is not None:
            far = without_site(mesh, at_target.lat, at_target.lon, _SITE_KM)
            kept = sanitise(far) & well_connected(far)
        trips = _trips(target, kept)
        region = _region(trips, geography, k=1) if trips else None
        if region is None:
            trips = _trips(target, frozenset(by_name) - ({at_target.name} if at_target else set()))
            region = _region(trips, geography, k=2) if trips else None
        return None if region is None else _statement(region, trips, geography, target[0][5])

    return read


def _mesh(every: Sequence[Time], aliases: Mapping[str, str]) -> Mesh:
    by_name = {time[0].name: time[0] for time in every}
    trips = []
    for vantage, target, _, rtt_ms, _, _ in every:
        to = aliases.get(target, target)
        if to in by_name and to != vantage.name:
            trips.append(MeshTrip(origin=vantage.name, to=to, rtt_ms=rtt_ms))
    return Mesh(vantages=tuple(by_name.values()), trips=tuple(trips))


def _trips(target: Sequence[Time], names: frozenset[str]) -> list[RoundTrip]:
    return [
        RoundTrip(vantage=vantage, rtt_ms=rtt_ms, kind=kind, samples=samples)
        for vantage, _, kind, rtt_ms, samples, _ in target
        if vantage.name in names
    ]


def _region(trips: list[RoundTrip], geography: Geography, *, k: int) -> Region | None:
    """Return what the discs leave, or None where they exclude nothing and show no second site."""
    found = locate_by_discs(trips, geography, bound=Bound.FIBRE, k=k)
    return found if found.excluded or found.anycast else None


def _statement(region: Region, trips: list[RoundTrip], geography: Geography, source: str) -> Statement:
    left = set(region.feasible)
    places = frozenset(p for p, code in zip(geography.places, geography.codes, strict=True) if code in left)
    nearest = sorted(trips, key=lambda t: (t.rtt_ms, t.vantage.name))[:_NAMED]
    seen = ", ".join(f"{t.rtt_ms:g} ms from {t.vantage.name}" for t in nearest)
    more = f" and {len(trips) - len(nearest)} more" if len(trips) > len(nearest) else ""
    how = "vantages checked against each other" if region.k == 1 else "two independent vantages must agree"
    says = f"times of several sites, so no single place ({seen}{more})" if region.anycast else f"{seen}{more} ({how})"
    return Statement(
        kind=Kind.MEASURED,
        source=source,
        author="auditor",
        lineage="auditor",
        says=says,
        places=frozenset() if region.anycast else places,
        anycast=region.anycast,
        proves=not region.anycast,
    )
