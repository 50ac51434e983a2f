"""Places, areas and the gazetteer that knows which place belongs to which area at which date.

A `Place` is the smallest thing evidence says ("Ireland", "aws/eu-west-1 in Ireland"). An `Area` is a set of
places at one date. Asked about a place, an area answers in three values, since "somewhere in Ireland"
may or may not be a given site in Dublin. The three values form a lattice (outside < partly < inside), so the
set algebra of areas keeps its laws: union is the greater answer, intersection the lesser, complement the swap.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from residency.errors import did_you_mean
from residency.model.period import Period

EARTH_RADIUS_KM = 6371.0088


class Relation(IntEnum):
    """How a place lies to an area."""

    OUTSIDE = 0
    PARTLY = 1
    INSIDE = 2


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One feasible place: a country, or something known more closely within it.

    `provider_region` is `provider/border-group`, as `aws/eu-west-1` or `aws/eu-central-1-ist-1`;
    `site` is the part after `site:`, as `tiktok/hamar`.
    """

    country: str
    part: str | None = None
    provider_region: str | None = None
    site: str | None = None

    def __str__(self) -> str:
        detail = self.part or self.provider_region or self.site
        return self.country if detail is None else f"{self.country} ({detail})"


def countries_of(places: Iterable[Place]) -> tuple[str, ...]:
    """Return the countries of places, sorted."""
    return tuple(sorted({place.country for place in places}))


