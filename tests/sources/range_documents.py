"""Official range files, built from rows in the shapes that the providers document."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from residency.sources.provider_ranges import ListedSpan
from residency.sources.range_files import show


def as_text(rows: Iterable[ListedSpan], provider: str, day: date) -> str:
    """Write rows of one provider as the file that it would have published on `day`."""
    return _WRITERS[provider](list(rows), day)


def _aws(rows: list[ListedSpan], day: date) -> str:
    found: dict[str, list[dict[str, str]]] = {"prefixes": [], "ipv6_prefixes": []}
    for row in rows:
        key, name = ("prefixes", "ip_prefix") if row.prefix[0] == 4 else ("ipv6_prefixes", "ipv6_prefix")
        region = "GLOBAL" if row.region == "global" else row.region
        for service in row.services.split(","):
            entry = {name: show(row.prefix), "region": region, "service": service}
            found[key].append(entry | {"network_border_group": row.border_group or region})
    return json.dumps({"syncToken": "1780000000", "createDate": f"{day}-21-03-07", **found})


def _google(rows: list[ListedSpan], day: date) -> str:
    prefixes = [
        {f"ipv{row.prefix[0]}Prefix": show(row.prefix), "service": "Google Cloud", "scope": row.region} for row in rows
    ]
    return json.dumps({"syncToken": "1780000000000", "creationTime": f"{day}T07:03:11.12345", "prefixes": prefixes})


def _azure(rows: list[ListedSpan], day: date) -> str:
    tags: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        for service in row.services.split(","):
            tags[service, row.region].append(show(row.prefix))
    values = [
        {
            "name": f"{service}.{region}" if region else service,
            "id": service,
            "properties": {"changeNumber": 1, "region": region, "platform": "Azure", "addressPrefixes": prefixes},
        }
        for (service, region), prefixes in tags.items()
    ]
    return json.dumps({"changeNumber": 411, "cloud": "Public", "values": values})


def _oracle(rows: list[ListedSpan], day: date) -> str:
    regions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        regions[row.region].append({"cidr": show(row.prefix), "tags": row.services.split(",")})
    found = [{"region": region, "cidrs": cidrs} for region, cidrs in regions.items()]
    return json.dumps({"last_updated_timestamp": f"{day}T19:55:47.204985", "regions": found})


def _cloudflare(rows: list[ListedSpan], day: date) -> str:
    by_family = {n: [show(row.prefix) for row in rows if row.prefix[0] == n] for n in (4, 6)}
    result = {"ipv4_cidrs": by_family[4], "ipv6_cidrs": by_family[6], "etag": "38f79d05"}
    return json.dumps({"result": result, "success": True, "errors": [], "messages": []})


def _digitalocean(rows: list[ListedSpan], day: date) -> str:
    return "".join(_digitalocean_rows(rows))


def _digitalocean_rows(rows: list[ListedSpan]) -> Iterator[str]:
    for row in rows:
        part = row.region.upper()
        yield f"{show(row.prefix)},{part[:2]},{part},Somewhere,1105 AT\n"


_WRITERS = {
    "aws": _aws,
    "gcp": _google,
    "azure": _azure,
    "oracle": _oracle,
    "cloudflare": _cloudflare,
    "digitalocean": _digitalocean,
}
