"""A panel as its own reference: whose times teach, what is left out for a target of the mesh, and that rates hold."""

from __future__ import annotations

import pytest
from tests.evaluate.physics_data import Measured, measured, vantage

from residency.evaluate.mesh import Mesh, MeshTrip
from residency.evaluate.panel import Panel
from residency.evaluate.references import FOLDS, References
from residency.model.geography import Geography
from residency.sources.borders import shipped_geography


@pytest.fixture(scope="module")
def geography() -> Geography:
    return shipped_geography()


def references(real: Measured, geography: Geography, names: list[str]) -> tuple[Panel, References]:
    """Build a panel of these anchors and what it teaches."""
    at = {n: real.spots[n] for n in names}
    vantages = tuple(vantage(n, s.lat or 0.0, s.lon or 0.0, s.radius_km or 0.0) for n, s in at.items())
    trips = tuple(
        MeshTrip(origin=t.vantage.name, to=n, rtt_ms=t.rtt_ms)
        for n in names
        for t in real.trips[n]
        if t.vantage.name in at
    )
    panel = Panel(Mesh(vantages=vantages, trips=trips), geography)
    countries = {(s.lat, s.lon): s.country for s in at.values()}
    found = References(panel, real.trips, geography, lambda lat, lon: countries[lat, lon])
    return panel, found


def test_a_panel_of_nobody_states_nothing(geography: Geography) -> None:
    found = References(Panel(Mesh(vantages=(), trips=()), geography), {}, geography, lambda lat, lon: "IE")
    assert len(found) == 0
    assert found.locate([], None, 0.05) is None


def test_a_few_vantages_are_no_reference(geography: Geography) -> None:
    real = measured("anchor_mesh_2018.csv")
    names = sorted(n for n in real.trips if n in real.spots)[:15]
    _, found = references(real, geography, names)
    assert len(found) == 15
    assert found.locate(real.trips[names[0]], None, 0.2) is None


def test_the_rate_holds_on_targets_of_the_mesh_itself(geography: Geography) -> None:
    """Each is answered without its fold; at 10 % more than eight of 33 missed would come once in a thousand."""
    real = measured("anchor_mesh_2018.csv")
    names = sorted(n for n in real.trips if n in real.spots)[::3]
    panel, found = references(real, geography, names)
    missed = stated = 0
    for name in names:
        heard = panel.heard(panel.position(name), name).names
        region = found.locate([t for t in real.trips[name] if t.vantage.name in heard], name, 0.10)
        if region is not None:
            stated += 1
            missed += real.spots[name].country not in {code[:2] for code in region.feasible}
            assert 0 < region.rate <= 0.10
            assert region.known < len(found)  # its own fold is left out
            assert region.known >= len(found) * (FOLDS - 3) // FOLDS
    assert stated >= 25
    assert missed <= 8


def test_a_rate_of_one_in_a_thousand_needs_a_thousand_known_targets(geography: Geography) -> None:
    real = measured("anchor_mesh_2018.csv")
    names = sorted(n for n in real.trips if n in real.spots)[::3]
    _, found = references(real, geography, names)
    assert found.locate(real.trips[names[0]], names[0], 0.001) is None
