"""CSV: what is read, what is put aside and why, and what is refused."""

from __future__ import annotations

import gzip
import io
from typing import Any

import pytest
import zstandard
from tests.traffic.conftest import GOOD, HEADER, Write, read

from residency.errors import InputError, LimitError
from residency.traffic import sniff


def row(**changes: str) -> str:
    fields = dict(zip(HEADER.strip().split(","), GOOD.strip().split(","), strict=True)) | changes
    return ",".join(fields.values()) + "\n"


def test_one_row_becomes_one_group(write: Write) -> None:
    result = read([write("a.csv", HEADER + GOOD)])
    assert result.groups == [
        {
            "group_id": 0,
            "server_ip": "81.2.69.160",
            "server_form": "native",
            "server_port": 443,
            "proto": "tcp",
            "host": "a.example",
            "named_by": "stated",
            "answered": True,
            "period": 0,
            "vantage": None,
            "rtt_kind": None,
            "records": 1,
            "flows": 1,
            "bytes_sent": 5,
            "bytes_received": 6,
            "sent_unknown": 0,
            "received_unknown": 0,
            "first_us": 1_780_272_000_000_000,
            "last_us": 1_780_272_000_000_000,
            "min_rtt_ms": None,
            "rtt_samples": 0,
        }
    ]
    assert result.warnings == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ts": "2026-06-01T00:00:00"}, "ts: a time without an offset"),
        ({"ts": "2026-06-01"}, "ts: a time without an offset"),
        ({"ts": "yesterday"}, "ts: neither RFC 3339"),
        ({"ts": ""}, "ts: no time"),
        ({"ts": "2200-01-01T00:00:00Z"}, "ts: outside 1970 to 2200"),
        ({"ts": "1969-12-31T23:59:59Z"}, "ts: outside 1970 to 2200"),
        ({"ts": "-1"}, "ts: outside 1970 to 2200"),
        ({"ts": "1e300"}, "ts: outside 1970 to 2200"),
        ({"ts": "nan"}, "ts: neither RFC 3339"),
        ({"ts": "2026-02-30T00:00:00Z"}, "ts: neither RFC 3339"),
        ({"server_ip": ""}, "server_ip: no address"),
        ({"server_ip": "010.0.0.1"}, "server_ip: not an address in dotted-quad"),
        ({"server_ip": "0x7f.1"}, "server_ip: not an"),
        ({"server_ip": "2130706433"}, "server_ip: not an"),
        ({"server_ip": "16843009"}, "server_ip: not an"),
        ({"server_ip": "127.1"}, "server_ip: not an"),
        ({"server_ip": "1.2.3"}, "server_ip: not an"),
        ({"client_ip": "10.0.0.01"}, "client_ip: not an IP address"),
        ({"client_ip": "1::2::3"}, "client_ip: not an IP address"),
        ({"server_port": "65536"}, "server_port: not a port"),
        ({"server_port": "-1"}, "server_port: not a port"),
        ({"server_port": "80.5"}, "server_port: not a port"),
        ({"proto": "256"}, "proto: neither"),
        ({"bytes_sent": "-1"}, "bytes_sent: not an integer"),
        ({"bytes_sent": "1.5"}, "bytes_sent: not an integer"),
        ({"bytes_sent": "15e-1"}, "bytes_sent: not an integer"),
        ({"bytes_sent": "NaN"}, "bytes_sent: not an integer"),
        ({"bytes_received": "inf"}, "bytes_received: not an integer"),
        ({"bytes_received": str(2**64)}, "bytes_received: not an integer"),
        ({"bytes_received": str(2**62)}, "bytes_received: not an integer"),
        ({"host": "http://a.example"}, "host: a URL"),
        ({"host": "a.example:443"}, "host: a port"),
        ({"host": "user@a.example"}, "host: user information"),
        ({"host": "a..example"}, "host: host name with an empty label"),
        ({"host": "x" * 64 + ".example"}, "host: host name with a label longer"),
    ],
)
def test_a_bad_value_puts_its_row_aside(write: Write, changes: dict[str, str], reason: str) -> None:
    result = read([write("a.csv", HEADER + GOOD + row(**changes) + GOOD)])
    assert (result.one.records, result.one.flows_rows) == (3, 2)
    [(line, why)] = result.reasons
    assert line == 3
    assert why.startswith(reason)


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2026-06-01T00:00:00Z", 1_780_272_000_000_000),
        ("2026-06-01t00:00:00.5z", 1_780_272_000_500_000),
        ("2026-06-01 02:00:00+02:00", 1_780_272_000_000_000),
        ("2026-05-31T20:30:00.000001-03:30", 1_780_272_000_000_001),
        ("1780272000", 1_780_272_000_000_000),
        ("1780272000.000001", 1_780_272_000_000_001),
        ("2016-12-31T23:59:60Z", 1_483_228_799_999_999),
        ("2017-01-01T01:59:60.5+02:00", 1_483_228_799_999_999),
        ("0", 0),
    ],
)
def test_times(write: Write, text: str, us: int) -> None:
    for order in (row(ts=text), GOOD.replace("a.example", "b.example") + row(ts=text)):
        result = read([write("a.csv", HEADER + order)])
        assert us in [group["first_us"] for group in result.groups]


