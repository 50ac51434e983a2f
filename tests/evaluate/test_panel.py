"""Who of a panel is heard on a target, and that whoever excludes with few others is vouched for by its own times."""

from __future__ import annotations

import numpy as np
import pytest
from tests.evaluate.physics_data import vantage

from residency.evaluate.mesh import Mesh, MeshTrip, columns_of
from residency.evaluate.panel import Panel
from residency.evaluate.physics import KM_PER_MS, Bound, RoundTrip, locate_by_discs
from residency.evaluate.whereabouts import LEAST_VANTAGES, Whereabouts
from residency.model.geography import Geography
from residency.model.place import great_circle_km
from residency.sources.borders import shipped_geography

CITIES = {
    "dub": (53.35, -6.26),
    "lon": (51.51, -0.13),
    "par": (48.86, 2.35),
    "mad": (40.42, -3.70),
    "lis": (38.72, -9.14),
    "bru": (50.85, 4.35),
    "ams": (52.37, 4.90),
    "fra": (50.11, 8.68),
    "muc": (48.14, 11.58),
    "ber": (52.52, 13.41),
    "cph": (55.68, 12.57),
    "osl": (59.91, 10.75),
    "sto": (59.33, 18.07),
    "hel": (60.17, 24.94),
    "waw": (52.23, 21.01),
    "prg": (50.08, 14.44),
    "vie": (48.21, 16.37),
    "bud": (47.50, 19.04),
    "zag": (45.81, 15.98),
    "beg": (44.79, 20.45),
    "ath": (37.98, 23.73),
    "rom": (41.90, 12.50),
    "mil": (45.46, 9.19),
    "zrh": (47.38, 8.54),
    "buh": (44.43, 26.10),
    "sof": (42.70, 23.32),
    "nyc": (40.71, -74.01),
    "tyo": (35.68, 139.69),
}
SYDNEY, HAMBURG = (-33.87, 151.21), (53.55, 9.99)
Point = tuple[float, float]


@pytest.fixture(scope="module")
def geography() -> Geography:
    return shipped_geography()


def honest_ms(a: Point, b: Point, slowness: float = 1.6) -> float:
    return slowness * great_circle_km(*a, *b) / KM_PER_MS[Bound.FIBRE] + 1.5


def mesh(stated: dict[str, Point] | None = None, slow: frozenset[str] = frozenset()) -> Mesh:
    """Build an honest mesh of all cities; some state another place, and some have slow lines."""
    trips = [
        MeshTrip(origin=a, to=b, rtt_ms=honest_ms(CITIES[a], CITIES[b], 5.0 if {a, b} & slow else 1.6))
        for a in CITIES
        for b in CITIES
        if a != b
    ]
    vantages = tuple(vantage(name, *(stated or {}).get(name, at), 10.0) for name, at in CITIES.items())
    return Mesh(vantages=vantages, trips=tuple(trips))


def times_to(at: Point, whole: Mesh, names: tuple[str, ...] = tuple(CITIES)) -> list[RoundTrip]:
    """Take honest times to a target from where the vantages really are."""
    of = {v.name: v for v in whole.vantages}
    return [RoundTrip(vantage=of[name], rtt_ms=honest_ms(CITIES[name], at)) for name in names]


def test_an_empty_panel_hears_nobody(geography: Geography) -> None:
    panel = Panel(Mesh(vantages=(), trips=()), geography)
    heard = panel.heard()
    assert heard.names == frozenset()
    assert panel.locate([], heard).excluded == ()


def test_an_honest_panel_is_heard_whole_and_answers_as_its_discs_do(geography: Geography) -> None:
    whole = mesh()
    panel = Panel(whole, geography)
    heard = panel.heard()
    assert heard.names == set(CITIES)
    trips = times_to((50.94, 6.96), whole)  # Cologne
    found = panel.locate(trips, heard)
    assert found.feasible == locate_by_discs(trips, geography, bound=Bound.FIBRE, k=1).feasible
    assert "DE" in found.feasible
    assert "US" in found.excluded


