"""Laws: whatever is done to an input, no record is lost or counted twice, and the two ways of reading agree."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.traffic.conftest import GOOD, HEADER, read
from tests.traffic.test_ndjson import line
from tests.traffic.test_zeek import CONN, DNS, HTTP, SSL, tsv

from residency.errors import InputError
from residency.model.network import parse_address
from residency.traffic.columns import Kind, client_check
from residency.traffic.csv_format import CsvSource

_CSV = (
    HEADER + GOOD * 3 + GOOD.replace("a.example", '"b.example"') + GOOD.replace("2026-06-01T00:00:00Z", "1780272000.5")
).encode()
_NDJSON = (line() + line(host=None, bytes_sent=None) + line(ts=1780272000.25)).encode()
_ZEEK = (
    tsv("conn", [CONN, CONN | {"uid": "C2"}]) + tsv("ssl", [SSL]) + tsv("http", [HTTP]) + tsv("dns", [DNS])
).encode()
_BITS = [
    b"\n",
    b"\r",
    b"\0",
    b'"',
    b",",
    b"\t",
    b"\xff",
    b"-",
    b".",
    b"9",
    b"e",
    b"{",
    b"}",
    b"\n\n",
    b"#",
    b"\\x09",
    b"",
    b"\r\n",
    b"1e3",
    b" ",
]

edits = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 12), st.sampled_from(_BITS)), min_size=1, max_size=4)


def mutate(data: bytes, changes: list[tuple[int, int, bytes]], first: int) -> bytes:
    for place, length, bits in changes:
        at = first + place % max(len(data) - first, 1)
        data = data[:at] + bits + data[at + length :]
    return data


def lines_of(data: bytes) -> int:
    return len([one for one in data.split(b"\n") if one.removesuffix(b"\r")])


def account(path: Path, data: bytes, records: Callable[[bytes], int] | None) -> None:
    path.write_bytes(data)
    try:
        result = read([path])
    except InputError:
        return
    if records is not None:
        assert result.one.records == records(data)


@given(edits)
def test_csv(tmp_path: Path, changes: list[tuple[int, int, bytes]]) -> None:
    account(tmp_path / "a.csv", mutate(_CSV, changes, len(HEADER)), lambda data: lines_of(data) - 1)


@given(edits)
def test_ndjson(tmp_path: Path, changes: list[tuple[int, int, bytes]]) -> None:
    account(tmp_path / "a.json", mutate(_NDJSON, changes, len(line())), lines_of)


@given(edits)
def test_zeek(tmp_path: Path, changes: list[tuple[int, int, bytes]]) -> None:
    def rows(data: bytes) -> int:
        return len([one for one in data.split(b"\n") if one.removesuffix(b"\r") and not one.startswith(b"#")])

    account(tmp_path / "a.log", mutate(_ZEEK, changes, 100), rows)


@given(edits)
def test_the_fast_and_the_exact_way_agree(tmp_path: Path, changes: list[tuple[int, int, bytes]]) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(mutate(_CSV, changes, len(HEADER)))

    def attempt() -> Any:
        try:
            result = read([path])
        except InputError as error:
            return str(error)
        return result.groups, result.quarantine, result.inputs

    usual = attempt()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CsvSource, "fast", lambda self, kinds: None)
        assert attempt() == usual


_PIECES = st.sampled_from(
    [
        "0",
        "1",
        "9",
        "10",
        "010",
        "255",
        "256",
        "f",
        "ffff",
        "12345",
        ":",
        "::",
        ".",
        "%",
        "eth0",
        " ",
        "/",
        "g",
        "::ffff:1.2.3.4",
        "1.2.3.4",
        "\n",
        "\u0661",
    ]
)
addresses = st.one_of(
    st.lists(_PIECES, max_size=17).map("".join),
    st.integers(0, 2**128 - 1).map(lambda value: str(ipaddress.IPv6Address(value))),
    st.integers(0, 2**128 - 1).map(lambda value: ipaddress.IPv6Address(value).exploded),
    st.integers(0, 2**32 - 1).map(lambda value: str(ipaddress.IPv4Address(value))),
    st.lists(st.sampled_from(["0", "ab", ":", "::", "1.2.3.4"]), max_size=12).map("".join),
)


@given(st.lists(addresses, min_size=20, max_size=60))
def test_client_addresses_are_held_to_the_same_grammar(texts: list[str]) -> None:
    check = client_check(Kind.TEXT)
    rows = duckdb.execute(f"SELECT client_ip, {check.bad} FROM (SELECT unnest(?) AS client_ip)", [texts]).fetchall()
    for text, is_bad in rows:
        try:
            parse_address(text)
        except ValueError:
            assert is_bad, text
        else:
            assert not is_bad, text
