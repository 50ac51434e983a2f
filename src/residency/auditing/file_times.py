"""Times of several vantages read together: a panel that tested itself where they measured each other, else k = 2.

1. A vantage of the mesh that is kept may refute alone, at light's speed in glass, where its own times vouch for its
place (`evaluate.panel`). Where the vantages did not measure each other, two independent ones must agree (k = 2).
2. Where that leaves several countries and the vantages are known targets enough, a calibrated region says which of them
the times speak for, with its error rate (`evaluate.references`).
What stands at the target itself is left out of mesh, sanitation and calibration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from residency.auditing.hypotheses import AUTHOR, Hypothesis, exclusions_of, survivors_among
from residency.evaluate.locate import MAX_CALIBRATED_RATE
from residency.evaluate.mesh import Mesh, MeshTrip
from residency.evaluate.panel import Panel
from residency.evaluate.physics import Bound, Region, RoundTrip, locate_by_discs
from residency.evaluate.references import References
from residency.model.evidence import Exclusion, Kind, Statement
from residency.model.network import Vantage

if TYPE_CHECKING:
    from residency.model.geography import Geography

USUAL_RATE = 0.05  # one target in twenty may be missed: such a region counts as a database does
_NAMED = 3
Time = tuple[Vantage, str, str, float, int, str]  # vantage, target, kind, ms, samples, source


class TimesTogether:
    """All times of files: the panel of their vantages, built once, reads the times of one target after the other.

    `aliases` are addresses of vantages: a time to one of them is a time of the mesh, as is one to a vantage's name.
    """

    def __init__(self, every: Sequence[Time], geography: Geography, aliases: Mapping[str, str]) -> None:
        self._every, self._geography, self._aliases = every, geography, aliases
        self._vantages = {time[0].name: time[0] for time in every}

    def read(self, target: Sequence[Time], lists: Mapping[str, Sequence[Hypothesis]]) -> tuple[Statement, ...]:
        """Return what the times of one target say, proof first; () where they say nothing.

        `lists` are finite lists of places by name, one of which may hold it: what survives of each is said too.
        """
        itself = self._vantage_named(target[0][1])
        at = None if itself is None else self._panel.position(itself)
        heard = self._panel.heard(at, itself)
        trips = _trips(target, heard.names)
        region = self._panel.locate(trips, heard) if trips else None
        if region is None or not (region.excluded or region.anycast):
            everyone = _trips(target, frozenset(self._vantages) - {itself})
            region = locate_by_discs(everyone, self._geography, bound=Bound.FIBRE, k=2) if everyone else None
            if region is None or not (region.excluded or region.anycast):
                return ()
            proof = self._proof(region, everyone, target[0][5], "two independent vantages must agree")
            return (proof, *self._survivors(region, everyone, lists, target[0][5], k=2))
        proof = self._proof(region, trips, target[0][5], "vantages checked against each other")
        left = self._survivors(region, trips, lists, target[0][5], k=region.k_used)
        return (proof, *left, *self._calibrated(region, trips, itself, target[0][5]))

    def _survivors(
        self,
        region: Region,
        trips: Sequence[RoundTrip],
        lists: Mapping[str, Sequence[Hypothesis]],
        source: str,
        *,
        k: int,
    ) -> tuple[Statement, ...]:
        if region.anycast:
            return ()
        found = [survivors_among(name, listed, trips, k=k, source=source) for name, listed in sorted(lists.items())]
        return tuple(statement for statement in found if statement is not None)

    def _vantage_named(self, target: str) -> str | None:
        name = self._aliases.get(target, target)
        return name if name in self._vantages else None

    @cached_property
    def _panel(self) -> Panel:
        trips = [
            MeshTrip(origin=vantage.name, to=to, rtt_ms=rtt_ms)
            for vantage, target, _, rtt_ms, _, _ in self._every
            if (to := self._vantage_named(target)) is not None and to != vantage.name
        ]
        return Panel(Mesh(vantages=tuple(self._vantages.values()), trips=tuple(trips)), self._geography)

    @cached_property
    def _references(self) -> References:
        trips: dict[str, list[RoundTrip]] = {}
        for time in self._every:
            if (to := self._vantage_named(time[1])) is not None:
                trips.setdefault(to, []).append(_trip(time))
        return References(self._panel, trips, self._geography, self._country_at)

    def _country_at(self, lat: float, lon: float) -> str:
        """Return the country that holds a position, the nearest one at sea."""
        found = self._geography.holds(lat, lon)
        return found[0] if found else self._geography.codes[int(self._geography.nearest_km(lat, lon).argmin())]

    def _calibrated(
        self, region: Region, trips: Sequence[RoundTrip], itself: str | None, source: str
    ) -> tuple[Statement, ...]:
        """Return the calibrated regions that say more than proof: at the rate that may violate, and the usual."""
        if region.anycast or len({code[:2] for code in region.feasible}) < 2:
            return ()
        found = []
        for rate in (MAX_CALIBRATED_RATE, USUAL_RATE):
            stated = self._references.locate(trips, itself, rate)
            codes = () if stated is None else tuple(c for c in region.feasible if c in set(stated.feasible))
            if stated is not None and codes and len(codes) < len(region.feasible):
                says = f"slowness as of {stated.known} known targets; misses one target in {1 / stated.rate:.0f}"
                found.append(self._statement(codes, says, source, Kind.CALIBRATED, rate=stated.rate))
        return tuple(found)

    def _proof(self, region: Region, trips: Sequence[RoundTrip], source: str, how: str) -> Statement:
        nearest = sorted(trips, key=lambda t: (t.rtt_ms, t.vantage.name))[:_NAMED]
        seen = ", ".join(f"{t.rtt_ms:g} ms from {t.vantage.name}" for t in nearest)
        more = f" and {len(trips) - len(nearest)} more" if len(trips) > len(nearest) else ""
        if region.anycast:
            says = f"times of several sites, so no single place ({seen}{more})"
            return self._statement((), says, source, Kind.MEASURED, anycast=True)
        excluded = exclusions_of(zip(region.excluded, region.by, strict=True))
        return self._statement(region.feasible, f"{seen}{more} ({how})", source, Kind.MEASURED, exclusions=excluded)

    def _statement(
        self,
        codes: Sequence[str],
        says: str,
        source: str,
        kind: Kind,
        *,
        exclusions: tuple[Exclusion, ...] = (),
        anycast: bool = False,
        rate: float | None = None,
    ) -> Statement:
        left = set(codes)
        places = zip(self._geography.places, self._geography.codes, strict=True)
        return Statement(
            kind=kind,
            source=source,
            author=AUTHOR,
            lineage=AUTHOR,
            says=says,
            places=frozenset(place for place, code in places if code in left),
            anycast=anycast,
            exclusions=exclusions,
            proves=not anycast,
            rate=rate,
        )


def _trips(target: Sequence[Time], names: frozenset[str]) -> list[RoundTrip]:
    return [_trip(time) for time in target if time[0].name in names]


def _trip(time: Time) -> RoundTrip:
    vantage, _, kind, rtt_ms, samples, _ = time
    return RoundTrip(vantage=vantage, rtt_ms=rtt_ms, kind=kind, samples=samples)
