"""MaxMind's databases answer as their JSON sources say; damaged ones are refused or answer as the sound ones."""

from __future__ import annotations

import ipaddress
import json
import random
import runpy
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from maxminddb.const import MODE_MEMORY
from maxminddb.reader import Reader

from residency.errors import SourceError
from residency.sources.intervals import IntervalTable
from residency.sources.mmdb_import import Imported, import_database
from residency.sources.mmdb_shapes import Kept, keep

Write = Callable[..., bytes]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
FLIPS = runpy.run_path(str(Path(__file__).resolve().parents[3] / "bench" / "geoip_flips.py"))
KNOWN = [
    *("GeoIP2-City-Test", "GeoIP2-Country-Test", "GeoIP2-Enterprise-Test", "GeoIP2-ISP-Test"),
    *("GeoIP2-Precision-Enterprise-Test", "GeoLite2-ASN-Test", "GeoLite2-City-Test", "GeoLite2-Country-Test"),
]
FLIPPED = ["GeoLite2-Country-Test", "GeoIP2-City-Test", "GeoIP2-Enterprise-Test", "GeoIP2-Country-Test"]
ALL_FLIPS = 10_000


def told(path: Path) -> Iterator[tuple[Network, Any]]:
    """The networks of a JSON source; IPv4 ones are written in several forms of IPv6."""
    for row in json.loads(path.read_text(encoding="utf-8")):
        for text, record in row.items():
            network = ipaddress.ip_network(text, strict=False)
            if isinstance(network, ipaddress.IPv6Network) and int(network.network_address) < 2**32:
                small = (int(network.network_address), network.prefixlen - 96)
                network = ipaddress.IPv4Network(small) if network.prefixlen >= 96 else network
            yield network, record


