"""Compiled loops over conn and ssl and the exact readers say the same of any logs, whatever is odd in them."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.traffic.conftest import Read, Write, read
from tests.traffic.test_zeek import CONN, DNS, HTTP, SSL, as_json, tsv

from residency.traffic import Workspace, read_traffic, zeek_quick
from residency.traffic.zeek import Zeek
from residency.traffic.zeek_large import LargeLogs

pytest.importorskip("numba", reason="the extra `fast` is not installed")

from residency.traffic.zeek_quick import logs

CUTS = (1_780_272_000_500_000, 1_780_272_001_000_000)
_ID = {
    "ts": ["1780272000.000001", "1780272000.5", "1780272001", "1780272001.25"],
    "id.orig_h": ["10.0.0.1", "10.0.0.255", "2001:db8::1", "::", "fe80::1:2", "-"],
    "id.resp_h": ["81.2.69.160", "81.2.69.16", "2a05:d018::1", "2A05:d018::1", "::ffff:1:2"],
    "id.resp_p": ["443", "80", "0", "0443"],
}
_CONN = _ID | {
    "proto": ["tcp", "udp", "TCP", "icmp"],
    "orig_bytes": ["0", "5", "4294967294", "-"],
    "resp_bytes": ["0", "6", "99", "-"],
    "conn_state": ["SF", "S0", "REJ", "RSTOS0", "SH", "OTH", "-"],
    "history": ["ShADadFf", "S", "ShADFaf", "DT", "Dd", "-", "ShADadTtGgWwIQqFf"],
}
_SSL = _ID | {
    "server_name": ["a.example", "a-very-long-label.of.some.vendor.example", "B.example", "1.2.3.4", "-"],
    "established": ["T", "F", "-"],
    "cipher": ["x", "-"],
}
_ODD_ID = {
    "ts": ["-", "x", "1780272000.1234567", "4294967296", "1e9", "", " 1780272000", "-1", "(empty)"],
    "id.orig_h": [
        "10.0.0.256",
        "10.0.0.01",
        "fe80::1%eth0",
        "x",
        "::1.2.3.4",
        "1:::2",
        "1::2::3",
        "1:2:3:4:5:6:7:8:9",
        "",
    ],
    "id.resp_h": ["81.2.69.256", "-", "x", "::ffff:81.2.69.160", "fe80::1%eth0", "(empty)", "", " 81.2.69.160", "a:b:"],
    "id.resp_p": ["65536", "-1", "-", "443.0", "x", "", "4294967739"],
    "uid": ["-", "", "(empty)", "C-longer-than-eighteen", "Cé", "C 1", "C\\x09"],
}
_ODD_CONN = _ODD_ID | {
    "proto": ["-", "t c p", "6", "unknown_transport", "(empty)", "é", ""],
    "orig_bytes": ["-1", "1.5", "1e3", "4294967295", "4294967296", "99999999999", "9223372036854775808", "x", ""],
    "resp_bytes": ["-1", "2.0", "x", "4294967295", "(empty)", "123456789x"],
    "conn_state": ["(empty)", "", "a-long-one", "S0 "],
    "history": ["(empty)", "", "ßD", "D" * 70, "^d"],
}
_ODD_SSL = _ODD_ID | {
    "server_name": ["a:1", "fa\\xc3\\x9f.de", "faß.de", "xn--", "*", "(empty)", "", "a\\b", "http://x", "a" * 300, "é"],
}
Row = dict[str, str]


@pytest.fixture(autouse=True)
def _every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small logs too, in blocks so small that lines cross their ends, with room for hardly anything at a time."""
    assert zeek_quick.is_usable()
    monkeypatch.setattr(zeek_quick, "LEAST_LINES", 0)
    rooms = {"_BUFFER": 0, "_FIRST_ROOM": (4, 256), "_FIRST_PAIRS": 2, "_ROOM_FOR_ODD": 1}
    for name, value in (rooms | {"_BLOCK": 256, "_ROWS_OF_PARTITION": 4, "_MOST_ODD_SHARE": 1.0}).items():
        monkeypatch.setattr(logs, name, value)


