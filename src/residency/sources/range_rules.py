"""How the entries of providers' lists are read: regions in one spelling, services as sets, and which have a place.

The same rules read a given file, an updated one, and (in data/build) the snapshots that ship with residency.
"""

from __future__ import annotations

from collections.abc import Iterable

# Azure's service tags name some regions by an older alias.
AZURE_ALIASES = {
    "brazilne": "brazilnortheast",
    "brazilse": "brazilsoutheast",
    "centralfrance": "francecentral",
    "chilec": "chilecentral",
    "germanyn": "germanynorth",
    "germanywc": "germanywestcentral",
    "norwaye": "norwayeast",
    "norwayw": "norwaywest",
    "southfrance": "francesouth",
    "switzerlandn": "switzerlandnorth",
    "switzerlandw": "switzerlandwest",
    "usstagec": "southcentralusstg",
    "usstagee": "eastusstg",
}
# Services that answer from wherever the client is: they have no place, whatever region the list gives.
ANYCAST_SERVICES = frozenset({"GLOBALACCELERATOR"})
# Anycast too, except on the prefixes of a partition that runs it inside its own regions (listed with EC2).
_NAME_SERVICE = "ROUTE53"
EDGE_SERVICES = frozenset({"CLOUDFRONT", "CLOUDFRONT_ORIGIN_FACING", "AZUREFRONTDOOR", "AZURECDN"})
_ANYCAST_PROVIDERS = frozenset({"cloudflare", "fastly"})
# Lists that say who holds a prefix and nothing of where: silence on the region is no sign of anycast there.
_UNPLACED_LISTS = frozenset({"github-meta", "google"})


def normalise_region(provider: str, region: str) -> str:
    """Give the provider's official region id in lower case."""
    lower = region.lower()
    return AZURE_ALIASES.get(lower, lower) if provider == "azure" else lower


def read_services(provider: str, text: str) -> frozenset[str]:
    """Split a service field; Azure's tags lose their region suffix (`SQL.WESTEUROPE` is `SQL`)."""
    names = {name.strip().upper() for name in text.split(",")} - {""}
    return frozenset(name.split(".")[0] for name in names) if provider == "azure" else frozenset(names)


def find_scope(list_id: str, region: str, services: Iterable[str]) -> str:
    """Tell whether the region is a place: `regional`, else why not (`anycast`, `edge`, `global`, `unplaced`)."""
    named = frozenset(services)
    if list_id in _ANYCAST_PROVIDERS or named & ANYCAST_SERVICES or (_NAME_SERVICE in named and "EC2" not in named):
        return "anycast"
    if named & EDGE_SERVICES:
        return "edge"
    if list_id in _UNPLACED_LISTS:
        return "unplaced"
    return "regional" if region not in ("", "global") else "global"
