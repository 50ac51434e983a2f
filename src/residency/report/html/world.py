"""A claim on the world: its area, where its endpoints are or may be, and what round-trip times leave and exclude.

Shapes are drawn once a page (`land`); each map refers to them. What a map shows stands in words beneath it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from residency.limits import LIMITS
from residency.model.atlas import Atlas
from residency.model.place import EARTH_RADIUS_KM, Relation, UnknownPlaceError
from residency.model.units import LIGHT_KM_PER_S, counted, format_bytes
from residency.report.html.labels import labelled
from residency.report.html.land import land_paths
from residency.report.html.markup import Child, el, joined, number, shown, table
from residency.report.html.projection import HEIGHT, SOUTH, WIDTH, point
from residency.report.html.spots import Spot, Spread, spread
from residency.report.html.words import PLACES, Doc, day, icon, listed, parsed

_LEAST, _GROWTH = 9.0, 22.0  # radius of a mark in units of the canvas, and what the most bytes add
_MOST_BOUNDS, _FARTHEST_KM = 8, 5_000.0
_TILTED = "M0-{r}L{r} 0L0 {r}L-{r} 0z"
_SQUARE = "M-{r}-{r}H{r}V{r}H-{r}z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shading:
    """What land is shaded: the claim's `area`, what is `forbidden`, or nothing where a place is `unknown` here.

    `codes` are those wholly in it (`in`), and those of which a part may be (`partly`).
    """

    name: str
    codes: Mapping[str, Sequence[str]]


def land(atlas: Atlas) -> Markup:
    """Return the outlines of all land, once for the whole page."""
    paths = [el("path", id=f"l-{code}", d=path) for code, path in sorted(land_paths(atlas).items())]
    hatch = el("path", d="M0 8L8 0M-2 2L2-2M6 10L10 6")
    pattern = el("pattern", hatch, id="hatch", width=8, height=8, patternUnits="userSpaceOnUse")
    return el(
        "svg", el("defs", el("g", *paths, id="land"), pattern), class_="defs", aria_hidden="true", width=0, height=0
    )


def figure(document: Doc, claim: Doc, findings: Sequence[Doc], atlas: Atlas) -> Markup:
    """Return the map of one claim with its legend and its table in words."""
    told = spread(findings, atlas)
    shaded = shading_of(claim, document["as_of"], atlas)
    excluded = excluded_by_all(findings)
    bounds = list(_bounds(findings, document["vantages"]))
    most = max((spot.load.bytes for spot in told.spots), default=0)
    drawing = el(
        "svg",
        el("path", d=_edge(), class_="sea"),
        el("use", href="#land", class_="land"),
        *(_group(f"{shaded.name} {degree}", codes) for degree, codes in shaded.codes.items()),
        _group("excluded", excluded) if excluded else None,
        *(_mark(spot, most) for spot in told.spots),
        *(_circle(*bound) for bound in bounds),
        *(_vantage(vantage) for vantage in document["vantages"]),
        labelled([(point(s.lat, s.lon), _radius(s, most), s.label if s.is_certain else "") for s in _by_weight(told)]),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=_in_a_sentence(claim, told),
    )
    legend = _legend(document, told, shaded, excluded, bounds)
    return el("figure", drawing, el("figcaption", legend), in_words(told), class_="map")


def shading_of(claim: Doc, as_of: str, atlas: Atlas) -> Shading:
    """Return the land of the claim's area; of a claim that only says where not, the forbidden land."""
    gazetteer, at = atlas.gazetteer, parsed(as_of)
    allow, forbid = claim["allow"], claim["forbid"]
    try:
        area = gazetteer.area(allow or forbid, at)
        area = area - gazetteer.area(forbid, at) if allow and forbid else area
    except UnknownPlaceError:  # a place that a later version of the shipped data names
        return Shading(name="unknown", codes={})
    found = list(zip(atlas.codes, map(area.relation, atlas.places), strict=True))
    degrees = {"in": Relation.INSIDE, "partly": Relation.PARTLY}
    codes = {degree: tuple(code for code, is_ in found if is_ is wanted) for degree, wanted in degrees.items()}
    return Shading(name="area" if allow else "forbidden", codes=codes)