def both(inputs: list[Path], **options: Any) -> tuple[Read, Read, bool]:
    """Read with and without compiled loops; was the first reading theirs?"""
    used: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        take = LargeLogs.take

        def watched(self: LargeLogs, *given: Any) -> Any:
            used.append(False)
            found = take(self, *given)
            used[-1] = found is not None
            return found

        patch.setattr(LargeLogs, "take", watched)
        ours = read(inputs, CUTS, **options)
        patch.setattr(zeek_quick, "LEAST_LINES", 1 << 62)
        exact = read(inputs, CUTS, **options)
    return ours, exact, used == [True]


def drawn(draw: random.Random, like: Mapping[str, str], values: Mapping[str, list[str]], uid: str) -> Row:
    return {**like, "uid": uid, **{name: draw.choice(texts) for name, texts in values.items()}}


def folder(seed: int, odd: int) -> Iterator[tuple[str, str]]:
    """Yield names and contents of logs in which uids meet, are missing, come twice, and of which some rows are odd."""
    draw = random.Random(seed)
    uids = [f"C{draw.getrandbits(90):x}"[:18] for _ in range(40)]
    conn = [drawn(draw, CONN, _CONN, uid) for uid in uids]
    ssl = [drawn(draw, SSL, _SSL, uid) for uid in uids if draw.random() < 0.8]
    conn += [row | {"ts": draw.choice(_ID["ts"])} for row in draw.sample(conn, 3)]
    ssl += [row | {"server_name": draw.choice(_SSL["server_name"])} for row in draw.sample(ssl, 3)]
    ssl += [drawn(draw, SSL, _SSL, f"Orphan{draw.randint(0, 3)}") for _ in range(3)]
    for _ in range(odd):
        rows, texts = draw.choice([(conn, _ODD_CONN), (ssl, _ODD_SSL)])
        name = draw.choice(sorted(texts))
        rows[draw.randrange(len(rows))][name] = draw.choice(texts[name])
    draw.shuffle(conn)
    half = len(conn) // 2
    yield "conn.1.log", tsv("conn", conn[: half + 2])
    yield "conn.2.log", _spoiled(draw, tsv("conn", [dict(reversed(row.items())) for row in conn[half:]]), odd)
    yield "ssl.log", _spoiled(draw, tsv("ssl", ssl, close=draw.random() < 0.5), odd)
    if draw.random() < 0.5:
        yield "http.log", tsv("http", [drawn(draw, HTTP, _ID, uid) for uid in draw.sample(uids, 5)])
    if draw.random() < 0.5:
        yield "dns.log", tsv("dns", [DNS | {"answers": draw.choice(_ID["id.resp_h"]), "TTLs": "60"} for _ in range(3)])
    if draw.random() < 0.3:
        yield "more.json", as_json([drawn(draw, SSL, {}, uid) for uid in draw.sample(uids, 3)], _path="ssl")


def _spoiled(draw: random.Random, text: str, odd: int) -> str:
    """Put lines in between that are no rows, or cut the last one."""
    lines = text.splitlines(keepends=True)
    for line in draw.sample(
        ["\n", "short\n", "#open\t2026\n", "#path\tconn\n", lines[5], "x\t" * 40 + "\n"], min(odd, 2)
    ):
        if line != "#path\tconn\n" or "#path\tconn\n" in lines:
            lines.insert(draw.randrange(6, len(lines) + 1), line)
    if odd and draw.random() < 0.3 and not lines[-1].startswith("#"):
        lines[-1] = lines[-1][: draw.randrange(len(lines[-1]))]
    return "".join(lines)


_FILES = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_FILES
@given(seed=st.integers(0, 1 << 32), odd=st.integers(0, 6))
def test_whatever_is_odd_gives_the_same(seed: int, odd: int, tmp_path: Path) -> None:
    inputs = []
    for name, text in folder(seed, odd):
        inputs.append(tmp_path / name)
        inputs[-1].write_text(text)
    ours, exact, was_quick = both(inputs)
    assert ours == exact
    assert was_quick


