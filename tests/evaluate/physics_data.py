"""The shared round-trip times between known places, as round trips; and vantages to put together by hand."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from residency.evaluate.physics import RoundTrip
from residency.model.network import Vantage
from residency.model.place import Spot


@dataclass(frozen=True, slots=True)
class Measured:
    """Targets with their true spots and their round trips, their own left out."""

    spots: dict[str, Spot]
    trips: dict[str, list[RoundTrip]]


def measured(name: str, resolution_ms: float = 0.0) -> Measured:
    """Read one shared file of times; skips where the shared inputs are not here."""
    shared = os.environ.get("RESIDENCY_SHARED")
    if not shared:
        pytest.skip("RESIDENCY_SHARED is not set: the shared round-trip times are not here")
    folder = Path(shared) / "data" / "rtt"
    spots = {}
    with (folder / "sites.csv").open(encoding="utf-8") as text:
        for row in csv.DictReader(text):
            lat, lon, radius_km = float(row["lat"]), float(row["lon"]), float(row["uncertainty_km"])
            spots[row["site_id"]] = Spot(country=row["country"], lat=lat, lon=lon, radius_km=radius_km)
    trips: dict[str, list[RoundTrip]] = {}
    with (folder / name).open(encoding="utf-8") as text:
        for row in csv.DictReader(text):
            if row["vantage_id"] != row["target_id"]:
                spot = spots[row["vantage_id"]]
                at = vantage(row["vantage_id"], spot.lat or 0.0, spot.lon or 0.0, spot.radius_km or 0.0)
                trip = RoundTrip(vantage=at, rtt_ms=float(row["rtt_ms"]), resolution_ms=resolution_ms)
                trips.setdefault(row["target_id"], []).append(trip)
    return Measured(spots, trips)


def vantage(name: str, lat: float, lon: float, radius_km: float = 0.0, asn: int | None = None) -> Vantage:
    """Build a vantage of a network of its own, numbered by its name where none is given."""
    own = int(name.split("-as")[1].split("-")[0]) if "-as" in name else sum(map(ord, name)) + 64_512
    return Vantage(lat=lat, lon=lon, radius_km=radius_km, name=name, asn=asn or own)


DUBLIN, FRANKFURT, OSLO = (53.35, -6.26), (50.11, 8.68), (59.91, 10.75)
TOKYO, SYDNEY, NEW_YORK = (35.68, 139.69), (-33.87, 151.21), (40.71, -74.01)


def trip(
    name: str, at: tuple[float, float], rtt_ms: float, radius_km: float = 0.0, asn: int | None = None
) -> RoundTrip:
    """Build a round trip from a vantage of its own."""
    return RoundTrip(vantage=vantage(name, *at, radius_km, asn), rtt_ms=rtt_ms)