def sites_of(places: Collection[Place]) -> tuple[str, ...]:
    """Return the sites and provider regions of places as claims name them, sorted."""
    sites = {f"site:{place.site}" for place in places if place.site}
    return tuple(sorted(sites | {f"provider:{place.provider_region}" for place in places if place.provider_region}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a site or provider region stands: a point known to `radius_km`; None where nobody published it."""

    country: str
    lat: float | None = None
    lon: float | None = None
    radius_km: float | None = None
    city: str = ""

    def may_touch(self, other: Spot) -> bool:
        """May the two be the same place? False only where country or distance excludes it."""
        if self.country != other.country:
            return False
        if None in (self.lat, self.lon, self.radius_km, other.lat, other.lon, other.radius_km):
            return True
        reach = (self.radius_km or 0.0) + (other.radius_km or 0.0)
        return great_circle_km(self.lat or 0.0, self.lon or 0.0, other.lat or 0.0, other.lon or 0.0) <= reach


def great_circle_km(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """Return the distance of two points on the mean sphere in km (haversine); within 0.6 % of the ellipsoid."""
    phi_a, phi_b = math.radians(lat_a), math.radians(lat_b)
    half_phi, half_lambda = (phi_b - phi_a) / 2, math.radians(lon_b - lon_a) / 2
    h = math.sin(half_phi) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(half_lambda) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(h)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A declared data centre: operator, position ± km, its dates, and who says so."""

    id: str
    operator: str
    name: str
    city: str
    spot: Spot
    status: str
    announced: datetime | None = None
    opened: datetime | None = None
    closed: datetime | None = None
    landlord: str = ""
    source: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRegion:
    """A cloud provider's region or local zone, by border group, with its position ± km and source."""

    provider: str
    region: str
    border_group: str
    spot: Spot
    source: str = ""
    mark: str = ""

    @property
    def key(self) -> str:
        """`provider/border-group`, the name used in places; the border group is the region itself but in AWS."""
        return f"{self.provider}/{self.border_group or self.region}"


@dataclass(frozen=True, slots=True)
class Members:
    """What an area names directly; `mixed` holds countries of which only a part belongs to it."""

    world: bool = False
    countries: frozenset[str] = frozenset()
    mixed: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    regions: Mapping[str, Spot] = field(default_factory=dict)
    sites: Mapping[str, Spot] = field(default_factory=dict)

    def relation(self, place: Place, spot: Spot | None) -> Relation:
        """Answer for one place, whose own position is `spot` where it is known more closely than a country."""
        if self.world or place.country in self.countries or place.part in self.parts:
            return Relation.INSIDE
        if place.country in UNDECIDED_COUNTRIES:
            return Relation.PARTLY
        if place.provider_region in self.regions or place.site in self.sites:
            return Relation.INSIDE
        if place.country in self.mixed or self._may_share_part(place) or self._may_share_spot(place, spot):
            return Relation.PARTLY
        return Relation.OUTSIDE

    def _may_share_part(self, place: Place) -> bool:
        return place.part is None and any(part.startswith(place.country + "-") for part in self.parts)

    def _may_share_spot(self, place: Place, spot: Spot | None) -> bool:
        known = spot or Spot(country=place.country)
        return any(known.may_touch(s) for named in (self.regions, self.sites) for s in named.values())


@dataclass(frozen=True, slots=True)
class Area:
    """A set of places at one date; build it with `Gazetteer.area` and combine it with |, & and -.

    `label` is how a person wrote it; it takes no part in answers.
    """

    op: str  # "members" | "or" | "and" | "not"
    gazetteer: Gazetteer = field(repr=False, compare=False)
    members: Members | None = None
    operands: tuple[Area, ...] = ()
    label: str = field(default="", compare=False)
    _answers: dict[Place, Relation] = field(default_factory=dict, init=False, repr=False, compare=False)

    def relation(self, place: Place) -> Relation:
        """Say whether `place` lies inside, outside, or perhaps partly inside."""
        if self.members is not None:
            return self.members.relation(place, self.gazetteer.spot(place))
        answers = [operand.relation(place) for operand in self.operands]
        if self.op == "not":
            return Relation(2 - answers[0])
        return max(answers) if self.op == "or" else min(answers)

    def relation_of_all(self, places: Iterable[Place]) -> Relation:
        """Judge a set of feasible places: inside if every one is, outside if none can be, else partly."""
        common: Relation | None = None
        for place in places:
            found = self._answered(place)
            if found is Relation.PARTLY or (common is not None and found is not common):
                return Relation.PARTLY
            common = found
        return Relation.PARTLY if common is None else common

    def _answered(self, place: Place) -> Relation:
        """Return the relation, kept: discs of round-trip times ask for the same dozens of places again and again."""
        found = self._answers.get(place)
        if found is None:
            found = self._answers[place] = self.relation(place)
        return found

    def __or__(self, other: Area) -> Area:
        return Area("or", self.gazetteer, operands=(self, other), label=f"{self.label}, {other.label}")

    def __and__(self, other: Area) -> Area:
        return Area("and", self.gazetteer, operands=(self, other), label=f"{self.label} and {other.label}")

    def __sub__(self, other: Area) -> Area:
        return Area("and", self.gazetteer, operands=(self, ~other), label=f"{self.label} without {other.label}")

    def __invert__(self) -> Area:
        return Area("not", self.gazetteer, operands=(self,), label=f"outside {self.label}")

    def __contains__(self, what: Place | str) -> bool:
        """Does it wholly contain a place, or a country given by its code?"""
        place = self.gazetteer.place(what) if isinstance(what, str) else what
        return self.relation(place) is Relation.INSIDE

    def __le__(self, other: Area) -> bool:
        """Is it a subset: is every place at least as much inside `other`?"""
        return all(self.relation(p) <= other.relation(p) for p in self.gazetteer.known_places)

    def isdisjoint(self, other: Area) -> bool:
        """Have the two no place in common?"""
        return all(min(self.relation(p), other.relation(p)) is Relation.OUTSIDE for p in self.gazetteer.known_places)

    def countries(self) -> tuple[str, ...]:
        """The countries wholly inside, sorted."""
        return tuple(c for c in sorted(self.gazetteer.countries) if self.relation(Place(c)) is Relation.INSIDE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """One dated row of data/jurisdictions.csv: `code` belongs to `set_name` in `period`, with `status`."""

    set_name: str
    code: str
    period: Period
    status: str


class UnknownPlaceError(ValueError):
    """A place name that is not known or must not be used; the message says what to write instead."""


# How the named sets are made of rows: added sets, subtracted sets, mixed sets (a part of the country belongs).
_RECIPES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "EU": (("EU", "EU_TERRITORY"), ("EU_EXCLUDED",), ()),
    "EEA": (("EEA", "EEA_TERRITORY"), (), ("EEA_MIXED",)),
    "ADEQUATE": (("EU_ADEQUACY",), (), ()),
}
_ALIASES = {"UK": "GB", "EL": "GR"}
_RESERVED_PARTS = {"IC": ("ES-CN",), "EA": ("ES-CE", "ES-ML")}
PSEUDO_COUNTRIES = frozenset({"EU", "AP", "ZZ", "A1", "A2", "XX", "T1", "O1", ""})
# Codes that name no one country: evidence that says them is unknown, never outside.
UNDECIDED_COUNTRIES = PSEUDO_COUNTRIES | frozenset(_ALIASES) | frozenset(_RESERVED_PARTS)
_PART = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}")
_EUROPE = "say EU, EEA, EFTA, GDPR or VENDOR:…, or list the countries: `Europe` has no agreed border"


class Gazetteer:
    """Countries, dated sets, sites and provider regions; immutable once built (see `sources.gazetteer`)."""

    def __init__(
        self,
        *,
        countries: Mapping[str, str],
        memberships: Iterable[Membership],
        sites: Iterable[Site],
        regions: Iterable[ProviderRegion],
    ) -> None:
        self.countries = dict(countries)
        self.memberships = tuple(memberships)
        self.sites = {site.id.removeprefix("site:"): site for site in sites}
        self.regions = {region.key: region for region in regions}
        self._spots = {Place(s.spot.country, site=key): s.spot for key, s in self.sites.items()}
        self._spots |= {Place(r.spot.country, provider_region=key): r.spot for key, r in self.regions.items()}
        self._by_set: dict[str, list[Membership]] = {}
        for row in self.memberships:
            self._by_set.setdefault(row.set_name, []).append(row)
        parts = {row.code for row in self.memberships if _PART.fullmatch(row.code)}
        self.known_places: tuple[Place, ...] = tuple(
            [Place(code) for code in self.countries] + [Place(p[:2], part=p) for p in sorted(parts)] + list(self._spots)
        )

    @property
    def set_names(self) -> tuple[str, ...]:
        """The named sets a claim may use, sorted."""
        inner = {n for added, minus, mixed in _RECIPES.values() for n in (*added, *minus, *mixed)}
        usable = {name for name in self._by_set if name not in inner and name != "CODE_TRAP"}
        return tuple(sorted(usable | set(_RECIPES) | {"WORLD"}))

    def spot(self, place: Place) -> Spot | None:
        """Return the position of a site or provider region, None for a mere country or part."""
        return self._spots.get(place)

    def place(self, code: str) -> Place:
        """Return the place of one country, part, site or provider region; raises UnknownPlaceError for a set."""
        kind, value = self._read(code)
        if kind == "country":
            return Place(value)
        if kind == "part":
            return Place(value[:2], part=value)
        if kind == "site":
            return Place(self.sites[value].spot.country, site=value)
        if kind == "region":
            return Place(self.regions[value].spot.country, provider_region=value)
        raise UnknownPlaceError(f"`{code}` is a set of places, not one place")

    def area(self, names: Iterable[str], at: datetime) -> Area:
        """Return the union of the named places and sets as they stood at `at` (aware).

        Raises UnknownPlaceError, with what to write instead, for a name that is none.
        """
        listed = tuple(names)
        parts: list[Members] = [self._members(name, at) for name in listed]
        return Area("members", self, members=_union(parts), label=", ".join(listed))

    def check(self, name: str) -> None:
        """Raise UnknownPlaceError if `name` is no place or set that a claim may use."""
        self._read(name)

    def edges(self, names: Iterable[str]) -> frozenset[datetime]:
        """Return the instants at which the membership of any named set changes."""
        found: set[datetime] = set()
        for name in names:
            kind, value = self._read(name)
            if kind == "set" and value != "WORLD":
                for row in self._rows(value):
                    found.update(row.period.edges)
        return frozenset(found)

    def _rows(self, set_name: str) -> list[Membership]:
        added, minus, mixed = _RECIPES.get(set_name, ((set_name,), (), ()))
        return [row for name in (*added, *minus, *mixed) for row in self._by_set.get(name, ())]

    def _read(self, name: str) -> tuple[str, str]:
        """Classify a name as (kind, value)."""
        code = _ALIASES.get(name, name)
        if code in self.set_names:
            return "set", code
        if code in _RESERVED_PARTS:
            return "parts", code
        if code in self.countries:
            return "country", code
        if _PART.fullmatch(code) and code[:2] in self.countries:
            return "part", code
        kind, _, value = code.partition(":")
        if kind == "site" and value in self.sites:
            return "site", value
        if kind == "provider" and value in self.regions:
            return "region", value
        raise UnknownPlaceError(self._advice(name, kind, value))

    def _advice(self, name: str, kind: str, value: str) -> str:
        if name.lower() == "europe":
            return _EUROPE
        if "+" in name:
            return f'`{name}`: write a list instead of a sum, as in ["EEA", "CH"]'
        if kind == "site":
            return f"no site `{value}` is known; see `residency sites list`{did_you_mean(value, self.sites)}"
        if kind == "provider":
            hint = did_you_mean(value, self.regions)
            return (
                f"no provider region `{value}` is known; write provider:NAME/REGION (see `residency sites list`){hint}"
            )
        if kind == "VENDOR":
            vendor_sets = ", ".join(n for n in self.set_names if n.startswith("VENDOR:"))
            return f"no vendor set `{name}` is known; one of {vendor_sets}"
        if name.upper() in self.countries or name.upper() in self.set_names:
            return f"`{name}`: codes are upper case; write {name.upper()}"
        return (
            f"`{name}` is no place known here; use an ISO 3166-1 code (IE), an ISO 3166-2 code (ES-CN), "
            "a set (EU, EEA, EFTA, ADEQUATE, WORLD, VENDOR:…), site:… or provider:…"
            + did_you_mean(name, self.set_names)
        )

    def _members(self, name: str, at: datetime) -> Members:
        kind, value = self._read(name)
        if kind == "set":
            return Members(world=True) if value == "WORLD" else self._set_members(value, at)
        if kind == "country":
            return Members(countries=frozenset({value}))
        if kind == "parts":
            return Members(parts=frozenset(_RESERVED_PARTS[value]))
        if kind == "part":
            return Members(parts=frozenset({value}))
        if kind == "site":
            return Members(sites={value: self.sites[value].spot})
        return Members(regions={value: self.regions[value].spot})

    def _set_members(self, name: str, at: datetime) -> Members:
        added, minus, mixed = _RECIPES.get(name, ((name,), (), ()))
        codes = self._codes(added, at) - self._codes(minus, at)
        return Members(
            countries=frozenset(c for c in codes if c in self.countries),
            parts=frozenset(c for c in codes if _PART.fullmatch(c)),
            mixed=frozenset(self._codes(mixed, at)),
        )

    def _codes(self, set_names: Iterable[str], at: datetime) -> set[str]:
        rows = [row for name in set_names for row in self._by_set.get(name, ()) if at in row.period]
        return {row.code for row in rows if row.status != "partial"}


def _union(parts: list[Members]) -> Members:
    return Members(
        world=any(p.world for p in parts),
        countries=frozenset().union(*(p.countries for p in parts)),
        mixed=frozenset().union(*(p.mixed for p in parts)),
        parts=frozenset().union(*(p.parts for p in parts)),
        regions={k: v for p in parts for k, v in p.regions.items()},
        sites={k: v for p in parts for k, v in p.sites.items()},
    )
