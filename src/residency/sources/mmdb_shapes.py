"""What is kept of a record, for every shape that publishers use, and what a record may not say.

Shapes: MaxMind's and DB-IP's nested maps (country, city, enterprise, ASN, ISP), IPinfo's flat texts, and the flat maps
of ip-location-db. Told apart key by key, not by the name of the database. `registered_country` is kept apart: it says
who holds a network. `represented_country` and `is_in_european_union` are never read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from residency.errors import shorten
from residency.limits import LIMITS
from residency.model.place import PSEUDO_COUNTRIES
from residency.sources.geoname_countries import country_codes, country_of_name, country_of_number
from residency.sources.mmdb_data import Value, damaged

RADIUS_WHERE_NONE_IS_STATED_KM = 100.0
# Codes that name a group, a proxy or a country that is no more: the place is unknown, never outside.
_UNKNOWN_CODES = PSEUDO_COUNTRIES | {"AN", "CS", "YU", "SU", "DD", "TP", "ZR", "BU", "FX", "NT", "UK", "N/A", "-", "--"}
_PART = re.compile(r"[A-Z0-9]{1,3}")
_ASN = re.compile(r"(?:AS)?([0-9]{1,10})", re.IGNORECASE)
_MAX_RADIUS_KM = 20_100.0
_COUNTRY_MAPS = ("country", "registered_country", "represented_country")
_ORGANISATIONS = ("autonomous_system_organization", "as_name", "organization", "org", "isp")
Record = Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one record says that residency reads; "" , None and 0 are what it does not say.

    `country` and `registered` are ISO 3166-1 codes or XK, `part` an ISO 3166-2 code, `radius_km` is set where a
    position is.
    """

    country: str = ""
    part: str = ""
    city: str = ""
    lat: float | None = None
    lon: float | None = None
    radius_km: float | None = None
    registered: str = ""
    asn: int = 0
    organisation: str = ""
    says_anycast: bool = False


def keep(record: Value, offset: int) -> Kept:
    """Return what is kept of a record; raises SourceError where it contradicts itself or names what does not exist."""
    if not isinstance(record, Mapping):
        return Kept()
    _refuse_contradictions(record, offset)
    traits = _map(record, "traits")
    country = _country(record, offset)
    position = _position(record, offset)
    return Kept(
        country=country,
        part=_part(record, country),
        city=_city(record),
        lat=position[0] if position else None,
        lon=position[1] if position else None,
        radius_km=_radius_km(record, offset) if position else None,
        registered=_code(_map(record, "registered_country").get("iso_code"), offset),
        asn=_asn(record) or _asn(traits),
        organisation=_organisation(record) or _organisation(traits),
        says_anycast=traits.get("is_anycast") is True or record.get("is_anycast") is True,
    )


def _country(record: Record, offset: int) -> str:
    named = record.get("country")
    if isinstance(named, Mapping):
        return _code(named.get("iso_code"), offset)
    code = record.get("country_code")
    if isinstance(named, str) and code is None and len(named) == 2:
        code = named  # IPinfo's older files say the code under `country`
    return _code(code, offset)


def _code(value: Value | None, offset: int) -> str:
    if value is None:
        return ""
    code = value.strip().upper() if isinstance(value, str) else str(value)
    if code in country_codes():
        return code
    if code in _UNKNOWN_CODES:
        return ""
    raise damaged(f"a record names the country `{shorten(code, 20)}`, which does not exist", offset)


def _part(record: Record, country: str) -> str:
    """Return the broadest ISO 3166-2 part that a record names by its code."""
    divisions = record.get("subdivisions")
    first = divisions[0] if isinstance(divisions, Sequence) and divisions else None
    code = first.get("iso_code") if isinstance(first, Mapping) else record.get("region_code")
    if not country or not isinstance(code, str):
        return ""
    code = code.removeprefix(country + "-")
    return f"{country}-{code}" if _PART.fullmatch(code) else ""


def _city(record: Record) -> str:
    city = record.get("city")
    if isinstance(city, Mapping):
        names = _map(city, "names")
        city = names.get("en") or next(iter(names.values()), "")
    return city[: LIMITS.max_mmdb_text_characters] if isinstance(city, str) else ""