def excluded_by_all(findings: Iterable[Doc]) -> list[str]:
    """Return the countries that round-trip times exclude for each endpoint that they exclude any for."""
    timed = [frozenset(finding["excluded"]) for finding in findings if finding["excluded"]]
    return sorted(frozenset.intersection(*timed)) if timed else []


def _group(name: str, codes: Iterable[str]) -> Markup:
    return el("g", *(el("use", href=f"#l-{code}") for code in codes), class_=name)


def _edge() -> str:
    """Return the outline of the canvas: the 180th meridian on both sides."""
    lats = range(90, int(SOUTH) - 1, -4)
    points = [point(lat, -180) for lat in lats] + [point(lat, 179.999) for lat in reversed(lats)]
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points) + "z"


def _radius(spot: Spot, most: int) -> float:
    """Return a radius whose square grows with the bytes."""
    return round(_LEAST + _GROWTH * math.sqrt(spot.load.bytes / most), 1) if most else _LEAST


def _by_weight(told: Spread) -> list[Spot]:
    return sorted(told.spots, key=lambda spot: (PLACES.index(spot.place), -spot.load.bytes, spot.name))


def _mark(spot: Spot, most: int) -> Markup:
    x, y = point(spot.lat, spot.lon)
    load, verb = spot.load, "" if spot.is_certain else "may be here: "
    carried = f"{counted(load.flows, 'flow')}, {format_bytes(load.bytes)}"
    title = f"{spot.name}: {verb}{counted(load.endpoints, 'endpoint')} {spot.place}, {carried}"
    return el(
        "g",
        el("g", el("title", title), _shape(spot.place, _radius(spot, most)), class_="shape"),
        class_=f"mark {spot.place}{'' if spot.is_certain else ' possible'}",
        transform=f"translate({x:g} {y:g})",
        data_endpoints=load.endpoints,
        data_place=spot.place,
        data_certain="yes" if spot.is_certain else "no",
    )


def _shape(place: str, r: float) -> Markup:
    """Return a disc for inside, a diamond for outside, a hollow square for unknown, all of like weight."""
    if place == "inside":
        return el("circle", r=r)
    form, factor = (_TILTED, 1.2) if place == "outside" else (_SQUARE, 0.85)
    return el("path", d=form.format(r=round(r * factor, 1)))


def _vantage(vantage: Doc) -> Markup:
    x, y = point(vantage["lat"], vantage["lon"])
    title = el("title", f"vantage {vantage['name'] or '(unnamed)'}: {vantage['standing']}")
    shape = el("g", title, el("path", d="M-14 0H14M0-14V14"), class_="shape")
    return el("g", shape, class_="mark vantage", transform=f"translate({x:g} {y:g})")


Bound = tuple[Doc, Doc, float]


def _bounds(findings: Iterable[Doc], vantages: Sequence[Doc]) -> Iterable[Bound]:
    """Yield (vantage, finding, km) for the tightest bounds of vantages that passed their test."""
    passed = {v["name"]: v for v in vantages if v["standing"] == "passed"}
    only = next(iter(passed.values())) if len(vantages) == len(passed) == 1 else None
    found: dict[tuple[str, int], Bound] = {}
    for finding in findings:
        vantage = passed.get(finding["vantage"], only)
        if vantage is None or finding["min_rtt_ms"] is None:
            continue
        km = finding["min_rtt_ms"] * LIGHT_KM_PER_S / 2_000 + vantage["radius_km"]
        if km <= _FARTHEST_KM:
            found.setdefault((vantage["name"], round(km)), (vantage, finding, km))
    return sorted(found.values(), key=lambda bound: (bound[2], bound[1]["id"]))[:_MOST_BOUNDS]