def test_a_target_of_the_mesh_tests_nobody_and_its_neighbours_are_heard(geography: Geography) -> None:
    near = {"bru": (50.87, 4.38), **CITIES}
    whole = mesh()
    twin = vantage("bru2", *near["bru"], 10.0)
    trips = tuple(MeshTrip(origin="bru2", to=n, rtt_ms=honest_ms(near["bru"], at)) for n, at in CITIES.items())
    panel = Panel(Mesh(vantages=(*whole.vantages, twin), trips=(*whole.trips, *trips)), geography)
    heard = panel.heard(CITIES["bru"], "bru")
    assert "bru" not in heard.names
    assert "bru2" in heard.names
    assert not heard.testers[[panel.mesh.names.index("bru"), panel.mesh.names.index("bru2")]].any()


def test_a_neighbour_that_contradicts_the_others_is_not_heard(geography: Geography) -> None:
    whole = mesh()
    liar = vantage("bru2", *CITIES["bru"], 10.0)
    trips = tuple(MeshTrip(origin="bru2", to=n, rtt_ms=honest_ms(SYDNEY, at) / 9) for n, at in CITIES.items())
    panel = Panel(Mesh(vantages=(*whole.vantages, liar), trips=(*whole.trips, *trips)), geography)
    assert "bru2" not in panel.heard(CITIES["bru"], "bru").names


def test_who_measured_fewer_than_three_others_is_not_heard(geography: Geography) -> None:
    whole = mesh()
    hermit = vantage("sea", 0.0, 0.0)
    trips = tuple(MeshTrip(origin="sea", to=n, rtt_ms=200.0) for n in ("dub", "lon"))
    panel = Panel(Mesh(vantages=(*whole.vantages, hermit), trips=(*whole.trips, *trips)), geography)
    assert "sea" not in panel.heard().names


def test_a_slow_liar_breaks_no_law_and_is_not_vouched_for(geography: Geography) -> None:
    """Munich says it is in Hamburg; its lines are slow enough that light contradicts nobody."""
    whole = mesh({"muc": HAMBURG}, slow=frozenset({"muc"}))
    columns = columns_of(whole)
    kept = columns.sanitised(columns.everyone)
    assert columns.names_of(kept) == set(CITIES)
    asked = Whereabouts(columns, geography).vouched(frozenset(CITIES), kept)
    assert "muc" not in asked
    assert len(asked) >= 25


def test_a_slow_liar_alone_excludes_nothing(geography: Geography) -> None:
    whole = mesh({"muc": HAMBURG}, slow=frozenset({"muc"}))
    panel, target = Panel(whole, geography), (48.14, 11.58)
    trips = [t for t in times_to(target, whole) if t.vantage.name != "muc"]
    of = {v.name: v for v in whole.vantages}
    liar = RoundTrip(vantage=of["muc"], rtt_ms=1.0)
    assert "DE" in locate_by_discs(trips, geography, bound=Bound.FIBRE, k=1).feasible
    found = panel.locate([*trips, liar], panel.heard())
    assert found == panel.locate(trips, panel.heard())


def test_of_few_vantages_nothing_is_learned_and_all_are_vouched_for(geography: Geography) -> None:
    columns = columns_of(mesh())
    few = columns.everyone
    few[LEAST_VANTAGES - 1 :] = False
    assert Whereabouts(columns, geography).vouched({"muc", "tyo"}, few) == {"muc", "tyo"}


def test_the_order_of_the_mesh_never_matters(geography: Geography) -> None:
    whole = mesh({"muc": HAMBURG}, slow=frozenset({"muc"}))
    turned = Mesh(vantages=whole.vantages[::-1], trips=whole.trips[::-1])
    trips = times_to((50.94, 6.96), whole)
    answers = []
    for one in (whole, turned):
        panel = Panel(one, geography)
        answers.append(panel.locate(trips, panel.heard()))
    assert answers[0] == answers[1]


def test_columns_say_who_is_near_connected_and_admitted() -> None:
    columns = columns_of(mesh())
    assert columns.names_of(columns.near(*CITIES["fra"], 30)) == {"fra"}
    assert columns.connected(columns.everyone).all()
    assert not columns.connected(columns.everyone, least=len(CITIES)).any()
    assert columns.admitted(columns.everyone).all()
    assert np.isinf(np.diag(columns.least_ms)).all()
    assert columns.names_of(columns.named({"fra", "nobody"})) == {"fra"}