def _position(record: Record, offset: int) -> tuple[float, float] | None:
    where = _map(record, "location") or record
    lat, lon = where.get("latitude", where.get("lat")), where.get("longitude", where.get("lng"))
    loc = record.get("loc")
    if lat is None and isinstance(loc, str) and loc.count(",") == 1:
        lat, lon = loc.split(",")
    if lat in (None, "") or lon in (None, ""):
        return None
    found = _number(lat), _number(lon)
    if not (abs(found[0]) <= 90 and abs(found[1]) <= 180):  # false for NaN too
        raise damaged("a record names a position that is not on Earth", offset)
    return found


def _radius_km(record: Record, offset: int) -> float:
    stated = _map(record, "location").get("accuracy_radius", record.get("accuracy_radius", record.get("radius")))
    if stated in (None, "", 0):
        return RADIUS_WHERE_NONE_IS_STATED_KM
    radius_km = _number(stated)
    if not 0 < radius_km <= _MAX_RADIUS_KM:
        raise damaged("a record names an accuracy radius that is none", offset)
    return radius_km


def _number(value: Value | None) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else math.nan
    except ValueError:
        return math.nan


def _asn(record: Record) -> int:
    value = record.get("autonomous_system_number", record.get("asn"))
    if isinstance(value, str):
        found = _ASN.fullmatch(value.strip())
        value = int(found[1]) if found else 0
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**32 else 0


def _organisation(record: Record) -> str:
    texts = (record.get(key) for key in _ORGANISATIONS)
    return next((t[: LIMITS.max_mmdb_text_characters] for t in texts if isinstance(t, str) and t), "")


def _map(record: Record, key: str) -> Record:
    value = record.get(key)
    return value if isinstance(value, Mapping) else {}


def _refuse_contradictions(record: Record, offset: int) -> None:
    """A country's code, its GeoNames number and its English name must not stand for different countries."""
    for key in _COUNTRY_MAPS:
        named = record.get(key)
        if not isinstance(named, Mapping):
            continue
        code = named.get("iso_code")
        if code is None and key == "country" and named:
            raise damaged("a record names a country without its code", offset)
        number, name = named.get("geoname_id"), _map(named, "names").get("en")
        _compare(code, country_of_number().get(number) if isinstance(number, int) else None, number, offset)
        _compare(code, country_of_name().get(name.lower()) if isinstance(name, str) else None, name, offset)
    name = record.get("country_name", record.get("country"))
    if isinstance(name, str) and len(name) > 2:
        _compare(record.get("country_code"), country_of_name().get(name.lower()), name, offset)


def _compare(code: Value | None, other: str | None, said: Value | None, offset: int) -> None:
    if isinstance(code, str) and code in country_codes() and other is not None and other != code:
        raise damaged(f"a record contradicts itself: country {code}, but {shorten(str(said), 40)} is {other}", offset)


def ties(record: Value) -> Iterator[tuple[str, int | str, str]]:
    """Yield (kind, key, country) for everything that belongs to one country in MaxMind's files: see `Ties`."""
    if not isinstance(record, Mapping):
        return
    code = _map(record, "country").get("iso_code")
    if not isinstance(code, str):
        return
    continent = _map(record, "continent").get("code")
    if isinstance(continent, str):
        yield "continent of", code, continent
    divisions = record.get("subdivisions")
    for division in divisions if isinstance(divisions, Sequence) and not isinstance(divisions, str) else ():
        number = division.get("geoname_id") if isinstance(division, Mapping) else None
        if isinstance(number, int):
            yield "part", number, code
    number = _map(record, "city").get("geoname_id")
    if isinstance(number, int):
        yield "city", number, code


class Ties:
    """Continents, parts and cities seen with their country; a second country for one of them is damage."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int | str], str] = {}

    def check(self, record: Value, offset: int) -> None:
        """Remember what a record ties together; raises SourceError where another record tied it otherwise."""
        for kind, key, value in ties(record):
            seen = self._seen.setdefault((kind, key), value)
            if seen != value:
                raise damaged(f"two records disagree: {kind} {key} is {seen} in one and {value} in another", offset)