def _circle(vantage: Doc, finding: Doc, km: float) -> Markup:
    title = f"{finding['server_ip']} is within {km:,.0f} km of {vantage['name'] or 'the vantage'}"
    return el("path", el("title", title), d=circle_path(vantage["lat"], vantage["lon"], km), class_="bound")


def circle_path(lat: float, lon: float, km: float) -> str:
    """Return the points at `km` from a point, parted where they cross the 180th meridian."""
    points = [_destination(lat, lon, km, bearing) for bearing in range(0, 361, 4)]
    moves = ["M", *("M" if abs(b[1] - a[1]) > 180 else "L" for a, b in pairwise(points))]
    return "".join(f"{move}{x:g} {y:g}" for move, (x, y) in zip(moves, (point(*p) for p in points), strict=True))


def _destination(lat: float, lon: float, km: float, bearing: float) -> tuple[float, float]:
    phi, angle, turn = math.radians(lat), km / EARTH_RADIUS_KM, math.radians(bearing)
    sine = math.sin(phi) * math.cos(angle) + math.cos(phi) * math.sin(angle) * math.cos(turn)
    there = math.asin(max(-1.0, min(1.0, sine)))
    east = math.atan2(math.sin(turn) * math.sin(angle) * math.cos(phi), math.cos(angle) - math.sin(phi) * sine)
    return math.degrees(there), (lon + math.degrees(east) + 180) % 360 - 180


def _in_a_sentence(claim: Doc, told: Spread) -> str:
    some = [f"{name} ({place}): {load.endpoints}" for (name, place), load in told.countries.items()]
    return f"World map of claim {claim['id']}: its area, and endpoints by place. {listed(some, 12)}."


def _legend(document: Doc, told: Spread, shaded: Shading, excluded: Sequence[str], bounds: Sequence[Bound]) -> Markup:
    items: list[Child] = [*(_counts(place, told) for place in PLACES), _area(shaded, document["as_of"])]
    if excluded:
        items.append(joined([el("i", class_="swatch excluded"), "excluded by round-trip times"]))
    if document["vantages"]:
        vantages = [f"{v['name'] or '(unnamed)'} ({v['standing']})" for v in document["vantages"]]
        items.append(joined([icon("vantage"), f"vantage {listed(vantages, 5)}"]))
    if bounds:
        items.append(f"circles: no farther from the vantage, by the speed of light (the {len(bounds)} tightest)")
    return joined([el("span", item) for item in items])


def _area(shaded: Shading, as_of: str) -> Markup:
    if shaded.name == "unknown":
        return shown("the claim names a place that this map does not know")
    what = "the claim's area" if shaded.name == "area" else "where the claim says not"
    partly = "; paler: a part of it" if shaded.codes["partly"] else ""
    return joined([el("i", class_=f"swatch {shaded.name}"), f"{what}, as of {day(as_of)}{partly}"])


def _counts(place: str, told: Spread) -> Markup:
    at = sum(spot.load.endpoints for spot in told.spots if spot.is_certain and spot.place == place)
    beside = [(told.possible[place], "at one of several points"), (told.adrift[place], "not drawn")]
    more = "".join(f", {count:,} {words}" for count, words in beside if count)
    return joined([icon(place), f"{place}: {at:,} drawn{more}"])


def in_words(told: Spread) -> Markup:
    """Return what the map shows as a table of countries."""
    order = sorted(told.countries.items(), key=lambda item: (PLACES.index(item[0][1]), -item[1].bytes, item[0]))
    rows = [
        [name, where, number(load.endpoints), number(load.flows), number(load.bytes, format_bytes(load.bytes))]
        for (name, where), load in order[: LIMITS.max_rows_in_page]
    ]
    more = len(order) - len(rows)
    headings = ("Country", "Place", *(el("span", text, class_="n") for text in ("Endpoints", "Flows", "Bytes")))
    return el(
        "details",
        el("summary", "The map in words"),
        table("Endpoints by country", headings, rows),
        el("p", f"and {more:,} more rows") if more > 0 else None,
        class_="print",
    )
