"""Which endpoints of a claim stand where on the map, by what the report says of them and nothing else.

An endpoint with one feasible site stands there, one with one feasible country at that country's label. One with a few
feasible countries may be at any of them, and is drawn at each as a possibility. The rest is counted, not drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from residency.model.atlas import Atlas
from residency.report.html.words import Doc

Codes = tuple[str, ...]

MOST_CANDIDATES = 6


@dataclass(slots=True, kw_only=True)
class Load:
    """What endpoints carry together."""

    endpoints: int = 0
    flows: int = 0
    bytes: int = 0

    def add(self, other: Load) -> None:
        """Count what other endpoints carry too."""
        self.endpoints += other.endpoints
        self.flows += other.flows
        self.bytes += other.bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Endpoints of one place (inside, outside, unknown) that stand at one point, or may stand there."""

    lat: float
    lon: float
    name: str
    label: str  # its short form, for the map
    place: str
    is_certain: bool
    load: Load = field(default_factory=Load, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """All endpoints of a claim: at points, by country and place, and how many of each place have no one point.

    `possible` counts those drawn at several points, `adrift` those drawn at none.
    """

    spots: tuple[Spot, ...]
    possible: Counter[str]
    adrift: Counter[str]
    countries: Mapping[tuple[str, str], Load]


def spread(findings: Iterable[Doc], atlas: Atlas) -> Spread:
    """Put every finding where it stands; each is counted once in certain spots, `possible` or `adrift`."""
    spots: dict[tuple[str, str, bool], Spot] = {}
    possible, adrift = Counter[str](), Counter[str]()
    by_country: dict[tuple[str, str], Load] = {}
    for (place, countries, sites), load in _alike(findings).items():
        points = _points(countries, sites, atlas)
        is_certain = len(points) == 1
        if not is_certain:
            (possible if points else adrift)[place] += load.endpoints
        for name, label, (lat, lon) in points:
            spot = Spot(lat=lat, lon=lon, name=name, label=label, place=place, is_certain=is_certain)
            spots.setdefault((name, place, is_certain), spot).load.add(load)
        by_country.setdefault((_country(countries, atlas), place), Load()).add(load)
    in_order = sorted(spots.values(), key=lambda s: (s.is_certain, -s.load.bytes, s.name, s.place))
    return Spread(spots=tuple(in_order), possible=possible, adrift=adrift, countries=by_country)


def _alike(findings: Iterable[Doc]) -> dict[tuple[str, Codes, Codes], Load]:
    """Return what findings carry by (place, countries, sites): many endpoints share theirs."""
    found: dict[tuple[str, Codes, Codes], Load] = {}
    for f in findings:
        load = found.setdefault((f["place"], tuple(f["countries"]), tuple(f["sites"])), Load())
        load.endpoints += 1
        load.flows += f["flows"]
        load.bytes += (f["bytes_sent"] or 0) + (f["bytes_received"] or 0)
    return found


def _points(countries: Codes, sites: Codes, atlas: Atlas) -> Sequence[tuple[str, str, tuple[float, float]]]:
    """Return (name, short name, position) of each point where the endpoint stands or may stand."""
    if len(countries) == 1 and len(sites) == 1:
        where, city = atlas.position(countries[0], sites[0]), atlas.city(sites[0])
        return [(f"{city}, {atlas.name(countries[0])}", city, where)] if where else []
    if not 0 < len(countries) <= MOST_CANDIDATES:
        return []
    known = [(atlas.name(code), atlas.name(code), atlas.position(code)) for code in countries]
    points = [(name, label, where) for name, label, where in known if where is not None]
    return points if len(points) == len(countries) else []


def _country(countries: Codes, atlas: Atlas) -> str:
    names = [atlas.name(code) for code in countries]
    if len(names) > MOST_CANDIDATES:
        return f"one of {len(names)} countries"
    return " or ".join(names) or "no place known"