@pytest.mark.parametrize(
    ("unit", "text"),
    [("s", "1780272000"), ("ms", "1780272000000"), ("us", "1780272000000000"), ("ns", "1780272000000000999")],
)
def test_time_units(write: Write, unit: str, text: str) -> None:
    assert read([write("a.csv", HEADER + row(ts=text))], time_unit=unit).span == (1_780_272_000_000_000,) * 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1780272000,10.0.0.1,81.2.69.160\n", "3 fields where the header has 8"),
        (GOOD.strip() + ",more\n", "9 fields where the header has 8"),
        (HEADER, "header repeated"),
        ('1780272000,10.0.0.1,81.2.69.160,443,tcp,5,6,"a.example\n', "quotes:"),
        ("1780272000,10.0.0.1,81.2.69.160,443,tcp,5,6,a\0b\n", "a NUL byte"),
        ("1780272000,10.0.0.1,81.2.69.160,443,tcp,5,6,a\rb\n", "a carriage return"),
    ],
)
def test_a_broken_line_is_one_record(write: Write, line: str, reason: str) -> None:
    result = read([write("a.csv", HEADER + GOOD + line + GOOD)])
    assert (result.one.records, result.one.flows_rows) == (3, 2)
    [(number, why)] = result.reasons
    assert number == 3
    assert why.startswith(reason)


def test_invalid_utf8_is_one_record(write: Write) -> None:
    bad = GOOD.replace("a.example", "caf").encode().rstrip() + b"\xe9.example\n"
    result = read([write("a.csv", HEADER.encode() + bad + GOOD.encode())])
    assert result.reasons == [(2, "not valid UTF-8")]


@pytest.mark.parametrize("cut", ["1780272000,10.0.0.1,81.2.69.160", "1780272000,10.0.0.1,81.2.69.160,443,tcp,5,6x,"])
def test_a_cut_last_line(write: Write, cut: str) -> None:
    result = read([write("a.csv", HEADER + GOOD + GOOD + cut)])
    assert result.one.incomplete == "the last line is cut"
    [(line, why)] = result.reasons
    assert line == 4
    assert why.startswith("truncated last line")


def test_no_newline_at_the_end_is_fine(write: Write) -> None:
    result = read([write("a.csv", HEADER + GOOD + GOOD.strip())])
    assert (result.one.flows_rows, result.one.incomplete) == (2, None)


@pytest.mark.parametrize(
    "text", [(HEADER + GOOD).replace("\n", "\r\n"), "\ufeff" + HEADER + GOOD, HEADER + "\n" + GOOD + "\n"]
)
def test_crlf_bom_and_blank_lines(write: Write, text: str) -> None:
    assert read([write("a.csv", text)]).one.records == 1
    assert read([write("a.csv", text)]).one.flows_rows == 1


def test_quoted_fields(write: Write) -> None:
    text = 'ts,server_ip,note,host\n1780272000,81.2.69.160,"a, ""b""",a.example\n'
    assert read([write("a.csv", text)]).groups[0]["host"] == "a.example"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "empty file"),
        ("\ufeff".encode("utf-16-le") + HEADER.encode("utf-16-le"), "UTF-16"),
        ("ts,client_ip\n1,2\n", "no column server_ip; the columns are: ts, client_ip"),
        ("ts,server_ip,ts\n1,2,3\n", "column ts is there twice"),
        (HEADER, "zero flows"),
        (HEADER + row(ts="2026-06-01T00:00:00") * 3, "no time in it has an offset"),
        (HEADER + row(server_ip="x") * 3, "zero flows: every record was put aside"),
        ("---\nclaim:\n  - a\n", "YAML"),
        ("<xml/>", "XML"),
        (bytes(range(128, 256)) * 4, "bytes of no known format"),
        ('[{"ts": 1}]', "a JSON array"),
        ('{"event_type": "flow", "src_ip": "1.2.3.4"}\n', "EVE"),
    ],
)
def test_refused_files(write: Write, content: str | bytes, what: str) -> None:
    path = write("a.csv", content)
    with pytest.raises(InputError) as caught:
        read([path])
    assert what in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_header_only_beside_flows_warns(write: Write) -> None:
    result = read([write("a.csv", HEADER), write("b.csv", HEADER + GOOD)])
    assert any("only a header" in text for text in result.warnings)