def said(imported: Imported, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Kept:
    """What the columns say of one address."""
    c = imported.columns
    family = f"v{address.version}"
    starts = c[f"{family}_starts"]
    wanted = np.uint32(int(address)) if address.version == 4 else np.array(address.packed, dtype="S16")
    row = int(c[f"{family}_codes"][np.searchsorted(starts, wanted, side="right") - 1])
    if row < 0:
        return Kept()

    def text(name: str) -> str:
        return bytes(c[f"{name}_text"][c[f"{name}_at"][row] : c[f"{name}_at"][row + 1]]).decode()

    def number(name: str) -> float | None:
        return None if np.isnan(c[name][row]) else float(c[name][row])

    return Kept(
        country=c["country"][row].decode(),
        part=c["part"][row].decode(),
        city=text("city"),
        lat=number("lat"),
        lon=number("lon"),
        radius_km=number("radius_km"),
        registered=c["registered"][row].decode(),
        asn=int(c["asn"][row]),
        organisation=text("organisation"),
        says_anycast=bool(c["says_anycast"][row]),
    )


@pytest.mark.parametrize("name", KNOWN)
def test_a_database_answers_as_its_source_says(maxmind: Path, now: datetime, name: str) -> None:
    imported = import_database((maxmind / "test-data" / f"{name}.mmdb").read_bytes(), now)
    rows = list(told(maxmind / "source-data" / f"{name}.json"))
    # A network within another one of the source stands on its own: each address has the longest that holds it.
    rows.sort(key=lambda row: row[0].prefixlen, reverse=True)
    checked = 0
    for number, (network, record) in enumerate(rows):
        for address in (network.network_address, network.broadcast_address):
            if any(address in other for other, _ in rows[:number] if other.version == address.version):
                continue
            assert said(imported, address) == keep(record, 0), f"{address} of {network}"
            checked += 1
    assert checked > len(rows)


def test_every_other_valid_database_is_read_or_has_nothing_to_keep(maxmind: Path, now: datetime) -> None:
    refused = {}
    for path in sorted((maxmind / "test-data").glob("*.mmdb")):
        try:
            import_database(path.read_bytes(), now)
        except SourceError as error:
            refused[path.stem] = error.what
    assert set(refused) == {
        "GeoIP2-City-Test-Broken-Double-Format",
        "GeoIP2-City-Test-Invalid-Node-Count",
        "MaxMind-DB-test-broken-pointers-24",
        "MaxMind-DB-test-broken-search-tree-24",
    }


def test_bad_data_is_refused_or_says_what_a_pure_reader_reads(maxmind: Path, now: datetime) -> None:
    read, refused = [], []
    for path in sorted((maxmind / "bad-data").rglob("*.mmdb")):
        try:
            import_database(path.read_bytes(), now)
            read.append(path.stem)
        except SourceError as error:
            refused.append(str(error))
    # Odd but sound: an empty map or array at the end of the metadata.
    assert read == ["libmaxminddb-empty-array-last-in-metadata", "libmaxminddb-empty-map-last-in-metadata"]
    assert len(refused) == 19
    assert all(len(text.splitlines()) == 1 for text in refused)
    for name in read:
        with Reader(maxmind / "bad-data" / "libmaxminddb" / f"{name}.mmdb", MODE_MEMORY) as reader:
            assert {str(record) for _, record in reader} == {"{'ip': 'test'}"}


def test_the_three_flips_that_kill_the_c_reader_are_refused(maxmind: Path, now: datetime) -> None:
    for path in (maxmind / "bit_flips").glob("*.mmdb"):
        with pytest.raises(SourceError):
            import_database(path.read_bytes(), now)


def test_ten_thousand_flipped_bits_never_crash_and_hardly_pass(maxmind: Path) -> None:
    counts: Counter[str] = Counter()
    for name in FLIPPED:
        found, _ = FLIPS["flip"](maxmind / "test-data" / f"{name}.mmdb", ALL_FLIPS // len(FLIPPED), seed=7)
        counts += found
    assert counts.total() == ALL_FLIPS
    # What passes without a stated sha256: a leaf that now names another record, or "no record" and the first record,
    # which are one bit apart. Nothing else in the file tells. `test_geoip_cache.py` shows that a sha256 does.
    assert counts["wrong"] <= 2
    assert counts["invented"] <= 32
    assert counts["silent"] <= 5
    assert counts["refused"] >= 7_600


def test_a_cut_file_is_always_refused(maxmind: Path, now: datetime) -> None:
    content = (maxmind / "test-data" / "GeoLite2-Country-Test.mmdb").read_bytes()
    dice = random.Random(1)
    for length in [0, 1, len(content) - 1, *(dice.randrange(len(content)) for _ in range(100))]:
        with pytest.raises(SourceError):
            import_database(content[:length], now)


# Redundancy that a flat database has: every record is named, and none is stored twice.


def test_a_code_flipped_into_another_one_is_a_record_stored_twice(write: Write, now: datetime) -> None:
    content = write({"1.0.0.0/8": {"country_code": "IE"}, "2.0.0.0/8": {"country_code": "IT"}})
    import_database(content, now)
    with pytest.raises(SourceError, match="stored twice"):
        import_database(content.replace(b"\x42IE", b"\x42IT"), now)
    with pytest.raises(SourceError, match="does not exist"):
        import_database(content.replace(b"\x42IE", b"\x42IG"), now)


def test_a_record_that_no_network_names_any_more_is_seen(write: Write, now: datetime) -> None:
    content = write({"1.0.0.0/8": {"country_code": "IE"}, "2.0.0.0/8": {"country_code": "IT"}})
    was, nothing = (8 + 1 + 16).to_bytes(3, "big"), (8 + 1).to_bytes(3, "big")
    assert content[:54].count(was) == 1
    with pytest.raises(SourceError, match="no network leads to this record"):
        import_database(content[:54].replace(was, nothing) + content[54:], now)


def test_neighbours_that_differ_only_in_what_is_not_kept_are_one_interval(write: Write, now: datetime) -> None:
    content = write({f"{i}.0.0.0/8": {"country_code": "IE", "postcode": str(i)} for i in (4, 5, 6, 7)})
    columns = import_database(content, now).columns
    assert columns["v4_starts"].tolist() == [0, 4 << 24, 8 << 24]
    assert columns["v4_codes"].tolist() == [-1, 0, -1]


def test_a_country_database_that_names_no_country_is_refused(write: Write, now: datetime) -> None:
    content = write({"1.0.0.0/8": {"cguntry": {"iso_code": "IE"}}}, database_type="Acme-Country")
    with pytest.raises(SourceError, match="no record names a country"):
        import_database(content, now)


def test_the_table_of_columns_answers(write: Write, now: datetime) -> None:
    c = import_database(write({"1.0.0.0/8": {"country_code": "IE"}}), now).columns
    table = IntervalTable(c["v4_starts"], c["v4_codes"], c["v6_starts"], c["v6_codes"])
    assert table.lookup_v4(np.array([1 << 24, 2 << 24], dtype=np.uint32)).tolist() == [0, -1]
