"""nfdump: what the real program printed of a known capture, columns of every version, and each kind of damage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.traffic.capture.builder import TCP, UDP
from tests.traffic.conftest import Write, read
from tests.traffic.logs.conftest import rows
from tests.traffic.logs.nfdump_capture import ICMP, START_S, TALKS, write_capture

from residency.errors import InputError
from residency.traffic.capture.conversion import CaptureConversion

SAMPLES = Path(__file__).with_name("nfdump_samples")
NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp"}
TOLD = ("client_ip", "client_port", "server_ip", "server_port", "proto", "bytes_sent", "bytes_received")
OLD = "ts,te,td,sa,da,sp,dp,pr,flg,ipkt,ibyt,opkt,obyt"
NEW = "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows"


def told(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in TOLD)


def expected(*, skipped: int = -1) -> set[tuple[Any, ...]]:
    """What the conversations of the capture look like; ports of ICMP are none."""
    found = set()
    for place, talk in enumerate(TALKS):
        ports = (None, None) if talk.proto == ICMP else (talk.client[1], talk.server[1])
        sizes = (talk.bytes_of(talk.sent), talk.bytes_of(talk.received))
        ends = (talk.client[0], ports[0], talk.server[0], ports[1])
        if place != skipped:
            found.add((*ends, NAMES[talk.proto], *sizes))
    return found


@pytest.mark.parametrize(("name", "records"), [("one_way.csv", 16), ("one_way.json", 13)])
def test_what_nfdump_printed_of_a_capture_is_what_was_said(name: str, records: int) -> None:
    result = read([SAMPLES / name])
    assert (result.one.format, result.one.records, result.one.flows_rows) == ("nfdump", records, len(TALKS))
    assert result.one.context == records - len(TALKS)
    assert {told(row) for row in rows([SAMPLES / name])} == expected()


def test_records_of_both_directions(write: Write) -> None:
    result = read([SAMPLES / "both_ways.csv"])
    assert (result.one.records, result.one.flows_rows, result.one.context) == (10, 6, 4)
    found = {told(row) for row in rows([SAMPLES / "both_ways.csv"])}
    # Between two high ports nfdump itself guesses who was first, and guessed wrong.
    assert found - expected() == {("81.2.69.163", 50_000, "10.0.0.1", 40_000, "udp", 1028, 38)}
    assert expected() - found == {("10.0.0.1", 40_000, "81.2.69.163", 50_000, "udp", 38, 1028)}


def test_the_capture_itself_has_the_same_flows(tmp_path: Path) -> None:
    path = tmp_path / "talks.pcap"
    write_capture(path)
    captured = [row for batch in CaptureConversion(str(path), "talks.pcap").flows() for row in batch.to_pylist()]
    ends = {tuple(row[name] for name in TOLD[:5]) for row in captured if row["proto"] != "icmp"}
    assert ends == {told(row)[:5] for row in rows([SAMPLES / "one_way.json"]) if row["proto"] != "icmp"}


def test_times_are_to_the_millisecond_in_json_and_to_the_second_in_old_csv() -> None:
    starts = {round(row["ts"].timestamp() - START_S, 3) for row in rows([SAMPLES / "one_way.json"])}
    assert starts == {talk.after_ms / 1000 for talk in TALKS}
    assert {row["ts"].timestamp() - START_S for row in rows([SAMPLES / "one_way.csv"])} == {0, 1, 2, 3, 4}


def test_answered_follows_from_bytes_against_packets() -> None:
    answered = {
        row["server_ip"]: str(row.get("answered", "unknown")).lower() for row in rows([SAMPLES / "one_way.json"])
    }
    assert answered == {
        "81.2.69.160": "true",
        "9.9.9.9": "true",
        "2a02:e00::5": "false",  # two acknowledgements of 60 bytes, the least there is
        "81.2.69.161": "unknown",  # no record of that direction
        "81.2.69.162": "true",
        "81.2.69.163": "true",
    }


def test_times_without_offset_are_read_as_utc_and_said() -> None:
    assert any("read as UTC" in text for text in read([SAMPLES / "one_way.json"]).warnings)


# -- columns of newer versions, by nfdump's source -------------------------------------------------------------------


def new(src: str = "10.0.0.1,50000", dst: str = "81.2.69.160,443", **more: Any) -> str:
    usual = {"first": "2026-06-01 00:00:00.250", "td": "1.500", "proto": 6, "packets": 4, "bytes": 2000, "flows": 1}
    found = usual | more
    tail = f"{found['packets']},{found['bytes']},{found['flows']}"
    return f"{found['first']},{found['td']},{found['proto']},{src},{dst},{tail}\n"


def back(**more: Any) -> str:
    return new("81.2.69.160,443", "10.0.0.1,50000", **more)


@pytest.mark.parametrize("comma", ["", ","])
def test_the_columns_since_1_7_5(write: Write, comma: str) -> None:
    path = write("a", f"{NEW}{comma}\n" + new() + back(bytes=9000))
    [row] = rows([path])
    assert told(row) == ("10.0.0.1", 50_000, "81.2.69.160", 443, "tcp", 2000, 9000)
    assert [round(row[name].timestamp() - START_S, 2) for name in ("ts", "ended")] == [0.25, 1.75]


@pytest.mark.parametrize("first", ["1780272000.250", "2026-06-01T02:00:00.250+02:00", "2026-06-01T00:00:00.250Z"])
def test_times_that_say_what_they_are_need_no_warning(write: Write, first: str) -> None:
    result = read([write("a", f"{NEW}\n" + new(first=first))])
    assert result.span == (START_S * 1_000_000 + 250_000,) * 2
    assert not any("UTC" in text for text in result.warnings)


def test_csv_fast_counts_milliseconds(write: Write) -> None:
    head = "cnt,af,firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort,srcAS,dstAS,input,output,flags,srcTos,"
    row = "1,2,1780272000250,1780272001750,6,10.0.0.1,50000,81.2.69.160,443,0,0,0,0,...AP.SF,0,4,2000\n"
    [found] = rows([write("a", head + "packets,bytes\n" + row)])
    assert [round(found[name].timestamp() - START_S, 2) for name in ("ts", "ended")] == [0.25, 1.75]
    assert told(found) == ("10.0.0.1", 50_000, "81.2.69.160", 443, "tcp", 2000, None)


def test_columns_of_one_s_own(write: Write) -> None:
    text = "srcAddr,dstAddr,dstPort,firstSeen\n10.0.0.1,81.2.69.160,443,1780272000\n"
    [row] = rows([write("a", text)])
    assert told(row) == ("10.0.0.1", None, "81.2.69.160", 443, None, None, None)


@pytest.mark.parametrize(
    ("header", "what"),
    [("srcAddr,dstAddr,packets", "no column firstSeen"), ("ts,firstSeen,srcAddr,dstAddr", "two columns for started")],
)
def test_a_header_that_tells_no_flow_is_an_error(write: Write, header: str, what: str) -> None:
    with pytest.raises(InputError, match=f"{what}; the header is"):
        read([write("a", header + "\n1,2,3,4\n")], input_format="nfdump")


def test_aggregates_and_samples_are_said(write: Write) -> None:
    assert any("several flows" in text for text in read([write("a", f"{NEW}\n" + new(flows=7))]).warnings)
    [record] = [json.dumps(json_record(sampled=1))]
    assert any("1 of its records were sampled" in text for text in read([write("b", f"[{record}]")]).warnings)


def json_record(**more: Any) -> dict[str, Any]:
    first = {"type": "FLOW", "sampled": 0, "first": "2026-06-01T00:00:00.250", "last": "2026-06-01T00:00:01.750"}
    ends = {"src4_addr": "10.0.0.1", "dst4_addr": "81.2.69.160", "src_port": 50000, "dst_port": 443, "proto": 6}
    found = first | ends | {"in_packets": 4, "in_bytes": 2000} | more
    return {key: value for key, value in found.items() if value is not None}


def test_json_of_old_versions(write: Write) -> None:
    old = json_record(first=None, last=None, t_first="2026-06-01T00:00:00.5", t_last="2026-06-01T00:00:00.12")
    [row] = rows([write("a", f"[\n{json.dumps(old)}\n]\n")])
    assert [round(row[name].timestamp() - START_S, 3) for name in ("ts", "ended")] == [0.005, 0.012]


def test_json_lines_and_events(write: Write) -> None:
    text = "".join(
        json.dumps(one) + "\n" for one in (json_record(), json_record(type="EVENT", in_bytes=0), json_record())
    )
    result = read([write("a", text)])
    assert (result.one.records, result.one.flows_rows, result.one.context) == (3, 1, 2)


# -- who is the server, when is it another flow ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("src", "dst", "server"),
    [
        ("10.0.0.1,443", "10.0.0.2,8443", "10.0.0.1"),
        ("10.0.0.1,8443", "10.0.0.2,50000", "10.0.0.1"),
        ("10.0.0.1,50000", "10.0.0.2,8443", "10.0.0.2"),
        ("10.0.0.1,50000", "10.0.0.2,50001", "10.0.0.2"),
        ("10.0.0.2,50001", "10.0.0.1,50000", "10.0.0.1"),
        ("10.0.0.1,80", "10.0.0.2,443", "10.0.0.2"),
    ],
)
def test_the_server_is_told_by_port_then_by_who_was_first(write: Write, src: str, dst: str, server: str) -> None:
    for other in ("", new(dst, src, first="2026-06-01 00:00:00.300")):
        [row] = rows([write("a", f"{NEW}\n" + new(src, dst) + other)])
        assert row["server_ip"] == server


@pytest.mark.parametrize(("pause_s", "flows"), [(300, 1), (302, 2)])
def test_a_long_pause_ends_a_conversation(write: Write, pause_s: int, flows: int) -> None:
    later = START_S + 1.75 + pause_s
    text = f"{NEW}\n" + new() + new(first=f"{later:.3f}") + back()
    assert read([write("a", text)]).one.flows_rows == flows


def test_counts_near_the_cap_do_not_overflow(write: Write) -> None:
    most = 2**62 - 1
    result = read([write("a", f"{NEW}\n" + new(packets=most) + back(packets=most, bytes=most))])
    assert (result.one.flows_rows, result.groups[0]["answered"]) == (1, False)
    result = read([write("b", f"{NEW}\n" + new() * 2 + back(bytes=most) * 2 + new(dst="81.2.69.161,443"))])
    assert result.reasons == [(2, "bytes_received: not an integer from 0 to 2^62 - 1")]
    assert (result.one.flows_rows, result.one.context) == (1, 3)


# -- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (new(bytes=-1), "bytes: not an integer"),
        (new(bytes=2**64 - 1), "bytes: not an integer"),
        (new(bytes=2**62), "bytes: not an integer"),
        (new(bytes="1.5"), "bytes: not an integer"),
        (new(packets="NaN"), "packets: not an integer"),
        (new(dst="81.2.69.160,443", packets=2**62), "packets: not an integer"),
        (new(first="0000-00-00 00:00:00.000"), "firstSeen: not a time"),
        (new(first=""), "firstSeen: not a time"),
        (new("10.0.0.1,70000"), "src_port: not a port"),
        (new(",50000"), "srcAddr: an address is missing"),
        (new(dst="010.0.0.1,443"), "server_ip: not an address"),
        (new(proto="a b"), "proto: neither"),
        ("half,a,line\n", "3 fields where the header has 10"),
        ("\0" + new(), "a NUL byte in the line"),
    ],
)
def test_a_damaged_record_is_put_aside_with_its_line(write: Write, row: str, reason: str) -> None:
    result = read([write("a", f"{NEW}\n" + new() + row + back())])
    assert result.one.flows_rows == 1
    [(line, found)] = result.reasons
    assert line == 3
    assert found.startswith(reason)


def test_an_end_before_the_start_is_put_aside(write: Write) -> None:
    text = f"{OLD}\n2026-06-01 00:00:09,2026-06-01 00:00:08,0.0,10.0.0.1,81.2.69.160,1,443,TCP,.,1,40,0,0\n"
    good = "2026-06-01 00:00:09,2026-06-01 00:00:09,0.0,10.0.0.1,81.2.69.160,1,443,TCP,.,1,40,0,0\n"
    assert read([write("a", text + good)]).reasons == [(2, "lastSeen: before the start")]


def test_bad_utf_8_spoils_its_line_only(write: Write) -> None:
    result = read([write("a", f"{NEW}\n{new()}".encode() + b"\xff" + new().encode())])
    assert result.reasons == [(3, "not valid UTF-8")]


def test_a_half_line_at_the_end(write: Write) -> None:
    result = read([write("a", f"{NEW}\n" + new() + new()[:30])])
    assert result.reasons == [(3, "truncated last line: 3 fields where the header has 10")]
    assert result.one.incomplete == "the last line is cut"


def test_outputs_that_were_joined(write: Write) -> None:
    text = (SAMPLES / "one_way.csv").read_text()
    result = read([write("a", text + text.replace("10.0.0.1", "10.0.0.2"))])
    assert (result.one.records, result.one.context, result.one.quarantined) == (33, 22, 0)


def test_nothing_matched(write: Write) -> None:
    text = f"{OLD}\nNo matching flows\nSummary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n0,0,0,0,0,0\n"
    with pytest.raises(InputError, match="zero flows"):
        read([write("a", text)])


def test_json_that_breaks_off(write: Write) -> None:
    text = "[\n" + ",\n".join(json.dumps(json_record(src_port=port)) for port in (50_000, 50_001, 50_002))
    result = read([write("a", text[:-20])])
    assert (result.one.flows_rows, result.one.quarantined) == (2, 1)
    assert result.one.incomplete is not None
    assert result.one.incomplete.startswith("not JSON from line 4, offset")
