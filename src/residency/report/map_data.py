"""What a map shows of a report or of located targets: points, the claim's area, and what cannot be drawn.

An endpoint is drawn where its feasible places have one country: at the site or provider region that it is known to,
else in the middle of that country. What has several countries, or none, is counted and not drawn: a point for it would
say more than is known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from residency.model.claim import Claim, claim_area
from residency.model.evidence import authors_of, has_proving_times
from residency.model.location import Location, Locations
from residency.model.network import Vantage
from residency.model.period import midnight
from residency.model.place import Area, Gazetteer, Place, Relation, great_circle_km
from residency.model.units import counted, format_bytes
from residency.model.verdict import ClaimResult, Finding, Report
from residency.report.map_shapes import LatLon
from residency.report.medium import printable
from residency.report.notebook_view import worst_first

LAND, AREA, EXCLUDED, BOTH = "land", "in the area", "excluded by times", "in the area, excluded by times"
FEASIBLE = "may be here"
_NAMED = 5  # so many hosts or addresses of a point are named
_NEAR_KM = 2_500.0  # the claim's countries that are no farther from a point come into view


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The endpoints of one place that lie alike: what a mark on the map stands for."""

    at: LatLon
    place: str
    is_exact: bool  # at a site or provider region; else the country is known and no more
    where: str  # inside | outside | unknown | located
    endpoints: int
    known_by: str
    said_by: str
    names: str
    flows: int | None = None
    bytes_seen: int | None = None

    @property
    def seen(self) -> str:
        """Its traffic in words; empty where there was none to see."""
        if self.flows is None:
            return ""
        return f"{counted(self.flows, 'conversation')}, {format_bytes(self.bytes_seen or 0)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapData:
    """One map: its headings, its points, the fill of each code of land that has one, and who looked from where."""

    title: str
    subtitle: tuple[str, ...]
    points: tuple[Point, ...]
    fills: Mapping[str, str]
    vantages: tuple[Vantage, ...] = ()
    sites: tuple[tuple[str, LatLon], ...] = ()  # that the claim names
    in_view: tuple[LatLon, ...] = ()


@dataclass(frozen=True, slots=True)
class Position:
    """Where something is drawn, and what that place is."""

    at: LatLon
    name: str
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Atlas:
    """What a map needs to know of the world: names and positions, and the middle of each code's land."""

    gazetteer: Gazetteer
    middles: Mapping[str, LatLon]

    def position(self, feasible: Collection[Place]) -> Position | None:
        """Return where to draw something; None where it has no one country on the map."""
        codes = {place.country for place in feasible}
        if len(codes) != 1:
            return None
        (code,) = codes
        name = self.gazetteer.countries.get(code, code)
        if len(feasible) == 1:
            (place,) = feasible
            spot = self.gazetteer.spot(place)
            if spot is not None and spot.lat is not None and spot.lon is not None:
                where = ", ".join(filter(None, (place.provider_region or place.site, spot.city, name)))
                return Position((spot.lat, spot.lon), where, is_exact=True)
        at = self.middles.get(code)
        return None if at is None else Position(at, f"somewhere in {name}", is_exact=False)

    def fills(self, area: Area | None, excluded: Collection[str]) -> dict[str, str]:
        """Return what is said of each code that has land on the map, where anything is."""
        found = {}
        for code in self.middles:
            place = Place(code[:2], part=code if "-" in code else None)
            is_in = area is not None and area.relation(place) is Relation.INSIDE
            is_excluded = code[:2] in excluded
            if is_in or is_excluded:
                found[code] = BOTH if is_in and is_excluded else AREA if is_in else EXCLUDED
        return found

    def nearby(self, fills: Mapping[str, str], points: Sequence[LatLon]) -> tuple[LatLon, ...]:
        """Return the middles of the area's countries that are near a point: they belong in the picture."""
        in_area = [self.middles[code] for code, fill in sorted(fills.items()) if fill in (AREA, BOTH)]
        return tuple(at for at in in_area if any(great_circle_km(*at, *point) <= _NEAR_KM for point in points))


