"""Files of round-trip times: what is kept, what is set aside, and why; nothing that is no time gets in."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.errors import LimitError, SourceError
from residency.limits import LIMITS
from residency.model.latency import RttKind
from residency.sources.latency import RttFile, Times, read_rtt, read_rtt_files, read_target_text

HEAD = "vantage,lat,lon,target,rtt_ms\n"
Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(text: str, name: str = "times.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return made


def one(path: Path, *more: Path) -> RttFile:
    (found,) = read_rtt_files([path, *more])
    return found


def test_the_least_time_of_a_pair_counts_and_samples_are_summed(write: Write) -> None:
    found = one(
        write(HEAD + "fra,50.1,8.7,203.0.113.9,4\nfra,50.1,8.7,203.0.113.9,1.5\nfra,50.1,8.7,203.0.113.9,9\n", "t")
    )
    (latency,) = found.latencies
    assert (latency.rtt_ms, latency.samples, latency.target, latency.is_address) == (1.5, 3, "203.0.113.9", True)
    assert (latency.vantage.name, latency.vantage.radius_km, latency.kind) == ("fra", 25.0, RttKind.ICMP)
    assert (found.rows, found.refused) == (3, ())


def test_optional_columns_are_read(write: Write) -> None:
    head = "target,rtt_ms,vantage,lat,lon,radius_km,asn,kind,at\n"
    text = f"{head}a.example,2,v,1,2,5,AS64500,TLS,2026-06-01T02:00:00+02:00\n"
    (latency,) = one(write(text, "t")).latencies
    assert (latency.vantage.radius_km, latency.vantage.asn, latency.kind) == (5.0, 64500, RttKind.TLS)
    assert latency.at is not None
    assert latency.at.isoformat() == "2026-06-01T00:00:00+00:00"
    assert (latency.target, latency.is_address) == ("a.example", False)


@pytest.mark.parametrize(
    "bad", ["-3", "0", "NaN", "inf", "-inf", "1e12", "100000.0", "", "1_0", "true", "0x10", "1e-9"]
)
def test_what_is_no_time_is_set_aside_with_line_and_reason(write: Write, bad: str) -> None:
    found = one(write(f"{HEAD}v,1,2,203.0.113.9,{bad}\nv,1,2,203.0.113.9,5\n", "t"))
    assert [latency.rtt_ms for latency in found.latencies] == [5.0]
    (refused,) = found.refused
    assert refused.number == 2
    assert refused.reason.startswith("rtt_ms: ")
    assert found.rows == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("v,91,2,203.0.113.9,5", "latitude"),
        ("v,nan,2,203.0.113.9,5", "lat"),
        ("v,1,2,010.0.0.1,5", "target"),
        ("v,1,2,,5", "target"),
        (",1,2,203.0.113.9,5", "vantage"),
        ("v,1,2,203.0.113.9", "fields"),
        ("v,1,2,203.0.113.9,5,6", "fields"),
        ("v,7,7,203.0.113.9,5", "elsewhere"),
    ],
)
def test_a_damaged_row_is_set_aside(write: Write, row: str, reason: str) -> None:
    found = one(write(f"{HEAD}v,1,2,198.51.100.1,5\n{row}\n", "t"))
    assert len(found.latencies) == 1
    assert [(r.number, reason in r.reason) for r in found.refused] == [(3, True)]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "column `vantage` is missing"),
        ("vantage,lat,lon,target\n", "column `rtt_ms` is missing"),
        ("vantage,lat,lon,target,rtt_ms,lat\n", "named twice"),
        (HEAD, "no round-trip time"),
        (HEAD + "v,1,2,203.0.113.9,-3\n", "not above zero"),
        (HEAD + 'v,1,2,"203.0.113.9,5\n', "not CSV"),
        (HEAD + "v,1,2,203.0.113.9,5\0\n", "NUL"),
        ("[1]", "not a list of objects"),
        ("{", "not JSON"),
        ('[{"type": "ping", "prb_id": 1}]', "probe list"),
    ],
)
def test_a_file_that_holds_no_times_is_refused_in_one_line(write: Write, text: str, what: str) -> None:
    path = write(text, "t")
    with pytest.raises(SourceError, match="t") as caught:
        read_rtt_files([path])
    assert what in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def probe(number: int, lon: float = 8.7, lat: float = 50.1) -> dict[str, object]:
    geometry = {"type": "Point", "coordinates": [lon, lat]}
    return {
        "id": number,
        "geometry": geometry,
        "asn_v4": 64500,
        "address_v4": f"203.0.113.{number}",
        "country_code": "DE",
    }


PROBES = json.dumps({"count": 2, "results": [probe(1), probe(2, 0.0, 0.0)]})
PING = {
    "type": "ping",
    "prb_id": 1,
    "dst_addr": "198.51.100.7",
    "dst_name": "a.example",
    "timestamp": 1780272000,
    "result": [{"rtt": 3.25}, {"rtt": 2.5}, {"x": "*"}, {"error": "sendto failed"}],
}
TRACE = {
    "type": "traceroute",
    "prb_id": 1,
    "dst_addr": "198.51.100.8",
    "proto": "TCP",
    "timestamp": 1780272000,
    "result": [
        {"hop": 1, "result": [{"from": "192.0.2.1", "rtt": 0.2}]},
        {
            "hop": 2,
            "result": [
                {"from": "198.51.100.8", "rtt": 7.5},
                {"x": "*"},
                {"from": "198.51.100.8", "rtt": 1.0, "err": "H"},
            ],
        },
    ],
}
CERT = {"type": "sslcert", "prb_id": 1, "dst_addr": "198.51.100.9", "ttc": 4.0, "rt": 9.5, "cert": ["…"]}


@pytest.mark.parametrize("form", ["array", "lines"])
def test_atlas_results_with_their_probe_list(write: Write, form: str) -> None:
    lost = {**PING, "result": [{"x": "*"}]}
    results = [PING, TRACE, CERT, {**PING, "prb_id": 2}, {**PING, "prb_id": 9}, lost, {**PING, "type": "dns"}]
    text = json.dumps(results) if form == "array" else "\n".join(map(json.dumps, results))
    found = one(write(text, "results.json"), write(PROBES, "list.json"))
    assert [(x.target, x.rtt_ms, x.kind.value, x.samples, x.vantage.name) for x in found.latencies] == [
        ("198.51.100.7", 2.5, "icmp", 2, "atlas-1"),
        ("198.51.100.8", 7.5, "tcp", 1, "atlas-1"),
        ("198.51.100.9", 4.0, "tcp", 1, "atlas-1"),
        ("198.51.100.9", 9.5, "tls", 1, "atlas-1"),
    ]
    assert [(r.number, r.reason.split(":")[0]) for r in found.refused] == [
        (4, "prb_id"),
        (5, "prb_id"),
        (6, "the target did not reply"),
        (7, "type"),
    ]
    assert found.aliases == (("203.0.113.1", "atlas-1"),)
    assert found.snapshot.built is not None
    assert found.rows == 7


def test_globalping_results(write: Write) -> None:
    place = {
        "continent": "EU",
        "country": "DE",
        "city": "Frankfurt",
        "asn": 64500,
        "longitude": 8.68,
        "latitude": 50.11,
    }
    result = {"resolvedAddress": "198.51.100.7", "timings": [{"ttl": 50, "rtt": 1.5}, {"ttl": 50, "rtt": 1.25}]}
    failed = {"status": "failed", "rawOutput": "no"}
    document = {
        "id": "x",
        "type": "ping",
        "createdAt": "2026-06-01T00:00:00.000Z",
        "measurementOptions": {"protocol": "TCP"},
        "results": [{"probe": place, "result": result}, {"probe": place, "result": failed}],
    }
    found = one(write(json.dumps(document), "t"))
    assert [(x.target, x.rtt_ms, x.kind.value, x.samples) for x in found.latencies] == [
        ("198.51.100.7", 1.25, "tcp", 2)
    ]
    assert found.latencies[0].vantage.radius_km == 100.0
    assert [r.number for r in found.refused] == [2]


def test_http_of_globalping_gives_times_of_tcp_and_tls(write: Write) -> None:
    place = {"country": "DE", "city": "Frankfurt", "asn": 64500, "longitude": 8.68, "latitude": 50.11}
    timings = {"total": 9, "dns": 1, "tcp": 2, "tls": 3, "firstByte": 4, "download": 1}
    result = {"resolvedAddress": "198.51.100.7", "timings": timings}
    found = one(write(json.dumps({"type": "http", "results": [{"probe": place, "result": result}]}), "t"))
    assert [(x.rtt_ms, x.kind.value) for x in found.latencies] == [(2.0, "tcp"), (3.0, "tls")]


@given(st.one_of(st.floats(), st.integers(), st.text(max_size=12), st.booleans(), st.none()))
def test_only_finite_times_above_zero_and_under_the_cap_are_times(value: object) -> None:
    number, reason = read_rtt(value)
    assert (number is None) == bool(reason)
    if number is not None:
        assert math.isfinite(number)
        assert 0 < number <= LIMITS.max_rtt_ms


@given(st.lists(st.floats(0.1, 500), min_size=1, max_size=8))
def test_the_order_of_rows_never_matters(values: list[float]) -> None:
    def least(order: list[float]) -> tuple[float, int]:
        times = Times()
        from residency.model.network import Vantage

        times.stand(Vantage(lat=0, lon=0, name="v"))
        for i, value in enumerate(order):
            times.add(i, "v", "203.0.113.1", value, RttKind.TLS)
        (found,) = times.latencies()
        return found.rtt_ms, found.samples

    assert least(values) == least(values[::-1]) == (min(values), len(values))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("::ffff:203.0.113.9", ("203.0.113.9", True)),
        ("A.Example.", ("a.example", False)),
        ("azure:Norway East", ("azure:Norway East", False)),
    ],
)
def test_targets_are_addresses_names_or_labels(text: str, read: tuple[str, bool]) -> None:
    assert read_target_text(text) == read


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*PING, "rtt", "hop"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(key=st.sampled_from([*PING, *CERT, "proto"]), junk=JUNK, base=st.sampled_from([PING, TRACE, CERT]))
def test_a_damaged_result_is_set_aside_and_never_more(
    tmp_path: Path, key: str, junk: object, base: dict[str, object]
) -> None:
    results, probes = tmp_path / "results.json", tmp_path / "list.json"
    results.write_text(json.dumps([{**base, key: junk}, PING]), encoding="utf-8")
    probes.write_text(PROBES, encoding="utf-8")
    found = one(results, probes)
    assert found.rows == 2
    assert any(latency.target == "198.51.100.7" for latency in found.latencies)
    assert all(0 < latency.rtt_ms <= LIMITS.max_rtt_ms for latency in found.latencies)


def test_too_many_rows_that_are_no_times_are_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    monkeypatch.setattr("residency.sources.latency.LIMITS", replace(LIMITS, max_rtt_rows_refused=3))
    with pytest.raises(LimitError, match="no times"):
        read_rtt_files([write(HEAD + "v,1,2,203.0.113.9,-3\n" * 4, "t")])


def test_too_many_vantages_are_refused(write: Write) -> None:
    rows = "".join(f"v{n},1,2,203.0.113.9,5\n" for n in range(LIMITS.max_vantages + 1))
    with pytest.raises(LimitError, match="vantages"):
        read_rtt_files([write(HEAD + rows, "t")])
