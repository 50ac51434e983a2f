"""Measure the built tables against a list of prefixes of known region; print shares and disagreements by cause.

The list (`--truth`, a parquet file with prefix, provider, region, border_group, country) is not part of the
project. It is what providers declare, not a measurement of where servers are.
"""

from __future__ import annotations

import argparse
from bisect import bisect_right
from collections import Counter, defaultdict
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from common import DATA, GEO, read_rows, read_table

Row = dict[str, Any]
Ranges = dict[tuple[int, int], dict[int, list[Row]]]


def read_ranges() -> Ranges:
    """Index the provider ranges by (family, length), then by address."""
    index: Ranges = defaultdict(lambda: defaultdict(list))
    for row in read_table(GEO / "provider_ranges.arrow").to_pylist():
        index[row["family"], row["length"]][row["hi"] << 64 | row["lo"]].append(row)
    return index


def find(index: Ranges, prefix: str, provider: str) -> tuple[str, list[Row]]:
    """Find the rows of a provider for a prefix: the same prefix, else the nearest wider one."""
    network = ip_network(prefix)
    for length in range(network.prefixlen, 7, -1):
        wider = network.supernet(new_prefix=length)
        rows = index[network.version, length].get(int(wider.network_address), [])
        own = [row for row in rows if row["provider"] == provider]
        if own:
            newest = max(row["last_listed"] for row in own)
            return ("same prefix" if wider == network else "wider prefix"), [
                r for r in own if r["last_listed"] == newest
            ]
    return "absent", []


def compare(index: Ranges, truth: Row) -> tuple[str, str]:
    """Name what the table says of a known prefix, and how it found it."""
    how, rows = find(index, truth["prefix"], truth["provider"])
    if not rows:
        return "absent", how
    row = rows[0]
    if row["region"] != truth["region"].lower():
        return f"other region ({row['scope']}, ours {row['region'] or 'none'})", how
    if truth["provider"] != "aws" or row["border_group"] == truth["border_group"]:
        return ("equal" if row["scope"] == "regional" else f"equal, but {row['scope']}"), how
    local = "local zone" if truth["border_group"] != truth["region"] else "main group"
    return f"region equal; border group {'unknown' if not row['border_group'] else 'differs'} ({local})", how


def country_at(family: str) -> Any:
    """Return a function from an address (as a number) to the country of the embedded database."""
    table = read_table(GEO / f"country_{family}.arrow").to_pydict()
    starts = table.get("start") or [
        high << 64 | low for high, low in zip(table["start_hi"], table["start_lo"], strict=True)
    ]
    return lambda number: table["country"][bisect_right(starts, number) - 1]


def measure_ranges(truths: list[Row]) -> None:
    """Print, for each provider, how often the table agrees with the list."""
    index = read_ranges()
    outcomes: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for truth in truths:
        outcomes[truth["provider"]][compare(index, truth)] += 1
    for provider, counts in sorted(outcomes.items()):
        total = counts.total()
        print(f"{provider}: {total} prefixes")
        for (outcome, how), number in counts.most_common():
            print(f"  {number:6} {number / total:8.2%}  {outcome} [{how}]")


def measure_country(truths: list[Row], what: str) -> None:
    """Print how often the country database names the declared country, by prefix and by IPv4 address."""
    databases = {4: country_at("v4"), 6: country_at("v6")}
    right, total, right_v4, total_v4 = 0, 0, 0, 0
    wrong: Counter[tuple[str, str]] = Counter()
    for truth in truths:
        network = ip_network(truth["prefix"])
        said = databases[network.version](int(network.network_address))
        right, total = right + (said == truth["country"]), total + 1
        if network.version == 4:
            right_v4 += (said == truth["country"]) * network.num_addresses
            total_v4 += network.num_addresses
        if said != truth["country"]:
            wrong[truth["country"], said] += 1
    by_address = f", {right_v4 / total_v4:.2%} of IPv4 addresses" if total_v4 else ""
    print(f"country, {what}: {right} of {total} prefixes ({right / max(total, 1):.2%}){by_address}")
    print("  declared/said:", ", ".join(f"{a}/{b or '-'} {n}" for (a, b), n in wrong.most_common(12)))


def main() -> None:
    """Read the list and print both measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truth", type=Path, required=True)
    truths: list[Row] = pq.read_table(parser.parse_args().truth).to_pylist()
    measure_ranges(truths)
    europe = {row["code"] for row in read_rows(DATA / "countries.csv") if row["continent"] == "EU"}
    measure_country(truths, "all")
    measure_country([truth for truth in truths if truth["country"] in europe], "European")
    for provider in ("aws", "azure", "gcp", "oracle"):
        measure_country([truth for truth in truths if truth["provider"] == provider], provider)


if __name__ == "__main__":
    main()
