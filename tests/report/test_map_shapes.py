"""The land under a map: frames hold what they should; thinned land keeps its neighbours and its direction."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.model.borders import Rings
from residency.report.map_shapes import WIDTH_PX, Frame, LatLon, frame_of, middles, topology
from residency.sources.borders import read_rings

POINTS = st.tuples(st.floats(-89, 89), st.floats(-180, 180))


def rings(*given: tuple[int, list[LatLon]]) -> Rings:
    """Rings of (lat, lon), each with its owner."""
    lat = [at[0] for _, ring in given for at in ring]
    lon = [at[1] for _, ring in given for at in ring]
    number = [n for n, (_, ring) in enumerate(given) for _ in ring]
    owner = [who for who, ring in given for _ in ring]
    return Rings(
        lat=np.array(lat, float), lon=np.array(lon, float), ring=np.array(number, int), owner=np.array(owner, int)
    )


def square(south: float, west: float, side: float) -> list[LatLon]:
    """A square that runs east first."""
    north, east = south + side, west + side
    return [(south, west), (south, east), (north, east), (north, west), (south, west)]


def drawn(land: dict[str, Any]) -> dict[str, list[list[tuple[float, float]]]]:
    """The rings of each code as (lon, lat), read as TopoJSON says."""
    step, _ = land["transform"]["scale"]
    found = {}
    for member in land["objects"]["land"]["geometries"]:
        assert member["type"] == "MultiPolygon"
        outlines = []
        for polygon in member["arcs"]:
            ((arc,),) = polygon
            at = np.cumsum(np.array(land["arcs"][arc]), axis=0) * step
            outlines.append([(float(x), float(y)) for x, y in at])
        found[member["properties"]["code"]] = outlines
    return found


def signed_area(ring: list[tuple[float, float]]) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) / 2


def test_without_points_the_frame_is_the_world() -> None:
    frame = frame_of([])
    assert frame.west == pytest.approx(-180)
    assert frame.east == pytest.approx(180)


@given(st.lists(POINTS, min_size=1, max_size=6))
def test_a_frame_holds_its_points_and_is_neither_strip_nor_tower(points: list[LatLon]) -> None:
    frame = frame_of(points)
    assert -180 - 1e-6 <= frame.west < frame.east <= 180 + 1e-6
    for lat, lon in points:
        assert frame.south - 1e-6 <= lat <= frame.north + 1e-6
        assert frame.west - 1e-6 <= lon <= frame.east + 1e-6
    assert frame.height_px >= 299


@given(st.lists(st.tuples(st.floats(-50, 70), st.floats(-180, 180)), min_size=1, max_size=6))
def test_a_frame_of_where_people_live_is_not_too_tall(points: list[LatLon]) -> None:
    assert frame_of(points).height_px <= 421 or frame_of(points).east - frame_of(points).west > 359


def test_one_point_is_not_looked_at_through_a_lens() -> None:
    frame = frame_of([(53.3, -6.3)])
    assert frame.east - frame.west >= 40
    assert frame.north - frame.south >= 20


def test_the_scale_fits_the_width() -> None:
    frame = Frame(south=-10, north=10, west=-45, east=45)
    assert frame.scale * np.radians(90) == pytest.approx(WIDTH_PX)
    assert frame.centre == pytest.approx((0.0, 0.0))


def test_the_middle_of_a_code_is_that_of_its_largest_land() -> None:
    world = rings((0, square(0, 0, 1)), (0, square(20, 20, 10)), (1, square(-10, 185, 4)))
    found = middles(["AA", "BB"], world)
    assert set(found) == {"AA", "BB"}
    assert found["AA"] == pytest.approx((25.0, 25.0))
    assert found["BB"] == pytest.approx((-8.0, -173.0))


def test_a_dot_has_a_middle() -> None:
    assert middles(["AA"], rings((0, [(1, 2), (1, 2), (1, 2)]))) == {"AA": (1, 2)}


def test_land_out_of_sight_is_left_out() -> None:
    world = rings((0, square(0, 0, 10)), (1, square(0, 100, 10)))
    frame = Frame(south=-20, north=20, west=-30, east=30)
    assert set(drawn(topology(["AA", "BB"], world, frame, {}))) == {"AA"}


def test_land_past_180_degrees_is_seen_from_the_other_side() -> None:
    world = rings((0, square(0, -190, 5)))
    assert drawn(topology(["AA"], world, Frame(south=-20, north=20, west=150, east=180), {}))


def test_no_land_at_all_is_an_empty_map() -> None:
    land = topology(["AA"], rings((0, square(0, 0, 1))), Frame(south=50, north=60, west=100, east=140), {})
    assert land["objects"]["land"]["geometries"] == land["arcs"] == []


@pytest.mark.parametrize("turn", [1, -1])
def test_rings_run_clockwise_as_d3_wants_them(turn: int) -> None:
    world = rings((0, square(0, 0, 10)[::turn]))
    ((ring,),) = drawn(topology(["AA"], world, frame_of([(5, 5)]), {})).values()
    assert signed_area(ring) == pytest.approx(-100, rel=0.1)
    assert ring[0] == ring[-1]


def test_neighbours_keep_one_border_and_no_point_moves_by_more_than_a_pixel() -> None:
    shared: list[LatLon] = [(lat / 7, 10 + (lat % 5) / 11) for lat in range(70)]
    left = [*shared, (10.0, 0.0), (0.0, 0.0), shared[0]]
    right = [*shared, (10.0, 20.0), (0.0, 20.0), shared[0]]
    frame = frame_of([(5, 10)])
    found = drawn(topology(["AA", "BB"], rings((0, left), (1, right)), frame, {}))
    border = [{point for ring in found[code] for point in ring if 9.5 < point[0] < 10.6} for code in ("AA", "BB")]
    assert border[0] == border[1]
    pixel = (frame.east - frame.west) / WIDTH_PX
    for x, y in border[0]:
        assert min(max(abs(x - lon), abs(y - lat)) for lat, lon in shared) <= pixel / 2


def test_an_enclave_is_drawn_after_what_surrounds_it() -> None:
    world = rings((0, square(4, 4, 2)), (1, square(0, 0, 10)))
    land = topology(["IN", "OU"], world, frame_of([(5, 5)]), {})
    assert [member["properties"]["code"] for member in land["objects"]["land"]["geometries"]] == ["OU", "IN"]


def test_fills_are_told_and_the_rest_is_land() -> None:
    land = topology(["AA", "BB"], rings((0, square(0, 0, 9)), (1, square(0, 10, 9))), frame_of([(5, 5)]), {"AA": "x"})
    assert {m["properties"]["code"]: m["properties"]["is"] for m in land["objects"]["land"]["geometries"]} == {
        "AA": "x",
        "BB": "land",
    }


def test_the_shipped_land_is_small_and_whole() -> None:
    codes, shipped = read_rings()
    world = drawn(topology(codes, shipped, frame_of([]), {}))
    assert {"IE", "US", "CN", "RU", "BR", "AU", "ZA", "NZ", "GL"} <= set(world)
    assert "AQ" not in world
    assert sum(len(ring) for outlines in world.values() for ring in outlines) < 40_000
    assert all(signed_area(ring) < 0 for outlines in world.values() for ring in outlines)
    found = middles(codes, shipped)
    assert set(found) == set(codes)
    assert found["IE"] == pytest.approx((53.2, -8.1), abs=0.5)


def test_the_same_land_gives_the_same_map() -> None:
    codes, shipped = read_rings()
    frame = frame_of([(53, -8), (39, -77)])
    assert topology(codes, shipped, frame, {}) == topology(codes, shipped, frame, {})
