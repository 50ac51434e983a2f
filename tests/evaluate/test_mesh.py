"""Sanitation of a mesh: the vantage that is faster than light to many is the one that goes."""

from __future__ import annotations

import pytest
from tests.evaluate.physics_data import DUBLIN, FRANKFURT, NEW_YORK, OSLO, SYDNEY, TOKYO, vantage

from residency.errors import LimitError
from residency.evaluate.mesh import Mesh, MeshTrip, columns_of, without_site
from residency.evaluate.physics import KM_PER_MS, Bound
from residency.limits import LIMITS
from residency.model.network import Vantage
from residency.model.place import great_circle_km

CITIES = {"dub": DUBLIN, "fra": FRANKFURT, "osl": OSLO, "tyo": TOKYO, "syd": SYDNEY, "nyc": NEW_YORK}


def mesh(stated: dict[str, tuple[float, float]] | None = None) -> Mesh:
    """Build an honest mesh at 1.5 times the time of light in glass; some vantages may state another position."""
    stated = stated or {}
    trips = [
        MeshTrip(origin=a, to=b, rtt_ms=1.5 * great_circle_km(*CITIES[a], *CITIES[b]) / KM_PER_MS[Bound.FIBRE] + 1)
        for a in CITIES
        for b in CITIES
        if a != b
    ]
    vantages = tuple(vantage(name, *stated.get(name, at)) for name, at in CITIES.items())
    return Mesh(vantages=vantages, trips=tuple(trips))


def sanitise(of: Mesh) -> frozenset[str]:
    """Return the names of those kept of a whole mesh."""
    columns = columns_of(of)
    return columns.names_of(columns.sanitised(columns.everyone))


def well_connected(of: Mesh) -> frozenset[str]:
    """Return the names of those that were tested by enough others of a whole mesh."""
    columns = columns_of(of)
    return columns.names_of(columns.connected(columns.everyone))


def test_an_honest_mesh_is_kept_whole() -> None:
    assert sanitise(mesh()) == frozenset(CITIES)


@pytest.mark.parametrize(("liar", "stated"), [("fra", SYDNEY), ("osl", TOKYO), ("dub", SYDNEY)])
def test_the_one_that_is_not_where_it_says_goes(liar: str, stated: tuple[float, float]) -> None:
    assert sanitise(mesh({liar: stated})) == frozenset(CITIES) - {liar}


def test_a_lie_that_no_time_contradicts_is_not_seen() -> None:
    """Times bound distance from above only: who is far from everybody may say that it stands anywhere near them."""
    assert sanitise(mesh({"syd": DUBLIN})) == frozenset(CITIES)


def test_of_two_that_accuse_each_other_alone_both_go() -> None:
    pair = (vantage("a", *DUBLIN), vantage("b", *SYDNEY), vantage("c", *TOKYO))
    found = sanitise(Mesh(vantages=pair, trips=(MeshTrip(origin="a", to="b", rtt_ms=5.0),)))
    assert found == {"c"}


def test_the_order_of_vantages_and_times_never_matters() -> None:
    whole = mesh({"fra": SYDNEY, "osl": TOKYO})
    turned = Mesh(vantages=whole.vantages[::-1], trips=whole.trips[::-1] + whole.trips[:4])
    assert sanitise(turned) == sanitise(whole)


def test_positions_known_badly_accuse_nobody() -> None:
    vague = (Vantage(lat=53, lon=-6, radius_km=9_000, name="a"), Vantage(lat=-33, lon=151, radius_km=9_000, name="b"))
    assert sanitise(Mesh(vantages=vague, trips=(MeshTrip(origin="a", to="b", rtt_ms=1.0),))) == {"a", "b"}


def test_who_was_never_tested_can_be_told() -> None:
    pair = (vantage("a", *DUBLIN), vantage("b", *SYDNEY))
    untested = Mesh(vantages=pair, trips=(MeshTrip(origin="a", to="b", rtt_ms=300.0),))
    assert sanitise(untested) == {"a", "b"}
    assert well_connected(untested) == frozenset()
    assert well_connected(mesh()) == frozenset(CITIES)


def test_a_target_and_its_site_are_left_out() -> None:
    left = without_site(mesh(), *FRANKFURT, within_km=30)
    assert {v.name for v in left.vantages} == set(CITIES) - {"fra"}
    assert all("fra" not in (t.origin, t.to) for t in left.trips)


def test_an_empty_mesh_keeps_nobody() -> None:
    empty = Mesh(vantages=(), trips=())
    assert sanitise(empty) == frozenset()
    assert without_site(empty, 0, 0, 30) == empty


def test_names_are_unique_and_known() -> None:
    with pytest.raises(ValueError, match="names of their own"):
        Mesh(vantages=(vantage("a", 0, 0), vantage("a", 1, 1)), trips=())
    with pytest.raises(ValueError, match="does not hold"):
        Mesh(vantages=(vantage("a", 0, 0),), trips=(MeshTrip(origin="a", to="z", rtt_ms=1.0),))


def test_a_mesh_beyond_the_cap_is_refused() -> None:
    many = tuple(vantage(f"v{n}", 0, 0) for n in range(LIMITS.max_vantages + 1))
    with pytest.raises(LimitError, match="at most"):
        Mesh(vantages=many, trips=())
