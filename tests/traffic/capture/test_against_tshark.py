"""Every real capture as tshark reads it: packets, hosts, names, answers of DNS, and times to the microsecond.

`*.tshark.json` beside each capture has tshark's reading; the times of handshakes are asked of the tshark that is
installed. Where the two differ, `DIFFERENCES` says by what and why.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from residency.traffic.capture.conversion import CaptureConversion

SHARED = os.environ.get("RESIDENCY_SHARED")
FILES = 32
SUFFIX = ".tshark.json"
NAMES = (
    sorted(path.name.removesuffix(SUFFIX) for path in Path(SHARED, "inputs", "pcap").glob(f"*{SUFFIX}"))
    if SHARED
    else ["(shared inputs)"]
)
MICROSECOND_MS = 1e-3
# A conversation: client address and port, server address and port.
Ends = tuple[str, int, str, int]

# What tshark lists and we do not, and the reason, a line each.
HOSTS_ONLY_TSHARK_LISTS = {
    "6in4tunnel.pcap": {"2001:470:1f17:13f:25a3:3292:16f9:2ce0"},  # quoted inside an ICMPv6 error, sent no packet
    "instagram.pcap": {"173.194.40.20", "216.58.212.106"},  # quoted inside ICMP errors, sent no packet
}
# tshark counts ClientHellos, we count conversations: (tshark's number, ours).
HELLOS_AND_CONVERSATIONS = {
    "ipfixprobe_tls.pcap": {"asecuritysite.com": (6, 12)},  # six packets-for-packet copies far on: resent, says tshark
    "reddit.pcap": {"cdn.syndication.twimg.com": (2, 1)},  # one ClientHello was answered by a HelloRetryRequest
    "wireshark_quic-fragmented-handshakes.pcapng.gz": {"localhost": (2, 1)},  # the same, in QUIC
}
# tshark lists every address in a message: those of name servers in the additional section answer nothing asked.
ADDRESSES_OF_NAME_SERVERS: dict[str, dict[str, set[str]]] = {
    "6in4tunnel.pcap": {
        "star.c10r.facebook.com": {
            "69.171.239.11", "69.171.255.11",
            "2a03:2880:fffe:b:face:b00c:0:99", "2a03:2880:ffff:b:face:b00c:0:99",
        },
    },
    "dns_fragmented.pcap": {
        name: {"193.24.227.238", "194.247.5.14", "2001:470:765b::a25:53", "2001:470:1f0b:16b0::a26:53"}
        for name in ("fg2-mgmt.weberlab.de", "fg2.weberlab.de", "pa.weberlab.de")
    },
}  # fmt: skip
NO_NAMES = {
    "malformed_dns.pcap": {"www.xt.com,<Name too long>"},  # tshark prints a name that no host can have
}


@dataclass(frozen=True)
class Both:
    """One capture: our reading of it and tshark's."""

    name: str
    path: Path
    tshark: dict[str, Any]

    @cached_property
    def conversion(self) -> CaptureConversion:
        return CaptureConversion(self.path, self.name)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        return [row for batch in self.conversion.flows() for row in batch.to_pylist()]

    @cached_property
    def answers(self) -> list[dict[str, Any]]:
        assert self.rows
        return [row for batch in self.conversion.answers() for row in batch.to_pylist()]


@pytest.fixture(scope="module", params=NAMES)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    if not SHARED:
        pytest.skip("RESIDENCY_SHARED is not set: the shared inputs are not here")
    path = Path(SHARED, "inputs", "pcap", request.param)
    tshark = json.loads(path.with_name(path.name + SUFFIX).read_text())
    if path.suffix == ".gz":
        plain = tmp_path_factory.mktemp("plain") / path.stem
        plain.write_bytes(gzip.decompress(path.read_bytes()))
        path = plain
    return Both(request.param, path, tshark)


def ends_of_tunnel(tunnel: str | None) -> Iterable[str]:
    """Return the outer addresses of a flow, as in `6in4 192.0.2.1 > 192.0.2.2; …`."""
    for layer in (tunnel or "").split("; "):
        words = layer.split()
        if ">" in words:
            yield from (words[words.index(">") - 1], words[words.index(">") + 1])


