"""The compiled loops and the exact readers say the same of any input, whatever is odd in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.traffic.conftest import GOOD, HEADER, Read, Write, read

from residency.traffic import quick

pytest.importorskip("numba", reason="the extra `fast` is not installed")

from residency.traffic.plain import Loader
from residency.traffic.quick import text_files

NAMES = HEADER.strip().split(",")
CUTS = (1_780_272_000_500_000, 1_780_272_001_000_000)
_PLAIN = {
    "ts": ["2026-06-01T00:00:00Z", "2026-06-01T00:00:00.5Z", "2026-06-01T00:00:01.000001Z"],
    "client_ip": ["10.0.0.1", "10.0.0.255", "2001:db8::1", ""],
    "server_ip": ["81.2.69.160", "81.2.69.16", "2a05:d018::1"],
    "server_port": ["443", "80", "0", ""],
    "proto": ["tcp", "udp", "TCP", ""],
    "bytes_sent": ["0", "5", "123456789012", ""],
    "bytes_received": ["0", "6", "99", ""],
    "host": ["a.example", "a-very-long-label.of.some.vendor.example", "A.example", ""],
}
_ODD = {
    "ts": ["2026-06-01T00:00:00+02:00", "2026-06-01T00:00:00", "1780272000", "", "x", "2026-06-01T00:00:00.1234567Z"],
    "client_ip": ["10.0.0.256", "10.0.0.01", "fe80::1%eth0", "x", " 10.0.0.1"],
    "server_ip": ["81.2.69.256", "::ffff:81.2.69.160", "", "x"],
    "server_port": ["65536", "-1", "443.0", "x"],
    "proto": ["6", "t c p"],
    "bytes_sent": ["-1", "1.5", "1e3", "9007199254740993", "4611686018427387904"],
    "bytes_received": ["-1", "2.0", "x", "9999999999999999999"],
    "host": ["a:1", "faß.de", "xn--", "1.2.3.4", "*", "a\\b"],
}


@pytest.fixture(autouse=True)
def _every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small inputs too, in blocks so small that lines cross their ends."""
    assert quick.is_usable()
    monkeypatch.setattr(quick, "LEAST_RECORDS", 0)
    monkeypatch.setattr(text_files, "_BLOCK", 256)


def both(one: Any, **options: Any) -> tuple[Read, Read, bool]:
    """Read with and without compiled loops; was the first reading theirs?"""
    used = []
    with pytest.MonkeyPatch.context() as patch:
        load = Loader._load_quick

        def watched(self: Loader, *given: Any, **options: Any) -> bool:
            used.append(load(self, *given, **options))
            return used[-1]

        patch.setattr(Loader, "_load_quick", watched)
        ours = read([one], CUTS, **options)
        patch.setattr(quick, "LEAST_RECORDS", 1 << 62)
        exact = read([one], CUTS, **options)
    return ours, exact, used[0]


Rows = list[dict[str, str]]


def rows(values: dict[str, list[str]], odd: dict[str, list[str]] | None = None) -> st.SearchStrategy[Rows]:
    plain = st.fixed_dictionaries({name: st.sampled_from(values[name]) for name in NAMES})
    many = st.lists(plain, min_size=1, max_size=24)
    if odd is None:
        return many

    def spoil(drawn: tuple[Rows, int, tuple[str, str]]) -> Rows:
        made, number, (name, text) = drawn
        made[number % len(made)][name] = text
        return made

    every = [(name, text) for name in odd for text in odd[name]]
    return st.tuples(many, st.integers(0, 100), st.sampled_from(every)).map(spoil)


def csv(given: Rows) -> str:
    return HEADER + "".join(",".join(row[name] for name in NAMES) + "\n" for row in given)


def ndjson(given: Rows) -> str:
    def value(name: str, text: str) -> Any:
        if not text:
            return None
        is_number = name in ("server_port", "bytes_sent", "bytes_received") and text.isdigit()
        return int(text) if is_number else text

    return "".join(json.dumps({name: value(name, row[name]) for name in NAMES}) + "\n" for row in given)


_FILES = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("form", [csv, ndjson])
@_FILES
@given(given=rows(_PLAIN))
def test_plain_rows_are_theirs_and_the_same(form: Any, given: Rows, tmp_path: Path) -> None:
    given[0]["client_ip"] = "10.0.0.1"
    path = tmp_path / f"a.{form.__name__}"
    path.write_text(form(given))
    ours, exact, was_quick = both(path)
    assert ours == exact
    assert was_quick