def of_report(report: Report, atlas: Atlas, claim: str | None = None) -> tuple[MapData, ...]:
    """Return a map for each claim that has findings, or for the one named; raises KeyError for an unknown one."""
    results = report.claims if claim is None else (report.result(claim),)
    found = {result.id: report.findings_of(result.id) for result in results}
    shown = [result for result in worst_first(results) if found[result.id]] or list(results[:1])
    return tuple(_of_claim(report, result, found[result.id], atlas) for result in shown)


def _of_claim(report: Report, result: ClaimResult, findings: Sequence[Finding], atlas: Atlas) -> MapData:
    groups = _Groups(atlas)
    for f in findings:
        name = f.seen.host or f.seen.server_ip
        known = [count for count in (f.seen.bytes_sent, f.seen.bytes_received) if count is not None]
        groups.add(f, f.place.value, name, flows=f.seen.flows, bytes_seen=sum(known))
    area = claim_area(result.claim, atlas.gazetteer, report.as_of)
    counts = ", ".join(
        f"{tally.endpoints:,} {outcome.value.replace('_', ' ')}"
        for outcome, tally in result.outcomes.items()
        if tally.endpoints
    )
    return _map_data(
        groups,
        title=f"{result.id}: {result.verdict.value}",
        subtitle=[f"endpoints: {counts or 'none in scope'}"],
        area=None if _says_anywhere(result.claim) else area,
        excluded=_excluded_of_all(findings),
        vantages=tuple(check.vantage for check in report.vantages),
        sites=_named_sites(result.claim, atlas.gazetteer),
    )


def _says_anywhere(claim: Claim) -> bool:
    return not claim.allow and not claim.forbid


def of_locations(found: Locations, atlas: Atlas) -> tuple[MapData, ...]:
    """Return the one map of located targets."""
    within = ", ".join(found.within)
    area = atlas.gazetteer.area(found.within, midnight(found.as_of)) if found.within else None
    title = f"{counted(len(found), 'target')}, {found.as_of.isoformat()}"
    return (
        _map_data(
            _located(found, atlas),
            title=title + (f", held against {within}" if within else ""),
            subtitle=[],
            area=area,
            excluded=_excluded_of_all(found),
            vantages=tuple(check.vantage for check in found.vantages),
        ),
    )


def of_location(item: Location, atlas: Atlas) -> tuple[MapData, ...]:
    """Return the map of one located target; where it has several feasible countries, these are shaded."""
    groups = _located([item], atlas)
    may_hold = {code: FEASIBLE for code in item.countries if code in atlas.middles} if groups.not_drawn else {}
    groups.not_drawn = 0
    subtitle = [f"may be in {_some_of(item.countries)}"] if may_hold else []
    drawn = _map_data(groups, title=item.target, subtitle=subtitle, area=None, excluded=_excluded_of_all([item]))
    middles = tuple(atlas.middles[code] for code in sorted(may_hold))
    return (replace(drawn, fills={**drawn.fills, **may_hold}, in_view=(*drawn.in_view, *middles)),)


def _some_of(codes: Sequence[str]) -> str:
    return f"any of {len(codes)} countries" if len(codes) > _NAMED else " or ".join(codes)


def _located(items: Iterable[Location], atlas: Atlas) -> _Groups:
    groups = _Groups(atlas)
    for item in items:
        groups.add(item, "located" if item.where is None else item.where.value, item.host or item.target)
    return groups