def test_missing_columns_warn_once(write: Write) -> None:
    text = "ts,server_ip\n1780272000,81.2.69.160\n"
    result = read([write("a.csv", text), write("b.csv", text + "1780272001,81.2.69.160\n")])
    assert sum("bytes_received" in warning for warning in result.warnings) == 1
    [group] = result.groups
    assert (group["answered"], group["bytes_sent"], group["sent_unknown"]) == (None, None, 3)
    assert group["server_port"] is None


def test_forms_of_one_address_are_one_group(write: Write) -> None:
    rows = [row(server_ip=text) for text in ("81.2.69.160", "::ffff:81.2.69.160", "64:ff9b::81.2.69.160")]
    [group] = read([write("a.csv", HEADER + "".join(rows))]).groups
    assert (group["server_ip"], group["server_form"]) == ("81.2.69.160", "mapped,nat64,native")


def test_hosts_are_normal_and_addresses_are_no_hosts(write: Write) -> None:
    rows = [row(host=text) for text in ("A.Example.", "faß.de", "1.2.3.4", "[2001:db8::1]", "", "tіktok.com")]
    hosts = {(group["host"], group["named_by"]) for group in read([write("a.csv", HEADER + "".join(rows))]).groups}
    assert hosts == {
        ("a.example", "stated"),
        ("xn--fa-hia.de", "stated"),
        ("xn--tktok-n2e.com", "stated"),
        (None, None),
    }


def test_protocol_names_and_numbers(write: Write) -> None:
    rows = [row(proto=text) for text in ("TCP", "6", " tcp", "17")]
    groups = read([write("a.csv", HEADER + "".join(rows))]).groups
    assert {group["proto"]: group["records"] for group in groups} == {"tcp": 3, "udp": 1}


def test_cuts_make_periods(write: Write) -> None:
    rows = "".join(row(ts=str(second)) for second in range(100, 110))
    cuts = [102_000_000, 105_000_000, 108_000_000]
    groups = read([write("a.csv", HEADER + rows)], cuts).groups
    assert [(g["period"], g["records"]) for g in groups] == [(0, 2), (1, 3), (2, 3), (3, 2)]


def test_round_trip_times(write: Write) -> None:
    head = "ts,server_ip,rtt_ms,rtt_kind\n"
    good = "1780272000,81.2.69.160,"
    text = head + "".join(
        good + tail + "\n"
        for tail in ("5.5,syn", "4,syn", "-3,syn", "0,syn", "nan,syn", "inf,syn", "1e12,syn", "3,icmp", ",")
    )
    result = read([write("a.csv", text)])
    assert [(g["rtt_kind"], g["min_rtt_ms"], g["rtt_samples"], g["records"]) for g in result.groups] == [
        (None, None, 0, 7),
        ("syn", 4.0, 2, 2),
    ]
    assert any(text.startswith("6 round-trip times were dropped") for text in result.warnings)


def test_answered_flows_vantage_and_named_by(write: Write) -> None:
    head = "ts,server_ip,bytes_received,answered,flows,vantage,host,named_by\n"
    rows = [
        "1,81.2.69.160,5,false,3,here,a.example,sni",
        "1,81.2.69.160,,TRUE,,,a.example,",
        "1,81.2.69.160,5,maybe,1,,,",
    ]
    rows += ["1,81.2.69.160,5,,1,,a.example,guess", "1,81.2.69.160,5,,1.5,,,"]
    result = read([write("a.csv", head + "\n".join(rows) + "\n")])
    assert [line for line, _ in result.reasons] == [4, 5, 6]
    got = {(g["answered"], g["flows"], g["vantage"], g["named_by"], g["received_unknown"]) for g in result.groups}
    assert got == {(False, 3, "here", "sni", 0), (True, 1, None, "stated", 1)}