def syn_by_tshark(path: Path) -> dict[Ends, list[float]]:
    """Return tshark's time of each SYN/ACK that it could hold against its SYN, in milliseconds."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed (.ci/install-tools)")
    shown = "tcp.flags.syn==1 && tcp.flags.ack==1 && tcp.analysis.ack_rtt && !icmp && !icmpv6"
    fields = ("ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "tcp.srcport", "tcp.dstport", "tcp.analysis.ack_rtt")
    # Of a tunnelled packet the last address is the inner one; IPv6 in IPv4 is the only mixture here.
    command = ["tshark", "-n", "-r", str(path), "-Y", shown, "-T", "fields", "-E", "occurrence=l"]
    wanted = [word for field in fields for word in ("-e", field)]
    done = subprocess.run([*command, *wanted], check=True, capture_output=True, text=True, timeout=60)
    times: dict[Ends, list[float]] = defaultdict(list)
    for line in done.stdout.splitlines():
        source, source_v6, target, target_v6, server_port, client_port, rtt = line.split("\t")
        ends = (target_v6 or target, int(client_port), source_v6 or source, int(server_port))
        times[ends].append(float(rtt) * 1e3)
    return times


def test_all_are_here() -> None:
    if not SHARED:
        pytest.skip("RESIDENCY_SHARED is not set: the shared inputs are not here")
    assert len(NAMES) == FILES


def test_as_many_packets(both: Both) -> None:
    assert len(both.rows) > 0
    assert both.conversion.records == both.tshark["packets"]
    assert both.conversion.rejected == []
    assert both.conversion.incomplete is None


def test_the_same_hosts(both: Both) -> None:
    ours = {row[end] for row in both.rows for end in ("client_ip", "server_ip")}
    ours |= {address for row in both.rows for address in ends_of_tunnel(row["tunnel"])}
    assert ours | HOSTS_ONLY_TSHARK_LISTS.get(both.name, set()) == set(both.tshark["host_list"])
    assert ours.isdisjoint(HOSTS_ONLY_TSHARK_LISTS.get(both.name, set()))


def test_the_same_names_as_often(both: Both) -> None:
    ours = Counter(row["host"] for row in both.rows if row["named_by"] in ("sni", "quic", "ech"))
    ours.pop(None, None)
    theirs = Counter(both.tshark["sni"])
    differing = {name: (theirs[name], ours[name]) for name in theirs | ours if theirs[name] != ours[name]}
    assert differing == HELLOS_AND_CONVERSATIONS.get(both.name, {})


def test_the_same_answers(both: Both) -> None:
    ours: dict[str, set[str]] = defaultdict(set)
    aliases: dict[str, set[str]] = defaultdict(set)
    for row in both.answers:
        ours[row["host"]].add(row["address"])
        aliases[row["host"]] |= set(row["chain"] or ())
    theirs = {
        name: {*one["a"], *one["aaaa"]} - ADDRESSES_OF_NAME_SERVERS.get(both.name, {}).get(name, set())
        for name, one in both.tshark["dns_answers"].items()
        if name not in NO_NAMES.get(both.name, set())
    }
    assert ours == theirs
    assert aliases == {name: set(both.tshark["dns_answers"][name]["cname"]) for name in theirs}


def test_handshake_times_to_the_microsecond(both: Both) -> None:
    ours: dict[Ends, list[float]] = defaultdict(list)
    for row in both.rows:
        if row["rtt_syn_ms"] is not None:
            ends = (row["client_ip"], row["client_port"], row["server_ip"], row["server_port"])
            ours[ends].append(row["rtt_syn_ms"])
    theirs = syn_by_tshark(both.path)
    assert set(ours) == set(theirs)
    for ends, times in theirs.items():
        assert sorted(ours[ends]) == pytest.approx(sorted(times), abs=MICROSECOND_MS), ends
