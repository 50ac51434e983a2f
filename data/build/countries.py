"""Build countries.csv: the ISO 3166-1 codes with an English name, a representative point and a continent.

Names and codes come from PyPI iso3166. The point is the innermost point of the country's largest landmass (Natural
Earth); a territory that Natural Earth draws as part of another country gets its time zone's city instead (tzdata).
The point is for maps and labels: it is no evidence of where anything is.
"""

from __future__ import annotations

import re
from pathlib import Path

from atlas import inner_point, read_outlines
from common import DATA, ISO3166, TZDATA, fetch_pypi, import_fetched, work_folder, write_rows

# Seven continents. A country on two is counted once: Russia and Cyprus EU; Turkey, the Caucasus, Kazakhstan AS;
# Egypt AF; Indonesia AS. No verdict rests on a continent.
CONTINENTS = {
    "AF": "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG ML MR MU "
    "MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW",
    "AN": "AQ BV GS HM TF",
    "AS": "AE AF AM AZ BD BH BN BT CC CN CX GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN MO "
    "MV MY NP OM PH PK PS QA SA SG SY TH TJ TL TM TR TW UZ VN YE",
    "EU": "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU LV "
    "MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA",
    "NA": "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX NI PA PM PR "
    "SV SX TC TT US VC VG VI",
    "OC": "AS AU CK FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS",
    "SA": "AR BO BR CL CO EC FK GF GY PE PY SR UY VE",
}
# The package also lists a code that ISO leaves to its users and gives to no country.
USER_ASSIGNED = frozenset({"XK"})
# Drawn by nobody and without a time zone of its own.
POINTS = {"BV": (-54.42, 3.36), "HM": (-53.1, 73.51)}


def read_zone_points(work: Path) -> dict[str, tuple[float, float]]:
    """Read the city of the first time zone listed for each country: code to (lat, lon)."""
    text = (fetch_pypi(TZDATA, work) / "tzdata" / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    points: dict[str, tuple[float, float]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            code, position = line.split("\t")[:2]
            latitude, longitude = re.findall(r"[+-]\d+", position)
            points.setdefault(code, (_degrees(latitude, 2), _degrees(longitude, 3)))
    return points


def _degrees(text: str, digits: int) -> float:
    sign = -1 if text[0] == "-" else 1
    degrees, minutes, seconds = text[1 : 1 + digits], text[1 + digits : 3 + digits], text[3 + digits :] or "0"
    return sign * (int(degrees) + int(minutes) / 60 + int(seconds) / 3600)


def main() -> None:
    """Build the file; every code must have a continent and a point."""
    work = work_folder(__doc__ or "")
    outlines, zones = read_outlines(work), read_zone_points(work)
    continents = {code: name for name, codes in CONTINENTS.items() for code in codes.split()}
    rows = []
    for country in import_fetched(ISO3166, "iso3166", work).countries:
        code, outline = country.alpha2, outlines.get(country.numeric)
        if code in USER_ASSIGNED:
            continue
        if outline:
            lon, lat = inner_point(outline)
        else:
            lat, lon = POINTS.get(code) or zones[code]
        rows.append((code, country.alpha3, country.name, f"{lat:.2f}", f"{lon:.2f}", continents[code]))
    if {row[0] for row in rows} != set(continents):
        raise ValueError("the continents do not name exactly the codes of ISO 3166-1")
    write_rows(DATA / "countries.csv", ["code", "alpha3", "name", "lat", "lon", "continent"], sorted(rows))


if __name__ == "__main__":
    main()
