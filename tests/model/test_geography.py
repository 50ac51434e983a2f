"""Distances to the land of countries: never above the truth where they exclude, never below it where they confirm."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from geographiclib.geodesic import Geodesic
from hypothesis import given
from hypothesis import strategies as st

from residency.model.borders import Outlines, Rings
from residency.model.distance_field import Excluded
from residency.model.ellipsoid import BORDER_SLACK_KM, HIGH, LOW
from residency.model.geography import Geography
from residency.model.land_cells import Cells
from residency.model.place import Gazetteer, Place, Spot, great_circle_km
from residency.sources.borders import shipped_geography

latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 180)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def earth() -> Geography:
    return shipped_geography()


def exact_km(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    return float(Geodesic.WGS84.Inverse(lat_a, lon_a, lat_b, lon_b, Geodesic.DISTANCE)["s12"]) / 1000


def truth() -> list[tuple[str, float, float]]:
    """Points inside the unsimplified land of each code, half of them close to its lines (bench/geometry_truth.py)."""
    with Path(__file__).with_name("land_truth.csv").open(encoding="utf-8", newline="") as file:
        return [(row["code"], float(row["lat"]), float(row["lon"])) for row in csv.DictReader(file)]


def test_every_country_has_land(earth: Geography, gazetteer: Gazetteer) -> None:
    assert set(gazetteer.countries) <= set(earth.codes)
    assert set(earth.codes) - set(gazetteer.countries) == {"XK", "ES-CE", "ES-CN", "ES-ML", "PT-20", "PT-30"}
    assert list(earth.codes) == sorted(earth.codes)
    assert set(earth.cells.code.tolist()) == set(range(len(earth.codes)))


def test_no_point_of_a_country_is_at_a_distance_from_it_or_outside_its_cells(earth: Geography) -> None:
    points = truth()
    points += [("VA", 41.9022, 12.4573), ("AQ", -77.85, 166.67)]  # drawn without an inside; around the pole
    assert {code for code, _, _ in points} == set(earth.codes)
    for code, lat, lon in points:
        number = earth.codes.index(code)
        bounds = earth.nearest_bounds(lat, lon)
        assert bounds.low_km[number] == 0, (code, lat, lon)
        assert bounds.high_km[number] <= 2 * BORDER_SLACK_KM * HIGH
        cells = earth.cells[earth.cells.code == number]
        assert cells.nearest_km(lat, lon).min() == 0, (code, lat, lon)


@given(latitudes, longitudes, st.integers(0, 254), st.integers(0, 10**6))
def test_bounds_hold_the_geodesic_to_land(lat: float, lon: float, number: int, pick: int) -> None:
    """A country is no farther than any point of it, and the farthest of it no nearer."""
    points = [point for point in truth() if point[0] == shipped_geography().codes[number]]
    if not points:
        return  # Antarctica
    _, to_lat, to_lon = points[pick % len(points)]
    distance = exact_km(lat, lon, to_lat, to_lon)
    assert shipped_geography().nearest_km(lat, lon)[number] <= distance
    assert shipped_geography().farthest_km(lat, lon)[number] >= distance


@given(latitudes, longitudes, latitudes, longitudes)
def test_sphere_and_ellipsoid_differ_by_no_more_than_stated(a: float, b: float, c: float, d: float) -> None:
    sphere, exact = great_circle_km(a, b, c, d), exact_km(a, b, c, d)
    assert sphere * LOW - 1e-6 <= exact <= sphere * HIGH + 1e-6


@given(latitudes, longitudes)
def test_the_nearest_bounds_are_in_order(lat: float, lon: float) -> None:
    earth = shipped_geography()
    bounds, farthest = earth.nearest_bounds(lat, lon), earth.farthest_km(lat, lon)
    assert (bounds.low_km == earth.nearest_km(lat, lon)).all()
    assert (bounds.low_km <= bounds.high_km).all()
    assert (bounds.low_km <= farthest).all()


@given(latitudes, longitudes, st.floats(-2, 2), st.floats(-2, 2))
def test_a_step_changes_a_distance_by_no_more_than_its_length(lat: float, lon: float, up: float, along: float) -> None:
    """The triangle inequality, which a wrong inside or a missed line would break; it holds for cells too."""
    earth = shipped_geography()
    there = float(np.clip(lat + up, -90, 90))
    step = great_circle_km(lat, lon, there, lon + along)
    assert (np.abs(earth.nearest_km(lat, lon) - earth.nearest_km(there, lon + along)) <= step + 1e-6).all()


def test_points_asked_together_get_the_answers_of_points_asked_alone(earth: Geography) -> None:
    lat, lon = np.array([53.3, -33.9, 0.0]), np.array([-6.2, 151.2, 180.0])
    together = earth.nearest_km(lat, lon)
    assert together.shape == (3, len(earth.codes))
    for row, point in enumerate(zip(lat.tolist(), lon.tolist(), strict=True)):
        assert (together[row] == earth.nearest_km(*point)).all()
    assert earth.nearest_km(np.array([]), np.array([])).shape == (0, len(earth.codes))


@pytest.mark.parametrize(
    ("lat", "lon", "codes"),
    [
        (53.35, -6.26, ("IE",)),
        (60.8, 11.1, ("NO",)),
        (1.35, 103.8, ("SG",)),
        (71.2, 179.5, ("RU",)),  # Wrangel Island, across 180 degrees
        (71.2, -179.0, ("RU",)),
        (-16.85, 179.99, ("FJ",)),
        (-16.8, -179.99, ("FJ",)),
        (52.9, 173.1, ("US",)),  # Attu, east of 180
        (-89.9, 12.0, ("AQ",)),
        (-90.0, 0.0, ("AQ",)),
        (90.0, 0.0, ()),
        (0.0, -30.0, ()),
        (4.9, -52.3, ("GF",)),
        (-21.1, 55.5, ("RE",)),
        (78.2, 15.6, ("SJ",)),
        (12.15, -68.27, ("BQ",)),
        (28.1, -15.5, ("ES-CN",)),
        (35.89, -5.31, ("ES-CE",)),
        (37.78, -25.5, ("PT-20",)),
        (32.74, -16.95, ("PT-30",)),
        (42.66, 21.16, ("RS", "XK")),
        (25.0, 121.5, ("TW",)),
        (22.3, 114.17, ("HK",)),
        (9.56, 44.06, ("SO",)),  # Hargeisa
        (35.33, 33.32, ("CY",)),  # the north
        (34.59, 32.98, ("CY", "GB")),  # Akrotiri
        (44.95, 34.1, ("RU", "UA")),  # Crimea
        (27.15, -13.2, ("EH", "MA")),
        (33.0, 35.8, ("IL", "SY")),
        (19.94, -75.19, ("CU", "US")),
    ],
)
def test_places_that_need_a_rule_lie_where_the_rules_say(
    earth: Geography, lat: float, lon: float, codes: tuple[str, ...]
) -> None:
    assert earth.holds(lat, lon) == codes
    assert earth.holds(lat, lon + 360) == codes


def test_a_country_stands_for_its_parts_where_sets_are_asked(earth: Geography) -> None:
    assert [earth.codes[n] for n in earth.indices({"ES"})] == ["ES", "ES-CE", "ES-CN", "ES-ML"]
    assert [earth.codes[n] for n in earth.indices({"ES-CN", "IE"})] == ["ES-CN", "IE"]
    assert earth.covers_only(28.1, -15.5, 50, {"ES"})
    assert earth.covers_only(28.1, -15.5, 50, {"ES-CN"})
    assert not earth.covers_only(28.1, -15.5, 50, {"ES-CE", "PT"})
    with pytest.raises(KeyError):
        earth.indices({"CA-BC"})


def test_areas_are_told_apart_code_by_code(earth: Geography, gazetteer: Gazetteer) -> None:
    inside, touched = earth.relations(gazetteer.area(["EEA"], NOW))
    named = {code for code, hit in zip(earth.codes, inside, strict=True) if hit}
    assert {"IE", "NO", "LI", "ES-CN", "PT-20", "GF", "RE"} <= named
    assert not named & {"GB", "CH", "SJ", "GL", "XK", "RS", "UA"}
    assert [code for code, a, b in zip(earth.codes, inside, touched, strict=True) if b and not a] == ["SJ"]
    assert earth.places[earth.codes.index("ES-CN")] == Place("ES", part="ES-CN")


def test_dublin_in_one_millisecond_reaches_great_britain(earth: Geography) -> None:
    assert not earth.covers_only(53.35, -6.26, 149.9, {"IE"})
    assert earth.covers_only(53.35, -6.26, 149.9, {"IE", "GB", "IM"})
    assert earth.covers_only(53.35, -6.26, 50, {"IE"})


@given(latitudes, longitudes, latitudes, longitudes, st.floats(0, 300))
def test_bounds_to_a_spot_hold_all_its_radius(a: float, b: float, c: float, d: float, radius_km: float) -> None:
    bounds = shipped_geography().spot_bounds(a, b, Spot(country="IE", lat=c, lon=d, radius_km=radius_km))
    exact = exact_km(a, b, c, d)
    assert bounds.low_km[0] <= max(0, exact - radius_km) + 1e-6
    assert bounds.high_km[0] >= min(exact + radius_km, 20_003.9) - 1e-6


def test_a_spot_without_position_is_anywhere_in_its_country(earth: Geography) -> None:
    bounds = earth.spot_bounds(40.4, -3.7, Spot(country="ES"))
    assert bounds.low_km[0] == 0
    assert bounds.high_km[0] > 1_700  # the Canary Islands
    with pytest.raises(KeyError):
        earth.spot_bounds(40.4, -3.7, Spot(country="ZZ"))


def test_a_disc_without_land_is_only_in_anything(earth: Geography) -> None:
    assert earth.covers_only(0.0, -30.0, 100, {"IE"})


def test_frankfurt_in_a_millisecond_is_not_in_norway(earth: Geography) -> None:
    assert earth.nearest_km(50.11, 8.68)[earth.codes.index("NO")] > 800


@pytest.mark.parametrize(
    ("lat", "lon"), [(91.0, 0.0), (float("nan"), 0.0), (0.0, float("inf")), (-90.001, 10.0), (0.0, float("nan"))]
)
def test_a_point_off_the_earth_is_refused(earth: Geography, lat: float, lon: float) -> None:
    with pytest.raises(ValueError, match="latitude"):
        earth.nearest_km(lat, lon)
    field = earth.distance_field({"IE"})
    with pytest.raises(ValueError, match="latitude"):
        field.excludes(np.array([lat]), np.array([lon]), np.array([1.0]))


def test_a_field_never_disagrees_with_the_outlines(earth: Geography, gazetteer: Gazetteer) -> None:
    inside, touched = earth.relations(gazetteer.area(["EEA"], NOW))
    dice = np.random.default_rng(3)
    lat, lon = np.degrees(np.arcsin(dice.uniform(-1, 1, 500))), dice.uniform(-180, 180, 500)
    lat[:3], lon[:3] = (90, -90, 53.3), (180, -180, 180)
    bounds = earth.nearest_bounds(lat, lon)
    for indices in (np.flatnonzero(touched), np.flatnonzero(~inside), earth.indices({"FJ"})):
        field = earth.field_of(indices)
        low, high = field.bounds_km(lat, lon)
        assert (low <= bounds.low_km[:, indices].min(axis=1)).all()
        assert (high >= bounds.high_km[:, indices].min(axis=1)).all()
        for radius_km in (dice.uniform(0, 3_000, len(lat)), bounds.low_km[:, indices].min(axis=1)):
            answers = field.excludes(lat, lon, radius_km)
            truly = radius_km < bounds.low_km[:, indices].min(axis=1)
            assert truly[answers == Excluded.YES].all()
            assert not truly[answers == Excluded.NO].any()
            assert (earth.excludes(field, indices, lat, lon, radius_km) == truly).all()
        assert np.count_nonzero(answers == Excluded.ASK) > 0  # a radius at the very bound is the outlines' to decide


def test_a_field_of_nothing_is_refused(earth: Geography) -> None:
    with pytest.raises(ValueError, match="at least one"):
        earth.distance_field(set())


@given(st.lists(st.tuples(latitudes, longitudes, st.floats(0, 21_000)), min_size=1, max_size=4))
def test_cells_touched_and_held_agree_with_their_distances(discs: list[tuple[float, float, float]]) -> None:
    cells = shipped_geography().cells[::97]
    lat, lon, radius_km = (np.array(column) for column in zip(*discs, strict=True))
    touched, held = cells.touched(lat, lon, radius_km), cells.held(lat, lon, radius_km)
    for row in range(len(discs)):
        assert touched[row, cells.nearest_km(lat[row], lon[row]) <= radius_km[row]].all()
        assert not held[row, cells.farthest_km(lat[row], lon[row]) > radius_km[row]].any()
        assert not (held[row] & ~touched[row]).any()
        # Neither is only safe: both are exact but for what rounding may do near the edge.
        assert not touched[row, cells.nearest_km(lat[row], lon[row]) > radius_km[row] + 15].any()
        assert held[row, cells.farthest_km(lat[row], lon[row]) < radius_km[row] - 15].all()


def test_a_square_on_the_antimeridian_with_a_hole() -> None:
    """A made country: 10 degrees wide, across 180, with a hole in its middle; lines through its corners count once."""
    outer = [(-5.0, 175.0), (5.0, 175.0), (5.0, 185.0), (-5.0, 185.0), (-5.0, 175.0)]
    hole = [(-1.0, 179.0), (1.0, 179.0), (1.0, 181.0), (-1.0, 181.0), (-1.0, 179.0)]
    lat, lon = (np.array(column) for column in zip(*outer, *hole, strict=True))
    ring = np.repeat([0, 1], 5)
    outlines = Outlines(Rings(lat=lat, lon=lon, ring=ring, owner=np.zeros(10, np.int64)), 1)
    for inside in ((4.0, 176.0), (4.0, -176.0), (0.0, 178.5), (0.0, -178.5), (3.0, 175.0), (3.0, 181.0), (3.0, -180.0)):
        assert outlines.inside(*inside)[0], inside
    for outside in ((0.0, 180.0), (0.0, -180.0), (6.0, 175.0), (-6.0, 181.0), (3.0, -174.0), (0.0, 0.0), (3.0, 185.0)):
        assert not outlines.inside(*outside)[0], outside
    assert np.degrees(outlines.nearest_angles(0.0, 170.0)[0]) == pytest.approx(5.0, abs=1e-9)
    assert np.degrees(outlines.nearest_angles(0.0, -170.0)[0]) == pytest.approx(5.0, abs=1e-9)
    assert np.degrees(outlines.line_angles(0.0, 180.0)[0]) == pytest.approx(1.0, abs=1e-3)


def test_cells_are_counted_and_chosen(earth: Geography) -> None:
    few: Cells = earth.cells[earth.cells.code == earth.codes.index("MT")]
    assert 0 < len(few) < 20
    assert few.nearest_km(35.9, 14.5).min() == 0
    assert few.farthest_km(35.9, 14.5).max() < 100
