"""Projection and outlines: known points, true areas, cuts at the 180th meridian, and a page that stays small."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.model.atlas import Atlas
from residency.model.borders import Rings
from residency.model.place import Gazetteer
from residency.report.html.land import land_paths
from residency.report.html.projection import HEIGHT, SOUTH, WIDTH, point, project

_STEP = re.compile(r"M(\d+) (\d+)l((?: ?-?\d+)+)z")


def drawn(path: str) -> list[np.ndarray]:
    """Read path data back into rings of absolute points."""
    rings = []
    for x, y, steps in _STEP.findall(path):
        numbers = np.array([int(n) for n in re.findall(r"-?\d+", steps)]).reshape(-1, 2)
        rings.append(np.vstack([(int(x), int(y)), np.add((int(x), int(y)), np.cumsum(numbers, axis=0))]))
    return rings


def an_atlas(*rings: list[tuple[float, float]], gazetteer: Gazetteer) -> Atlas:
    """One country with these rings of (longitude, latitude)."""
    lon, lat = np.array([p for ring in rings for p in ring], dtype=float).T
    of = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    made = Rings(lat=lat, lon=lon, ring=of, owner=np.zeros_like(of))
    return Atlas(gazetteer=gazetteer, codes=("IE",), rings=made, labels={"IE": (53.0, -8.0)})


def test_the_middle_and_the_edges_of_the_canvas() -> None:
    assert point(0, 0)[0] == WIDTH / 2
    assert point(90, 0)[1] == 0
    assert point(SOUTH, 0)[1] == pytest.approx(HEIGHT, abs=1)
    assert point(0, -180)[0] == pytest.approx(0, abs=0.1)
    assert point(0, 180)[0] == pytest.approx(0, abs=0.1)  # 180 and -180 are one meridian
    assert point(0, 179.999)[0] == pytest.approx(WIDTH, abs=0.1)


@given(st.floats(-50, 80), st.floats(-170, 170))
def test_areas_are_true_everywhere(lat: float, lon: float) -> None:
    """A cell of one degree has an area in proportion to the cosine of its latitude."""
    corners = np.array([(lat, lon), (lat, lon + 1), (lat + 1, lon + 1), (lat + 1, lon)])
    x, y = project(corners[:, 0], corners[:, 1])
    area = abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2
    sines = np.sin(np.radians(lat + 1)) - np.sin(np.radians(lat))
    whole = WIDTH**2 / 4 / (np.pi / (np.sqrt(3) / 2 * 1.340264)) ** 2  # square units a steradian
    assert area == pytest.approx(whole * np.radians(1) * sines, rel=2e-3)


def test_a_square_comes_back_within_a_unit(gazetteer: Gazetteer) -> None:
    square = [(-10.0, 0.0), (-10.0, 10.0), (0.0, 10.0), (0.0, 0.0), (-10.0, 0.0)]
    (ring,) = drawn(land_paths(an_atlas(square, gazetteer=gazetteer))["IE"])
    wanted = {tuple(np.rint(point(lat, lon)).astype(int)) for lon, lat in square}
    assert {tuple(p) for p in ring} == wanted


def test_a_ring_past_the_180th_meridian_is_cut_into_both_sides(gazetteer: Gazetteer) -> None:
    ring = [(170.0, 60.0), (190.0, 60.0), (190.0, 70.0), (170.0, 70.0), (170.0, 60.0)]
    west, east = sorted(drawn(land_paths(an_atlas(ring, gazetteer=gazetteer))["IE"]), key=lambda r: r[:, 0].min())
    assert west[:, 0].max() < WIDTH / 2 < east[:, 0].min()


def test_small_islands_are_dropped_but_the_largest_of_a_country_is_kept(gazetteer: Gazetteer) -> None:
    speck = [(20.0, 20.0), (20.0, 20.25), (20.25, 20.25), (20.25, 20.0), (20.0, 20.0)]
    other = [(x + 5, y) for x, y in speck]
    land = [(0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0), (0.0, 0.0)]
    assert len(drawn(land_paths(an_atlas(speck, other, land, gazetteer=gazetteer))["IE"])) == 1
    assert len(drawn(land_paths(an_atlas(speck, gazetteer=gazetteer))["IE"])) == 1


def test_land_too_small_for_an_outline_is_a_square(gazetteer: Gazetteer) -> None:
    dot = [(20.0, 20.0), (20.0, 20.01), (20.01, 20.01), (20.0, 20.0)]
    path = land_paths(an_atlas(dot, gazetteer=gazetteer))["IE"]
    x, y = (round(c) - 1 for c in point(20.0, 20.0))
    assert path == f"M{x} {y}h3v3h-3z"


def test_the_shipped_land_is_there_but_for_antarctica_and_small_enough_to_mail(atlas: Atlas) -> None:
    paths = land_paths(atlas)
    missing = set(atlas.codes) - set(paths)
    assert missing == {"AQ"}
    assert sum(map(len, paths.values())) < 150_000
    for path in paths.values():
        for ring in drawn(path):
            assert ring[:, 0].min() >= 0
            assert ring[:, 0].max() <= WIDTH
