"""The shipped outlines load verified, and agree with other tables of known places."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from residency.errors import SourceError
from residency.model.place import Gazetteer, Spot
from residency.shipped import manifest
from residency.sources import borders
from residency.sources.borders import shipped_geography

MAX_BYTES = 1_000_000


def test_the_tables_are_small_and_state_their_source() -> None:
    entries = [manifest()["borders"], manifest()["land-cells"]]
    assert sum(entry.size for entry in entries) < MAX_BYTES
    for entry in entries:
        assert "Natural Earth" in entry.snapshot.attribution
        assert entry.snapshot.licence == "ISC"


def test_the_geography_is_read_once() -> None:
    assert shipped_geography() is shipped_geography()


def test_rings_are_closed_and_grouped_by_code() -> None:
    codes, rings = borders.read_rings()
    assert (np.diff(rings.owner) >= 0).all()
    assert set(rings.owner.tolist()) == set(range(len(codes)))
    heads = np.flatnonzero(np.append(True, np.diff(rings.ring) > 0))
    tails = np.append(heads[1:], len(rings.ring)) - 1
    turns = (rings.lon[tails] - rings.lon[heads]) / 360
    assert np.allclose(turns, np.round(turns), atol=1e-9)
    assert np.allclose(rings.lat[tails], rings.lat[heads], atol=1e-9)
    # Only Antarctica goes round the pole.
    assert {codes[rings.owner[heads[n]]] for n in np.flatnonzero(np.abs(turns) > 0.5)} == {"AQ"}


def test_a_damaged_table_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from residency import shipped

    content = bytearray(shipped.data_path("geo/borders.arrow").read_bytes())
    content[1000] ^= 1
    (tmp_path / "geo").mkdir()
    (tmp_path / "geo" / "borders.arrow").write_bytes(content)
    monkeypatch.setattr(shipped, "data_path", lambda name: tmp_path / name)
    with pytest.raises(SourceError, match="differs from its manifest"):
        borders.read_rings()


def placed(gazetteer: Gazetteer) -> list[tuple[str, Spot]]:
    spots = [(f"site:{key}", site.spot) for key, site in gazetteer.sites.items()]
    spots += [(f"provider:{key}", region.spot) for key, region in gazetteer.regions.items()]
    return [(name, spot) for name, spot in spots if spot.lat is not None]


def test_every_site_and_provider_region_lies_in_the_country_that_it_names(gazetteer: Gazetteer) -> None:
    """Positions, radii and countries of these rows come from other sources than the outlines."""
    earth, wrong = shipped_geography(), []
    spots = placed(gazetteer)
    assert len(spots) > 300
    for name, spot in spots:
        assert spot.lat is not None
        assert spot.lon is not None
        nearest = earth.nearest_km(spot.lat, spot.lon)[earth.indices({spot.country})].min()
        if nearest > (spot.radius_km or 0):
            wrong.append((name, spot.country, round(float(nearest), 1)))
    assert not wrong


@pytest.mark.skipif("RESIDENCY_SHARED" not in os.environ, reason="RESIDENCY_SHARED names no folder of shared inputs")
def test_every_measured_site_lies_in_its_country() -> None:
    earth = shipped_geography()
    with (Path(os.environ["RESIDENCY_SHARED"]) / "data" / "rtt" / "sites.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows
    wrong = []
    for row in rows:
        nearest = earth.nearest_km(float(row["lat"]), float(row["lon"]))[earth.indices({row["country"]})].min()
        if nearest > float(row["uncertainty_km"]):
            wrong.append(row)
    assert not wrong