def one_by_one(write: Write, conn: Mapping[str, list[str]], ssl: Mapping[str, list[str]]) -> list[Path]:
    """Write logs in which each text stands in one row, of a uid that nothing else is odd about."""
    logs: dict[str, list[Row]] = {"conn": [], "ssl": []}
    for log, texts in (("conn", conn), ("ssl", ssl)):
        for name in texts:
            for text in texts[name]:
                uid = f"U{len(logs['conn'])}"
                logs["conn"].append(CONN | {"uid": uid})
                logs["ssl"].append(SSL | {"uid": uid})
                logs[log][-1][name] = text
    return [write(f"{log}.log", tsv(log, rows, close=False)) for log, rows in logs.items()]


def test_each_odd_value(write: Write) -> None:
    ours, exact, was_quick = both(one_by_one(write, _ODD_CONN, _ODD_SSL))
    assert ours == exact
    assert was_quick


def test_each_usual_value_is_taken(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    store = LargeLogs._store

    def watched(self: LargeLogs, places: Any, *given: Any) -> None:
        left.append(len(places))
        store(self, places, *given)

    monkeypatch.setattr(LargeLogs, "_store", watched)
    ours, exact, was_quick = both(one_by_one(write, _CONN, _SSL))
    assert ours == exact
    assert was_quick
    assert left == [0, 0]


def test_a_header_that_changes_is_left_to_the_exact_way(write: Write) -> None:
    turned = [dict(reversed((CONN | {"uid": "C2"}).items()))]
    conn = write("conn.log", tsv("conn", [CONN], close=False) + tsv("conn", turned))
    ours, exact, was_quick = both([conn, write("ssl.log", tsv("ssl", [SSL]))])
    assert ours == exact
    assert not was_quick
    assert ours.inputs[0].flows_rows == 2


def test_the_same_header_again_changes_nothing(write: Write) -> None:
    text = tsv("conn", [CONN]) + tsv("conn", [CONN | {"uid": "C2"}])
    ours, exact, was_quick = both([write("conn.log", text)])
    assert ours == exact
    assert was_quick


def test_other_marks(write: Write) -> None:
    text = tsv("conn", [CONN, CONN | {"uid": "C2", "orig_bytes": "-"}])
    other = (
        text.replace("\t", "|").replace("\\x09", "\\x7c").replace("unset_field|-", "unset_field|?").replace("|-", "|?")
    )
    ours, exact, was_quick = both([write("conn.log", other)])
    assert ours == exact
    assert was_quick
    nil = text.replace("unset_field\t-", "unset_field\tNIL").replace("\t-", "\tNIL")
    ours, exact, was_quick = both([write("conn.log", nil)])
    assert ours == exact
    assert not was_quick


def test_only_ssl_is_no_case_for_loops(write: Write) -> None:
    ours, exact, was_quick = both([write("ssl.log", tsv("ssl", [SSL]))])
    assert ours == exact
    assert not was_quick


def test_an_interrupted_job_goes_on(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [CONN | {"uid": f"C{i}"} for i in range(20)]
    conn = write("conn.log.gz", gzip.compress(tsv("conn", [*rows, CONN | {"uid": "-"}]).encode()))
    ssl = write("ssl.log", tsv("ssl", [SSL | {"uid": f"C{i}"} for i in range(9)] + [SSL | {"uid": "C3"}]))
    finish = Zeek.finish

    def interrupted(self: Zeek, tallies: Any) -> None:
        finish(self, tallies)
        raise KeyboardInterrupt

    def again(resume: bool) -> Any:
        with (
            Workspace(tmp_path / "job", resume=resume) as kept,
            read_traffic([conn, ssl], cuts_us=CUTS, workspace=kept) as traffic,
        ):
            return traffic.groups().to_pylist(), traffic.inputs

    monkeypatch.setattr(Zeek, "finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        again(resume=False)
    monkeypatch.setattr(Zeek, "finish", finish)
    ours, exact, was_quick = both([conn, ssl])
    assert was_quick
    assert again(resume=True) == (ours.groups, ours.inputs) == (exact.groups, exact.inputs)
