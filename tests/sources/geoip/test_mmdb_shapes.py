"""Every publisher's shape gives the same few facts, and a record that contradicts itself is refused."""

from __future__ import annotations

from typing import Any

import pytest

from residency.errors import SourceError
from residency.sources.mmdb_shapes import Kept, Ties, keep

DUBLIN: dict[str, Any] = {"lat": 53.33, "lon": -6.25, "radius_km": 100.0}
SHAPES: dict[str, tuple[Any, Kept]] = {
    "maxmind city": (
        {
            "city": {"names": {"de": "Dublin", "en": "Dublin"}},
            "country": {"iso_code": "IE", "geoname_id": 2963597, "names": {"en": "Ireland"}},
            "location": {"latitude": 53.33, "longitude": -6.25, "accuracy_radius": 20},
            "registered_country": {"iso_code": "US", "geoname_id": 6252001},
            "subdivisions": [{"iso_code": "L"}, {"iso_code": "D"}],
            "traits": {"is_anycast": True},
        },
        Kept(
            country="IE",
            part="IE-L",
            city="Dublin",
            lat=53.33,
            lon=-6.25,
            radius_km=20.0,
            registered="US",
            says_anycast=True,
        ),
    ),
    "maxmind enterprise": (
        {"country": {"iso_code": "NO"}, "traits": {"autonomous_system_number": 1, "organization": "A"}},
        Kept(country="NO", asn=1, organisation="A"),
    ),
    "maxmind asn": (
        {"autonomous_system_number": 15169, "autonomous_system_organization": "Google Inc."},
        Kept(asn=15169, organisation="Google Inc."),
    ),
    "registered only": ({"registered_country": {"iso_code": "CN"}}, Kept(registered="CN")),
    "represented is not read": ({"represented_country": {"iso_code": "US"}}, Kept()),
    "continent only": ({"continent": {"code": "EU"}}, Kept()),
    "ip-location-db country": ({"country_code": "IE"}, Kept(country="IE")),
    "ip-location-db city": (
        {"city": "Dublin", "country_code": "IE", "latitude": 53.33, "longitude": -6.25, "state1": "Leinster"},
        Kept(country="IE", city="Dublin", **DUBLIN),
    ),
    "ipinfo lite": (
        {"asn": "AS15169", "as_name": "Google LLC", "country": "Ireland", "country_code": "IE", "continent_code": "EU"},
        Kept(country="IE", asn=15169, organisation="Google LLC"),
    ),
    "ipinfo older": ({"country": "IE", "country_name": "Ireland"}, Kept(country="IE")),
    "ipinfo standard": (
        {"city": "Dublin", "country": "IE", "lat": "53.33", "lng": "-6.25", "region_code": "L"},
        Kept(country="IE", part="IE-L", city="Dublin", **DUBLIN),
    ),
    "ipinfo loc": ({"country": "IE", "loc": "53.33,-6.25"}, Kept(country="IE", **DUBLIN)),
    "a text": ("IE", Kept()),
    "nothing": ({}, Kept()),
}


@pytest.mark.parametrize(("record", "kept"), SHAPES.values(), ids=SHAPES.keys())
def test_a_shape_is_read(record: Any, kept: Kept) -> None:
    assert keep(record, 0) == kept


@pytest.mark.parametrize("code", ["EU", "AP", "ZZ", "A1", "A2", "O1", "XX", "", "AN"])
def test_a_code_that_is_no_one_country_is_unknown(code: str) -> None:
    assert keep({"country": {"iso_code": code}}, 0).country == ""
    assert keep({"country_code": code}, 0).country == ""


def test_is_in_european_union_is_never_read() -> None:
    said: Any = {"country": {"iso_code": "NO", "is_in_european_union": True}}
    assert keep(said, 0) == keep({"country": {"iso_code": "NO"}}, 0)


def test_a_territory_without_a_default_is_not_made_anycast() -> None:
    assert not keep({"country_code": "IE", "traits": {"is_anycast": False}}, 0).says_anycast


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"country_code": "IG"}, "`IG`, which does not exist"),
        ({"country": {"iso_code": "GE", "geoname_id": 2635167}}, "country GE, but 2635167 is GB"),
        ({"country": {"iso_code": "IT", "names": {"en": "Ireland"}}}, "country IT, but Ireland is IE"),
        ({"registered_country": {"iso_code": "IT", "geoname_id": 2963597}}, "contradicts itself"),
        ({"country_code": "IT", "country": "Ireland"}, "country IT, but Ireland is IE"),
        ({"country": {"geoname_id": 2963597}}, "without its code"),
        ({"country_code": "IE", "latitude": 91.0, "longitude": 0.0}, "not on Earth"),
        ({"country_code": "IE", "latitude": float("nan"), "longitude": 0.0}, "not on Earth"),
        ({"location": {"latitude": 1.0, "longitude": 1.0, "accuracy_radius": 30_000}}, "accuracy radius"),
    ],
)
def test_what_cannot_be_is_refused(record: Any, why: str) -> None:
    with pytest.raises(SourceError, match=why):
        keep(record, 7)


def test_records_that_tie_a_city_a_part_or_a_continent_to_two_countries_are_refused() -> None:
    ties = Ties()
    record: Any = {"city": {"geoname_id": 1}, "continent": {"code": "EU"}, "subdivisions": [{"geoname_id": 2}]}
    ties.check(record | {"country": {"iso_code": "IE"}}, 0)
    ties.check(record | {"country": {"iso_code": "IE"}}, 1)
    others: list[Any] = [
        {"country": {"iso_code": "NO"}, "city": {"geoname_id": 1}},
        {"country": {"iso_code": "NO"}, "subdivisions": [{"geoname_id": 2}]},
        {"country": {"iso_code": "IE"}, "continent": {"code": "AS"}},
    ]
    for other in others:
        with pytest.raises(SourceError, match="two records disagree"):
            ties.check(other, 2)
