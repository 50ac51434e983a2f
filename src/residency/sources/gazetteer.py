"""Build the gazetteer from the shipped tables of countries, jurisdictions, sites and provider regions."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache

from residency.model.period import Period, midnight
from residency.model.place import Gazetteer, Membership, ProviderRegion, Site, Spot
from residency.shipped import read_verified


@lru_cache(maxsize=1)
def shipped_gazetteer() -> Gazetteer:
    """Return the gazetteer of the data that ships with residency (read once a process)."""
    return Gazetteer(
        countries={row["code"]: row["name"] for row in _rows("countries")},
        memberships=[_membership(row) for row in _rows("jurisdictions")],
        sites=[_site(row) for row in _rows("sites")],
        regions=[_region(row) for row in _rows("provider-regions")],
    )


def country_points() -> dict[str, tuple[float, float]]:
    """Return the point (lat, lon) at which each country's label stands on a map."""
    return {row["code"]: (float(row["lat"]), float(row["lon"])) for row in _rows("countries")}


def _rows(entry: str) -> Iterator[dict[str, str]]:
    content, _ = read_verified(entry)
    yield from csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))


def _moment(text: str) -> datetime | None:
    return midnight(date.fromisoformat(text)) if text else None


def _number(text: str) -> float | None:
    return float(text) if text else None


def _membership(row: dict[str, str]) -> Membership:
    return Membership(
        set_name=row["set"],
        code=row["code"],
        period=Period(_moment(row["from"]), _moment(row["until"])),
        status=row["status"],
    )


def _spot(row: dict[str, str]) -> Spot:
    return Spot(
        country=row["country"],
        lat=_number(row["lat"]),
        lon=_number(row["lon"]),
        radius_km=_number(row["radius_km"]),
        city=row["city"],
    )


def _site(row: dict[str, str]) -> Site:
    return Site(
        id=row["site"],
        operator=row["operator"],
        landlord=row["landlord"],
        name=row["name"],
        city=row["city"],
        spot=_spot(row),
        status=row["status"],
        announced=_moment(row["announced"]),
        opened=_moment(row["opened"]),
        closed=_moment(row["closed"]),
        source=row["source"],
        note=row["note"],
    )


def _region(row: dict[str, str]) -> ProviderRegion:
    return ProviderRegion(
        provider=row["provider"],
        region=row["region"],
        border_group=row["border_group"],
        spot=_spot(row),
        source=row["source"],
        mark=row["mark"],
    )
