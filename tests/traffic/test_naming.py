"""Names by DNS: the cut segments say what a search of all answers would say, over inputs of any format."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.traffic.conftest import GOOD, HEADER, Write, read
from tests.traffic.test_zeek import DNS, tsv

from residency.traffic.naming import Answer, Segment, cut_segments

T0 = 1_780_272_000  # the time of GOOD and of DNS, in seconds

answers = st.lists(
    st.tuples(
        st.sampled_from(["1", "2"]), st.just("9"), st.integers(0, 30), st.integers(0, 12), st.sampled_from("abc")
    ),
    max_size=25,
).map(lambda found: sorted({(c, a, begin, begin + life, h) for c, a, begin, life, h in found}))


def searched(found: Sequence[Answer], client: str, at_us: int) -> tuple[str | None, bool]:
    """What looking at every answer says: the latest living name, and whether several live."""
    living = [(begin, host) for c, _, begin, until, host in found if c == client and begin <= at_us <= until]
    return max(living)[1] if living else None, len({host for _, host in living}) > 1


def looked_up(segments: Sequence[Segment], client: str, at_us: int) -> tuple[str | None, bool]:
    before = [one for one in segments if one.client == client and one.from_us <= at_us]
    last = max(before, key=lambda one: one.from_us, default=None)
    return (None, False) if last is None else (last.host, last.is_shared)


@given(answers)
def test_segments_say_what_a_search_says(found: list[Answer]) -> None:
    segments = list(cut_segments(found))
    for client in "12":
        for at_us in range(-1, 45):
            assert looked_up(segments, client, at_us) == searched(found, client, at_us)
    assert len({(one.client, one.from_us) for one in segments}) == len(segments) <= 2 * len(found)


@given(answers, st.lists(st.tuples(st.sampled_from("12"), st.integers(0, 45)), min_size=1, max_size=20))
def test_flows_are_named_as_a_search_says(tmp_path: Path, found: list[Answer], flows: list[tuple[str, int]]) -> None:
    """Over files: Zeek's answers name rows of a flow table. Lives are counted from the end of the grace."""
    grace_s = 300
    rows = [
        DNS
        | {"ts": str(T0 + begin), "uid": f"D{i}", "id.orig_h": f"10.0.0.{client}", "query": f"{host}.example"}
        | {"answers": "81.2.69.160", "TTLs": str(until - begin)}
        for i, (client, _, begin, until, host) in enumerate(found)
    ]
    shifted = [(c, a, begin, until + grace_s, f"{h}.example") for c, a, begin, until, h in found]
    lines = [
        GOOD.replace("10.0.0.1", f"10.0.0.{client}").replace("a.example", "").replace("2026-06-01T00:00:00Z", str(ts))
        for client, ts in ((client, T0 + 10 * at) for client, at in flows)
    ]
    (tmp_path / "dns.log").write_text(tsv("dns", rows))
    (tmp_path / "flows.csv").write_text(HEADER + "".join(lines))
    result = read([tmp_path / "flows.csv", tmp_path / "dns.log"] if rows else [tmp_path / "flows.csv"])
    expected: dict[tuple[str | None, str | None], int] = {}
    for client, at in flows:
        host, is_shared = searched(shifted, client, 10 * at)
        key = (host, None if host is None else "dns_shared" if is_shared else "dns")
        expected[key] = expected.get(key, 0) + 1
    assert {(g["host"], g["named_by"]): g["records"] for g in result.groups} == expected


def dns(write: Write, **changes: str) -> Path:
    return write("dns.log", tsv("dns", [DNS | {"ts": str(T0 - 5)} | changes]))


UNNAMED = GOOD.replace("a.example", "")


def names(result: Any) -> list[tuple[str | None, str | None]]:
    return [(g["host"], g["named_by"]) for g in result.groups]


def test_every_kind_of_flow_table_is_named(write: Write, tmp_path: Path) -> None:
    row = dict(zip(HEADER.strip().split(","), UNNAMED.strip().split(","), strict=True)) | {"host": None}
    table = pa.Table.from_pylist([row])
    pq.write_table(table, tmp_path / "flows.parquet")
    tables = (
        write("flows.csv", HEADER + UNNAMED),
        write("flows.json", json.dumps({k: v for k, v in row.items() if v} | {"bytes_sent": 5}) + "\n"),
        tmp_path / "flows.parquet",
        table,
    )
    for one in tables:
        assert names(read([one, dns(write)])) == [("d.example", "dns")]


def test_a_named_flow_keeps_its_name_and_an_address_is_none(write: Write) -> None:
    rows = GOOD + GOOD.replace("a.example", "81.2.69.160")
    result = read([write("flows.csv", HEADER + rows), dns(write)])
    assert names(result) == [("a.example", "stated"), ("d.example", "dns")]


def test_clients_and_servers_are_compared_in_canonical_form(write: Write) -> None:
    flows = UNNAMED.replace("10.0.0.1", "2001:DB8:0::1").replace("81.2.69.160", "::ffff:81.2.69.160")
    other = {"id.orig_h": "2001:db8::1"}
    assert names(read([write("flows.csv", HEADER + flows), dns(write, **other)])) == [("d.example", "dns")]


def test_clients_held_as_integers_are_named(write: Write) -> None:
    columns = {"ts": [float(T0)], "client_ip": [10 * 2**24 + 1], "server_ip": [81 * 2**24 + 2 * 2**16 + 69 * 256 + 160]}
    assert names(read([pa.table(columns), dns(write)])) == [("d.example", "dns")]


@pytest.mark.parametrize("change", [{"id.orig_h": "10.0.0.9"}, {"answers": "81.2.69.161"}, {"ts": str(T0 + 1)}])
def test_other_clients_addresses_and_later_answers_name_nothing(write: Write, change: dict[str, str]) -> None:
    assert names(read([write("flows.csv", HEADER + UNNAMED), dns(write, **change)])) == [(None, None)]


def test_without_client_addresses_nothing_is_named(write: Write) -> None:
    text = HEADER.replace("client_ip", "nobody") + UNNAMED
    assert names(read([write("flows.csv", text), dns(write)])) == [(None, None)]


def test_bad_rows_keep_their_line_beside_answers(write: Write) -> None:
    result = read([write("flows.csv", HEADER + UNNAMED + UNNAMED.replace("443", "x") + UNNAMED), dns(write)])
    assert [line for line, _ in result.reasons] == [3]
    assert names(result) == [("d.example", "dns")]


def test_a_long_chain_of_overlapping_answers_is_cut_in_few_steps() -> None:
    """Every answer overlaps every other: a join would look at the square of them."""
    count = 20_000

    def rows() -> Iterator[Answer]:
        for i in range(count):
            yield "1", "9", i, 10 * count - i, f"h{i % 7}"

    assert len(list(cut_segments(rows()))) <= 2 * count