def _map_data(
    groups: _Groups,
    *,
    title: str,
    subtitle: list[str],
    area: Area | None,
    excluded: Collection[str],
    vantages: tuple[Vantage, ...] = (),
    sites: tuple[tuple[str, LatLon], ...] = (),
) -> MapData:
    points = groups.points()
    fills = groups.atlas.fills(area, excluded)
    if groups.not_drawn:
        are = "has no single country and is" if groups.not_drawn == 1 else "have no single country and are"
        subtitle = [*subtitle, f"{groups.not_drawn:,} {are} not drawn"]
    if any(not point.is_exact for point in points):
        subtitle = [*subtitle, "pale: known to be somewhere in the country, drawn in its middle"]
    if excluded:
        where = "1 country" if len(excluded) == 1 else f"{len(excluded):,} countries"
        subtitle = [*subtitle, f"proven by round-trip times: nothing that was timed is in {where}"]
    seen = [*(point.at for point in points), *((v.lat, v.lon) for v in vantages)]
    return MapData(
        title=printable(title, 100),
        subtitle=tuple(printable(line, 120) for line in subtitle),
        points=points,
        fills=fills,
        vantages=vantages,
        sites=sites,
        in_view=(*seen, *(at for _, at in sites), *groups.atlas.nearby(fills, seen)),
    )


def _excluded_of_all(items: Iterable[Finding | Location]) -> tuple[str, ...]:
    """Return the countries excluded for everything that was timed: what is excluded for one may hold another.

    Only times that prove count; the others, whose vantage passed no test, are not drawn.
    """
    timed = [frozenset(item.excluded) for item in items if item.excluded and has_proving_times(item.evidence)]
    return tuple(sorted(frozenset.intersection(*timed))) if timed else ()


def _named_sites(claim: Claim, gazetteer: Gazetteer) -> tuple[tuple[str, LatLon], ...]:
    """Return the sites and provider regions that the claim allows by name and whose position is published."""
    found = []
    for name in claim.allow:
        spot = gazetteer.spot(gazetteer.place(name)) if name.startswith(("site:", "provider:")) else None
        if spot is not None and spot.lat is not None and spot.lon is not None:
            found.append((name, (spot.lat, spot.lon)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Member:
    """One endpoint of a point."""

    name: str
    known_by: str
    said_by: tuple[str, ...]
    flows: int | None
    bytes_seen: int


def _named(names: Iterable[str]) -> str:
    distinct = sorted(set(names))
    more = len(distinct) - _NAMED
    return printable(", ".join(distinct[:_NAMED]), 300) + (f" and {more:,} more" if more > 0 else "")


@dataclass(slots=True)
class _Groups:
    """Endpoints gathered by where they are drawn and how they lie."""

    atlas: Atlas
    not_drawn: int = 0
    _members: dict[tuple[Position, str], list[_Member]] = field(default_factory=dict)

    def add(
        self, item: Finding | Location, where: str, name: str, *, flows: int | None = None, bytes_seen: int = 0
    ) -> None:
        """Take in one endpoint, or count it as not drawn."""
        found = self.atlas.position(item.feasible)
        if found is None:
            self.not_drawn += 1
            return
        said_by = authors_of(item.evidence, item.assurance)
        member = _Member(name, item.assurance.value, said_by, flows, bytes_seen)
        self._members.setdefault((found, where), []).append(member)

    def points(self) -> tuple[Point, ...]:
        """Return the points, those with most traffic first, so that small ones are drawn on top."""
        made = [
            Point(
                at=position.at,
                place=position.name,
                is_exact=position.is_exact,
                where=where,
                endpoints=len(members),
                known_by=", ".join(sorted({m.known_by for m in members})),
                said_by=printable(", ".join(sorted({a for m in members for a in m.said_by})), 200),
                names=_named([m.name for m in members]),
                flows=None if members[0].flows is None else sum(m.flows or 0 for m in members),
                bytes_seen=None if members[0].flows is None else sum(m.bytes_seen for m in members),
            )
            for (position, where), members in self._members.items()
        ]
        return tuple(sorted(made, key=lambda p: (-(p.bytes_seen or 0), p.place, p.where)))
