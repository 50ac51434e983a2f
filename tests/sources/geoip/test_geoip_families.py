"""Databases of one author are one witness, by whatever name they come."""

from __future__ import annotations

import pytest

from residency.shipped import manifest
from residency.sources.geoip_families import family_of


@pytest.mark.parametrize(
    ("database_type", "description", "stem", "lineage"),
    [
        ("GeoLite2-City", "GeoLite2 City database", "x", "maxmind"),
        ("GeoIP2-Country", "", "x", "maxmind"),
        ("GeoIP-Anonymous-Plus", "", "x", "maxmind"),
        ("DBIP-City-Lite", "DB-IP City Lite", "x", "db-ip"),
        ("DBIP-Country", "compatible with GeoIP2", "x", "db-ip"),
        ("ipinfo generic_country_asn.mmdb", "", "x", "ipinfo"),
        ("country ipv4", "", "dbip-country-ipv4", "db-ip"),
        ("city ipv4", "", "geolite2-city-ipv4", "maxmind"),
        ("country ipv4", "", "iptoasn-country-ipv4", "routeviews"),
        ("city", "", "acme", "acme"),
    ],
)
def test_a_family_is_known_by_type_description_or_file_name(
    database_type: str, description: str, stem: str, lineage: str
) -> None:
    assert family_of(database_type, description, stem).lineage == lineage


def test_a_db_ip_file_is_no_second_witness_beside_the_shipped_one() -> None:
    shipped = manifest()["dbip-country-v4"].snapshot
    family = family_of("DBIP-Country-Lite", "", "x")
    assert (family.author, family.lineage) == (shipped.author, shipped.lineage or shipped.author)