@pytest.mark.parametrize("form", [csv, ndjson])
@_FILES
@given(given=rows(_PLAIN, _ODD))
def test_whatever_is_odd_gives_the_same(form: Any, given: Rows, tmp_path: Path) -> None:
    path = tmp_path / f"a.{form.__name__}"
    path.write_text(form(given))
    outcomes: list[Any] = []
    for least in (0, 1 << 62):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(quick, "LEAST_RECORDS", least)
            try:
                outcomes.append(read([path], CUTS))
            except Exception as error:  # noqa: BLE001 - whatever one says, the other says
                outcomes.append((type(error), str(error)))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    "text",
    [
        HEADER + GOOD.strip(),
        HEADER.replace("\n", "\r\n") + GOOD.replace("\n", "\r\n"),
        "\ufeff" + HEADER + GOOD,
        HEADER + GOOD + "\n" + GOOD,
        HEADER + GOOD + "a,b\n" + GOOD,
        HEADER + GOOD.replace("a.example", '"a.example"'),
        HEADER + GOOD + GOOD.replace("\n", ",more\n"),
        HEADER + GOOD + GOOD.replace("a.example", "a" * 2_000),
        HEADER + GOOD * 40 + GOOD.replace("a.example", "a" * 200_000) + GOOD * 40,
        HEADER + GOOD.replace("a.example", "ä.example"),
        "x," + HEADER + "".join("é" + "y" * n + "," + GOOD for n in range(60)),
    ],
)
def test_lines_of_any_look_give_the_same(write: Write, text: str) -> None:
    ours, exact, _ = both(write("a.csv", text))
    assert ours == exact


@pytest.mark.parametrize(
    "line",
    [
        '{"server_ip": "81.2.69.160", "ts": "2026-06-01T00:00:00Z"}',
        '{"ts":"2026-06-01T00:00:00Z","server_ip":"81.2.69.160"}',
        '{"ts": "2026-06-01T00:00:00Z", "server_ip": "81.2.69.160", "host": "a.example"}',
        '{"ts": "2026-06-01T00:00:00Z", "server_ip": "81.2.69.1\\u0036"}',
        '{"ts": "2026-06-01T00:00:00Z", "server_ip": "81.2.69.160\t"}',
        '{"ts": "2026-06-01T00:00:00Z", "server_ip": 5}',
        '{"ts": "2026-06-01T00:00:00Z", "server_ip": null}',
        '{"ts": 1780272000.25, "server_ip": "81.2.69.160"}',
        '{"ts": "2026-06-01T00:00:00Z", "server_ip": "81.2.69.160", "ts": "x"}',
        '{"ts": "2026-06-01T00:00:00Z", "server_ip": "81.2.69.160"} ',
        '{"ts": true, "server_ip": "81.2.69.160"}',
        '{"ts": "2026-06-01T00:00:00Z", "server_ip": ["81.2.69.160"]}',
        '{"ts": "2026-06-01T00:00:00Z", "server_ip": "81.2.69.160',
        "[]",
    ],
)
def test_objects_of_any_look_give_the_same(write: Write, line: str) -> None:
    good = '{"ts": "2026-06-01T00:00:00Z", "server_ip": "81.2.69.160"}\n'
    ours, exact, _ = both(write("a.ndjson", good * 9 + line + "\n" + good))
    assert ours == exact


def test_numbers_of_json_are_numbers(write: Write) -> None:
    line = '{"ts":1780272000.25,"server_ip":"81.2.69.160","server_port":443,"bytes_sent":%s,"more":-1}\n'
    for number in ("5", "05", "5.0", "5e3", "-5", "true", '"5"'):
        ours, exact, _ = both(write("a.ndjson", line % 5 * 3 + line.replace("-1", "1") % number))
        assert ours == exact


def test_two_readings_of_one_content_are_the_same_bytes(write: Write) -> None:
    path = write("a.csv", HEADER + "".join(GOOD.replace("443", str(n % 97)) for n in range(500)))
    assert both(path, threads=1)[0] == both(path, threads=2)[0]


def _spoilt(form: str, every: int, end: str) -> str:
    """Return lines of which every so many hold what the loops do not judge: some is good all the same, most is not."""
    lines = []
    for i in range(2_000):
        row: dict[str, Any] = {
            "ts": f"2026-06-01T00:{i // 60 % 60:02}:{i % 60:02}Z",
            "client_ip": "10.0.0.1",
            "server_ip": f"81.2.69.{i % 9}",
            "server_port": 443,
            "proto": "tcp",
            "bytes_sent": i,
            "bytes_received": i % 2,
            "host": f"h{i % 5}.example",
        }
        if i and i % every == 0:
            name, value = [("ts", "yesterday"), ("bytes_sent", -1), ("ts", "2026-06-01T02:00:00+02:00")][i // every % 3]
            row[name] = value
        lines.append(json.dumps(row) if form == "ndjson" else ",".join(map(str, row.values())))
    if form == "csv":
        lines[7] += ",more"
    else:
        lines[7] = '{"ts": 1'
    return (HEADER if form == "csv" else "") + "\n".join(lines) + end


@pytest.mark.parametrize("end", ["\n", "", "\n2026-06-01T00:00:00Z,10.0", '\n{"ts": "2026'])
@pytest.mark.parametrize("every", [1, 7, 500])
@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_odd_lines_are_left_to_the_exact_readers(form: str, every: int, end: str, write: Write) -> None:
    path = write(f"a.{form}", _spoilt(form, every, end))
    ours, exact, is_used = both(path)
    assert ours == exact
    assert ours.one.quarantined >= 2_000 // every // 3
    assert is_used == (form == "ndjson" or '"' not in end)  # quotes in CSV are another grammar


def test_too_many_odd_lines_are_read_as_before(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("residency.traffic.quick.workers._MOST_ODD", 5)
    ours, exact, is_used = both(write("a.csv", _spoilt("csv", 7, "\n")))
    assert ours == exact
    assert not is_used
