"""Conversations: nothing is lost or counted twice, and neither the order of records nor their direction matters."""

from __future__ import annotations

from typing import Any

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from residency.traffic.logs.conversations import FIELDS, grouped

HOSTS = ("10.0.0.1", "10.0.0.2", "2001:db8::1")
RECORD = st.builds(
    lambda ends, ports, proto, start, length, sizes, back: (*ends, *ports, proto, start, start + length, *sizes, *back),
    st.permutations(HOSTS).map(lambda hosts: hosts[:2]),
    st.sampled_from([(50_000, 443), (443, 50_000), (50_000, 50_001), (8443, 443), (None, None)]),
    st.sampled_from(["tcp", "udp", "icmp"]),
    st.integers(0, 10**9),
    st.integers(0, 10**7),
    st.tuples(st.integers(0, 10**6) | st.none(), st.integers(0, 100)),
    st.just((None, None)) | st.tuples(st.integers(0, 10**6), st.integers(1, 100)),
)


def conversations(records: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE records ({FIELDS})")
    for line, record in enumerate(records, 1):
        connection.execute(f"INSERT INTO records VALUES ({', '.join('?' * 14)})", [line, *record, None, None])
    rows = connection.sql(f"SELECT * EXCLUDE (line) FROM ({grouped('records')}) ORDER BY ALL").to_arrow_table()
    connection.close()
    return list(rows.to_pylist())


@given(st.lists(RECORD, min_size=1, max_size=12))
def test_every_record_and_every_byte_is_in_one_conversation(records: list[tuple[Any, ...]]) -> None:
    found = conversations(records)
    assert sum(row["records"] for row in found) == len(records)
    total = sum((row["bytes_sent"] or 0) + (row["bytes_received"] or 0) for row in found)
    assert total == sum((record[7] or 0) + (record[9] or 0) for record in records)
    assert all(row["ts"] <= row["ended"] for row in found)


@given(st.lists(RECORD, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(records: list[tuple[Any, ...]], random: Any) -> None:
    # Of records that begin and end at the same moment the one that stands first is taken for the first.
    apart = list({record[5:7]: record for record in records}.values())
    shuffled = random.sample(apart, len(apart))
    assert conversations(shuffled) == conversations(apart)


@given(RECORD)
def test_a_record_and_its_mirror_are_one_conversation(record: tuple[Any, ...]) -> None:
    src, dst, sport, dport, proto, start, end, sent, packets, _, _ = record
    [row] = conversations(
        [(*record[:9], None, None), (dst, src, dport, sport, proto, start + 1, end + 1, sent, packets, None, None)]
    )
    assert row["records"] == 2
    assert row["bytes_sent"] == row["bytes_received"] == sent
    both = conversations([(src, dst, sport, dport, proto, start, end + 1, sent, packets, sent, packets)])
    assert [{**row, "records": 1}] == both