def test_flow_ids_count_once_over_all_inputs(write: Write) -> None:
    head = "ts,server_ip,flow_id\n"
    first = write("a.csv", head + "1,81.2.69.160,x\n2,81.2.69.161,x\n3,81.2.69.160,\n4,81.2.69.160,\n")
    second = write("b.csv", head + "5,81.2.69.160,x\n6,81.2.69.160,y\n")
    result = read([first, second])
    assert [(one.flows_rows, one.duplicate) for one in result.inputs] == [(3, 1), (1, 1)]


def test_identical_rows_are_genuine_and_identical_files_are_not(write: Write) -> None:
    one, two = write("a.csv", HEADER + GOOD * 3), write("b.csv.gz", gzip.compress((HEADER + GOOD * 3).encode()))
    result = read([one, two])
    assert [(s.records, s.flows_rows, s.duplicate) for s in result.inputs] == [(3, 3, 0), (3, 0, 3)]
    assert result.inputs[0].sha256 == result.inputs[1].sha256


PACKERS: list[Any] = [gzip.compress, zstandard.ZstdCompressor(write_checksum=True).compress]


@pytest.mark.parametrize("pack", PACKERS)
def test_compressed_files_in_several_members(write: Write, pack: Any) -> None:
    data = pack((HEADER + GOOD).encode()) + pack((GOOD * 2).encode())
    assert read([write("a.bin", data)]).one.flows_rows == 3


@pytest.mark.parametrize("pack", PACKERS)
def test_a_truncated_stream_is_read_to_its_break(write: Write, pack: Any) -> None:
    import random

    text = HEADER + "".join(row(bytes_sent=str(random.Random(i).getrandbits(40))) for i in range(20_000))
    data = pack(text.encode())
    result = read([write("a.bin", data[: len(data) * 2 // 3])])
    assert result.one.incomplete is not None
    assert "truncated" in result.one.incomplete or "corrupt" in result.one.incomplete
    assert result.one.quarantined == 1
    assert 5_000 < result.one.flows_rows < 20_000


@pytest.mark.parametrize("pack", PACKERS)
def test_a_stream_that_holds_nothing(write: Write, pack: Any) -> None:
    data = pack((HEADER + GOOD).encode())
    for damaged in (data[:6], data[:4] + b"\xff" * 20):
        with pytest.raises(InputError):
            read([write("a.bin", damaged)])


def test_a_bomb_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as stream:
        for _ in range(200):
            stream.write(bytes(1 << 20))
    inner = gzip.compress(HEADER.encode())
    from residency import limits
    from residency.traffic import streams

    monkeypatch.setattr(streams, "LIMITS", limits.Limits(max_compression_ratio=500))
    with pytest.raises(LimitError, match="times its size"):
        read([write("a.gz", inner + packed.getvalue())])


def test_a_line_over_the_cap_is_one_record(write: Write) -> None:
    long = "1," + "x" * (3 << 20) + "\n"
    result = read([write("a.csv", HEADER + GOOD + long + GOOD)])
    assert [(line, why[:16]) for line, why in result.reasons] == [(3, "line longer than")]
    assert result.one.flows_rows == 2


def test_folders_are_read_in_order_without_hidden_files(write: Write) -> None:
    folder = write("x/b.csv", HEADER + GOOD).parent
    write("x/a/z.csv", HEADER + GOOD * 2)
    write("x/.hidden", "nothing")
    result = read([folder])
    assert [one.path.removeprefix(str(folder)) for one in result.inputs] == ["/a/z.csv", "/b.csv"]


def test_names_that_engines_read_as_patterns_or_places(write: Write) -> None:
    path = write("odd[1]*'?.csv", HEADER + GOOD)
    write("odd1.csv", HEADER + GOOD * 5)
    assert read([path]).one.flows_rows == 1


def test_sniff_by_content(write: Write) -> None:
    assert sniff(write("x.log", HEADER)) == "csv"
    assert sniff(write("x.csv", '{"ts": 1, "server_ip": "1.2.3.4"}\n')) == "ndjson"
    assert sniff(write("x.txt", "#separator \\x09\n")) == "zeek"


def test_threads_and_row_order_change_nothing(write: Write) -> None:
    import random

    rows = [row(ts=str(i), server_ip=f"81.2.{i % 7}.{i % 250}", host=f"h{i % 11}.example") for i in range(3_000)]
    expected = read([write("a.csv", HEADER + "".join(rows))], threads=1).groups
    random.Random(1).shuffle(rows)
    assert read([write("b.csv", HEADER + "".join(rows))], threads=4).groups == expected
