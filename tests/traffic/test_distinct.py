"""What the engine takes for canonical without asking Python is what the strict readers make of it."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable

import duckdb
import pytest

from residency.traffic.distinct import TABLE_OF, Distinct, read_address, read_host

ODD = ["", " ", "0", "1.2.3.4 ", "01.2.3.4", "1.2.3.256", "::1", "::ffff:1.2.3.4", "64:ff9b::1.2.3.4", "fe80::1%eth0"]
ODD += ["2001::1", "2002:102:304::", "201ab::1", "20a:::1", "2a00::0:1", "2a00::1:0:2", "2a00:0:0:1::5", "2A00::1"]
ODD += ["2a00::1:2:3:4:5:6", "2a00:1:2:3:4:5::6", "2a00:1:2:3:4::5", "2a00:1:2:3::4:5:6", "2a00::1::2", "21a::1"]


def addresses() -> list[str]:
    """Return texts that are IPv6 addresses or nearly so: groups of every length, `::` anywhere, zeros, capitals."""
    draw = random.Random(5)
    made = list(ODD)
    for _ in range(20_000):
        groups = [draw.choice(["0", "1", "ab", "0ab", "d018", "ffff", "2a05"]) for _ in range(draw.randint(1, 8))]
        groups[0] = draw.choice(["2a05", "2001", "201a", "20a", "2", "fe80", "26ab"])
        groups.insert(draw.randint(0, len(groups)), "")
        made.append(":".join(groups))
        made.append(str(ipaddress.IPv6Address((2 << 124) + draw.getrandbits(draw.choice([16, 64, 124])))))
        made.append(str(ipaddress.IPv4Address(draw.getrandbits(32))))
    return sorted(set(made))


def hosts() -> list[str]:
    """Return texts that are host names or nearly so."""
    draw = random.Random(6)
    pieces = ["a", "b-c", "_dmarc", "xn--bcher-kva", "A", "1", "-", "", "a" * 63, "a" * 64, "com", "é", "127"]
    made = [".".join(draw.choices(pieces, k=draw.randint(1, 5))) for _ in range(5_000)]
    return sorted({*made, ".", " ", "a.", "1.2.3.4", "::1", ".".join(["a" * 60] * 5)})


@pytest.mark.parametrize(
    ("texts", "take", "table", "columns", "read"),
    [
        (addresses(), "addresses", "seen_address", "canonical, form, reason", read_address),
        (hosts(), "hosts", "seen_host", "canonical, reason", read_host),
    ],
    ids=["addresses", "hosts"],
)
def test_each_text_is_read_as_the_strict_reader_reads_it(
    texts: list[str], take: str, table: str, columns: str, read: Callable[[str], tuple[object, ...]]
) -> None:
    con = duckdb.connect()
    distinct = Distinct(con)
    con.execute("CREATE TABLE given (text VARCHAR)")
    con.executemany("INSERT INTO given VALUES (?)", [(text,) for text in texts])
    getattr(distinct, take)("SELECT text FROM given")
    found = {text: tuple(row) for text, *row in con.execute(f"SELECT text, {columns} FROM {table}").fetchall()}
    assert found == {text: read(text) for text in texts}
    plain = con.execute("SELECT count(*) FILTER (is_plain), count(*) FROM fresh").fetchone()
    assert plain is not None
    assert plain[0] > plain[1] / 20  # the quick way was taken, and not always
    assert plain[0] < plain[1]


def test_a_small_relation_is_read_as_a_large_one_is() -> None:
    draw = random.Random(7)
    words = {
        "server_ip": [*draw.sample(addresses(), 300), "3", "4294967296", "-1"],
        "server_port": ["443", "443.0", "-1", "65536", "", "http"],
        "proto": ["tcp", "TCP", "6", "256", ""],
        "host": draw.sample(hosts(), 300),
        "named_by": ["sni", "SNI", "dns", "guess", ""],
    }
    kept: list[list[list[tuple[object, ...]]]] = []
    for is_small in (False, True):
        draw = random.Random(8)
        with duckdb.connect() as connection:
            distinct = Distinct(connection)
            connection.execute(
                "CREATE TABLE t (server_ip VARCHAR, server_port VARCHAR, proto VARCHAR, host VARCHAR, "
                "named_by VARCHAR, int_address BOOLEAN, part INTEGER)"
            )
            rows = [
                (*(draw.choice([*every, None]) for every in words.values()), n % 5 == 0, n // 300) for n in range(900)
            ]
            connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            for part in (0, 1, 1, 2):  # the second time nothing is new
                distinct.read("t", f"part = {part}", is_small=is_small)
            assert distinct.has_faults()
            kept.append([connection.execute(f"FROM {one} ORDER BY ALL").fetchall() for one in TABLE_OF.values()])
    assert kept[0] == kept[1]
    assert all(len(rows) > 3 for rows in kept[0])
