"""Captures as a whole: the account of packets, what times mean, what is warned of; tshark is asked in its own file."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from tests.traffic.capture import builder as b
from tests.traffic.capture import messages as m
from tests.traffic.capture.real_payloads import capture
from tests.traffic.capture.talking import MS, S, Talk

from residency.errors import InputError
from residency.traffic.capture.conversion import CaptureConversion
from residency.traffic.conversion import answer_schema, flow_schema

CAPTURES = [
    "6in4tunnel.pcap",
    "cloudflare-warp.pcap",
    "dns_doh.pcap",
    "dns_fragmented.pcap",
    "doq.pcapng",
    "gtp_c.pcap",
    "http_ipv6.pcap",
    "instagram.pcap",
    "ipfixprobe_mixed.pcap",
    "ipfixprobe_tls.pcap",
    "malformed_dns.pcap",
    "netflix.pcap",
    "punycode-idn.pcap",
    "quic-mvfst-27.pcapng",
    "reddit.pcap",
    "ripe_atlas.pcap",
    "tls_ech.pcapng",
    "tor.pcap",
    "vk.pcapng",
    "vxlan.pcap",
    "weibo.pcap",
    "wireguard.pcap",
    "wireshark_many_interfaces.pcapng.1",
    "wireshark_quic-fragmented-handshakes.pcapng.gz",
    "wireshark_tls-fragmented-handshakes.pcap.gz",
    "yandex.pcapng",
    "youtube_quic.pcap",
    "zeek_dns-https.pcap",
    "zeek_ipv6-http-atomic-frag.pcap",
    "zeek_mixed-vlan-mpls.pcap",
    "zeek_mysql_tls-13-amazon-rds.pcap",
    "zoom.pcap",
]
every_capture = pytest.mark.parametrize("name", CAPTURES)


def convert(path: Path) -> tuple[CaptureConversion, list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the conversion at its end, its flows and its answers; the account of packets is checked."""
    conversion = CaptureConversion(path, "shown.pcap")
    batches = list(conversion.flows())
    assert all(batch.schema == flow_schema() for batch in batches)
    for batch in batches:
        batch.validate(full=True)
    rows = [row for batch in batches for row in batch.to_pylist()]
    answers = []
    for batch in conversion.answers():
        batch.validate(full=True)
        assert batch.schema == answer_schema()
        answers += batch.to_pylist()
    assert conversion.records == len(rows) + conversion.context + conversion.duplicate + len(conversion.rejected)
    assert len({row["line"] for row in rows}) == len(rows)
    return conversion, rows, answers


@pytest.fixture
def converted(name: str, tmp_path: Path) -> tuple[CaptureConversion, list[dict[str, Any]], list[dict[str, Any]]]:
    """Convert a shared capture."""
    path = capture(name)
    if name.endswith(".gz"):
        plain = tmp_path / "plain"
        plain.write_bytes(gzip.decompress(path.read_bytes()))
        path = plain
    return convert(path)


Converted = tuple[CaptureConversion, list[dict[str, Any]], list[dict[str, Any]]]


@every_capture
def test_times_are_times(name: str, converted: Converted) -> None:
    _, rows, _ = converted
    for row in rows:
        times = {kind: row[f"rtt_{kind}_ms"] for kind in ("syn", "tls", "quic")}
        found = {kind: time for kind, time in times.items() if time is not None}
        assert all(0 < time < 60_000 for time in found.values())
        assert row["rtt_ms"] == found.get(row["rtt_kind"])
        assert (row["rtt_kind"] is None) == (not found)
        assert (row["rtt_from"] in ("client", "path")) == bool(found)


def test_a_name_beside_an_encrypted_hello_is_kept_as_outer() -> None:
    _, rows, _ = convert(capture("tls_ech.pcapng"))
    assert [(row["host"], row["named_by"]) for row in rows] == [("performance.radar.cloudflare.com", "ech")]


def test_flows_in_tunnels_tell_the_tunnel() -> None:
    _, rows, _ = convert(capture("vxlan.pcap"))
    assert {row["tunnel"].split(" ")[0] for row in rows} == {"vxlan"}
    assert {row["rtt_kind"] for row in rows if row["proto"] == "tcp"} == {"tls"}


# Built captures


def test_the_account_holds_what_is_damaged_and_what_is_no_ip(tmp_path: Path) -> None:
    talk = Talk()
    path = tmp_path / "mixed.pcap"
    arp = (S, b.ethernet(bytes(28), b.ARP))
    bad_time = b.pcap_header() + b.pcap_record(talk.syn(0)) + b"\0\0\0\0\xff\xff\xff\x7f\4\0\0\0\4\0\0\0abcd"
    path.write_bytes(bad_time + b.pcap_record(talk.syn_ack(20 * MS)) + b.pcap_record(arp))
    conversion, rows, _ = convert(path)
    assert (conversion.records, len(rows), conversion.context, len(conversion.rejected)) == (4, 1, 2, 1)
    assert conversion.warnings == ("1 packet is damaged",)
    assert conversion.rejected[0].offset == 24 + 16 + 54


def test_link_types_that_are_not_read_are_said(tmp_path: Path) -> None:
    path = tmp_path / "odd.pcap"
    path.write_bytes(b.pcap([(S, bytes(40))] * 3, 9_999))
    conversion, rows, _ = convert(path)
    assert (rows, conversion.context) == ([], 3)
    assert conversion.warnings == ("3 packets are not read: link type 9999",)


def test_a_capture_cut_short_is_incomplete_and_its_rows_stand(tmp_path: Path) -> None:
    path = tmp_path / "short.pcap"
    path.write_bytes(b.pcap(Talk().handshake(S))[:-7])
    conversion, (row,), _ = convert(path)
    assert conversion.incomplete is not None
    assert (row["rtt_syn_ms"], conversion.records) == (20, 3)


def test_microseconds_are_the_resolution_of_a_microsecond_capture(tmp_path: Path) -> None:
    path = tmp_path / "us.pcap"
    path.write_bytes(b.pcap(Talk().handshake(S)))
    assert convert(path)[1][0]["rtt_resolution_us"] == 1


def test_what_is_no_capture_is_an_error_of_the_input(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"ts,client_ip,server_ip\n" * 3)
    with pytest.raises(InputError, match=r"shown\.pcap"):
        convert(path)


def test_an_answer_and_the_flow_after_it_keep_their_packets_apart(tmp_path: Path) -> None:
    owner, path = m.name("a.example"), tmp_path / "dns.pcap"
    wire = m.dns([m.question(owner)], [m.record(owner, m.A, b.address("192.0.2.1"))])
    told = (S, b.ethernet(b.ipv4(b.udp(wire, 53, 50_000), b.UDP, "192.0.2.53", "10.0.0.1")))
    path.write_bytes(b.pcap([told, *Talk().handshake(2 * S)]))
    _, rows, answers = convert(path)
    assert [(row["proto"], row["server_port"], row["line"], row["host"]) for row in sorted(rows, key=line_of)] == [
        ("udp", 53, 1, None),
        ("tcp", 443, 2, None),
    ]
    assert [(row["line"], row["client_ip"], row["address"]) for row in answers] == [(1, "10.0.0.1", "192.0.2.1")]


def line_of(row: dict[str, Any]) -> int:
    return int(row["line"])
