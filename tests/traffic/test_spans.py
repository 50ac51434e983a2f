"""Large inputs cut into spans: cut anywhere, they come to what the whole comes to, and bad lines keep their numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.traffic.conftest import HEADER, Read, Write, read

from residency.errors import InputError
from residency.limits import LIMITS
from residency.traffic import streams
from residency.traffic.source import OpenFile, Span
from residency.traffic.spans import as_spans, cut
from residency.traffic.streams import Scan, look_at, scan_file

BEGIN = datetime(2026, 6, 1, tzinfo=UTC)


@contextmanager
def cut_small(size: int = 500) -> Iterator[None]:
    """Cut inputs of some hundred bytes, which are looked at in pieces that are smaller still."""
    before = LIMITS.small_span_bytes, streams._CHUNK
    object.__setattr__(LIMITS, "small_span_bytes", size)
    streams._CHUNK = min(100, size)
    try:
        yield
    finally:
        object.__setattr__(LIMITS, "small_span_bytes", before[0])
        streams._CHUNK = before[1]


@pytest.fixture
def small_spans() -> Iterator[None]:
    with cut_small():
        yield


def rows(count: int) -> Iterator[list[object]]:
    for number in range(count):
        at = (BEGIN + timedelta(minutes=number)).isoformat()
        yield [at, f"10.0.0.{number % 7}", f"81.2.69.{number % 5}", 443, "tcp", number, 6, f"h{number % 3}.example"]


def text(form: str, bad: dict[int, str], count: int = 100) -> str:
    """Return `count` lines of one form, of which `bad` stand in for those with their 1-based number."""
    names = HEADER.strip().split(",")
    made = [
        json.dumps(dict(zip(names, row, strict=True))) if form == "ndjson" else ",".join(map(str, row))
        for row in rows(count)
    ]
    lines = [bad.get(number, line) for number, line in enumerate(made, 1)]
    return "\n".join(lines) + "\n"


def same(cut: Read, whole: Read) -> None:
    assert cut.groups == whole.groups
    assert cut.quarantine == whole.quarantine
    assert cut.inputs == whole.inputs
    assert cut.warnings == whole.warnings


@pytest.fixture
def whole_and_cut(tmp_path: Path) -> object:
    """Read a text whole and then in small spans."""

    def both(name: str, content: bytes) -> tuple[Read, Read]:
        path = tmp_path / name
        path.write_bytes(content)
        whole = read([path], cuts=[1_780_275_600_000_000])
        with cut_small():
            scan = scan_file(path, "", form="csv", seen=lambda _: None)
            assert len(cut(scan.marks, Span(0, scan.size), 500)) > 5
            return whole, read([path], cuts=[1_780_275_600_000_000])

    return both


BAD = {
    "csv": {
        7: "yesterday,10.0.0.1,81.2.69.1,443,tcp,1,1,",
        50: "short",
        51: 'x"y',
        99: "2026-06-01T00:00:00Z,,::z,443,,,,",
    },
    "ndjson": {7: "{", 50: "[]", 51: '{"ts": true}', 99: '{"ts":"2026-06-01T00:00:00Z","server_ip":"::z"}'},
}


@pytest.mark.parametrize("form", ["parquet", "pcap", "pcapng"])
def test_of_a_file_without_lines_only_hash_and_size_are_noted(tmp_path: Path, form: str) -> None:
    path, content = tmp_path / "a", b'PAR1\n\r\0\xff"' * 9
    path.write_bytes(content)
    scan = scan_file(path, "", form=form, seen=lambda _: None)
    assert scan == streams.Scan(str(path), hashlib.sha256(content).hexdigest(), len(content))
    assert scan.lines == 0
    assert scan_file(path, "", form="csv", seen=lambda _: None).newlines == 9


@pytest.mark.parametrize("form", ["csv", "ndjson"])
@pytest.mark.parametrize("dress", ["plain", "crlf", "bom", "unterminated"])
def test_bad_lines_keep_their_numbers(form: str, dress: str, whole_and_cut: object) -> None:
    content = (HEADER if form == "csv" else "") + text(form, BAD[form])
    content = {"crlf": content.replace("\n", "\r\n"), "bom": f"\ufeff{content}", "unterminated": content[:-1]}.get(
        dress, content
    )
    whole, small = whole_and_cut(f"a.{form}", content.encode())  # type: ignore[operator]
    same(small, whole)
    shift = 1 if form == "csv" else 0
    assert [line for line, _ in small.reasons] == [number + shift for number in (7, 50, 51, 99)]


def test_a_cut_last_line_is_told_of_the_last_span_only(whole_and_cut: object) -> None:
    whole, small = whole_and_cut("a.csv", (HEADER + text("csv", {3: "short"}) + "2026-06-01T00:0").encode())  # type: ignore[operator]
    same(small, whole)
    assert small.one.incomplete == "the last line is cut"


def test_an_odd_quote_spoils_its_own_span(whole_and_cut: object) -> None:
    whole, small = whole_and_cut("a.csv", (HEADER + text("csv", {60: '2026-06-01T00:00:00Z,"'})).encode())  # type: ignore[operator]
    same(small, whole)
    assert len(small.reasons) == 1


def test_rows_of_parquet_keep_their_numbers(tmp_path: Path) -> None:
    columns = list(zip(*rows(1_000), strict=True))
    servers = ["nowhere" if number in (3, 500, 998) else one for number, one in enumerate(columns[2])]
    times = pa.array([datetime.fromisoformat(str(one)) for one in columns[0]])
    table = pa.table({"ts": times, "server_ip": servers, "bytes_received": columns[6]})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, row_group_size=100)
    whole = read([path])
    with cut_small():
        small = read([path])
    same(small, whole)
    assert [line for line, _ in small.reasons] == [4, 501, 999]


@pytest.mark.usefixtures("small_spans")
def test_a_whole_column_of_naive_times_stays_an_error(write: Write) -> None:
    naive = "".join(f"2026-06-01 00:{n % 60:02}:00,10.0.0.1,81.2.69.160,443,tcp,5,6,\n" for n in range(100))
    with pytest.raises(InputError, match="no time in it has an offset"):
        read([write("a.csv", HEADER + naive)])


@pytest.mark.usefixtures("small_spans")
def test_a_span_of_naive_times_alone_is_put_aside(write: Write) -> None:
    naive = "".join(f"2026-06-01 00:{n % 60:02}:00,10.0.0.1,81.2.69.160,443,tcp,5,6,\n" for n in range(100))
    result = read([write("a.csv", HEADER + naive + text("csv", {}, 20))])
    assert (result.one.quarantined, result.one.flows_rows) == (100, 20)


@given(st.lists(st.integers(1, 99), unique=True).map(sorted), st.integers(1, 60))
def test_spans_are_the_whole_in_order(places: list[int], size: int) -> None:
    marks = [(place, place // 2) for place in places]
    whole = Span(0, 100)
    found = cut(marks, whole, size)
    assert [one.start for one in found] == [0, *(one.end for one in found[:-1])]
    assert found[-1].end == 100
    assert [one.is_last for one in found] == [False] * (len(found) - 1) + [True]
    assert all(one.end - one.start >= size for one in found[:-1])
    assert all((one.start, one.lines_before) in [(0, 0), *marks] for one in found)
    assert [half for span in found for half in cut(marks, span, 1)] == cut(marks, whole, 1)
    assert cut(marks, replace(whole, is_last=False), size)[-1].is_last is False


@given(st.lists(st.binary(max_size=30)), st.integers(1, 40))
def test_marks_stand_after_line_ends(chunks: list[bytes], size: int) -> None:
    with cut_small(size):
        marks = look_at(iter(chunks), "", "csv").marks
    data = b"".join(chunks)
    for place, lines in marks:
        assert data[place - 1 : place] == b"\n"
        assert data[:place].count(b"\n") == lines


def test_lines_are_numbered_from_the_nearest_mark_before_them(tmp_path: Path) -> None:
    lines = [b"x" * (number % 7) + b"\n" for number in range(100)]
    path = tmp_path / "a"
    path.write_bytes(b"".join(lines))
    starts = [sum(map(len, lines[:number])) for number in range(101)]
    scan = Scan(str(path), size=starts[-1], marks=[(starts[number], number) for number in (10, 40, 41, 90)])
    picked = [0, 9, 10, 39, 42, 43, 99]
    spans = as_spans(OpenFile("a", str(path), scan, b""), [(starts[n], starts[n + 1]) for n in picked])
    assert [span.lines_before for span in spans] == picked
    assert [span.is_last for span in spans] == [False] * 6 + [True]
