"""Who stands behind a GeoIP database: known families by what the file says of itself, then by its name.

Two databases of one family are one witness. ip-location-db's files name no author; their file names do, and a database
that nobody can name is its file's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NOT_STATED = "not stated in the file; as its publisher says"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """An author with the lineage, licence and attribution of its databases."""

    author: str
    lineage: str
    licence: str = NOT_STATED
    attribution: str = ""


_MAXMIND = Family(
    author="maxmind",
    lineage="maxmind",
    licence="GeoLite2 or GeoIP End User License Agreement",
    attribution="This product includes GeoLite Data created by MaxMind (https://www.maxmind.com)",
)
_DB_IP = Family(
    author="db-ip",
    lineage="db-ip",
    licence="CC-BY-4.0 for the Lite editions, else as bought",
    attribution="IP Geolocation by DB-IP (https://db-ip.com)",
)
_IPINFO = Family(
    author="ipinfo",
    lineage="ipinfo",
    licence="CC-BY-SA-4.0 for the Lite and free editions, else as bought",
    attribution="IP address data powered by IPinfo (https://ipinfo.io)",
)
# First match wins: a merged database that names two authors has the lineage of the one that copies the other least.
_SAYS: tuple[tuple[re.Pattern[str], Family], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), family)
    for pattern, family in (
        (r"\bdb-?ip\b|dbip", _DB_IP),
        (r"ipinfo", _IPINFO),
        (r"ip2location", Family(author="ip2location", lineage="ip2location")),
        (r"iplocate", Family(author="iplocate", lineage="iplocate")),
        (r"ipfire|libloc", Family(author="ipfire", lineage="ipfire", licence="CC-BY-SA-4.0")),
        (r"geolite2?|geoip2|^geoip-|maxmind", _MAXMIND),
    )
)
_NAMED: tuple[tuple[re.Pattern[str], Family], ...] = (
    *_SAYS,
    (re.compile(r"iptoasn", re.IGNORECASE), Family(author="iptoasn", lineage="routeviews", licence="PDDL-1.0")),
    (re.compile(r"geo-?whois|asn-country", re.IGNORECASE), Family(author="ip-location-db", lineage="registries")),
)


def family_of(database_type: str, description: str, file_stem: str) -> Family:
    """Return the family of a database; one that is not known has the file's name as author and lineage."""
    for text in (database_type, description):
        for pattern, family in _SAYS:
            if pattern.search(text):
                return family
    for pattern, family in _NAMED:
        if pattern.search(file_stem):
            return family
    return Family(author=file_stem, lineage=file_stem)
