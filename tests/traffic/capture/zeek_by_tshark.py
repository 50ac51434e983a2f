"""Zeek's logs of a capture, written from what tshark says of its packets: a second reading, none of it ours.

`conn`, `ssl`, `quic`, `http` and `dns` of TCP and UDP conversations, with the fields that an audit reads.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_BETWEEN = "|"
_FIELDS = (
    *("frame.time_epoch", "ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "ip.proto", "tcp.stream", "udp.stream"),
    *("tcp.srcport", "udp.srcport", "tcp.dstport", "udp.dstport", "tcp.flags", "tcp.len", "udp.length"),
    *("tls.handshake.extensions_server_name", "http.host", "http.request.method"),
    *("dns.id", "dns.flags.response", "dns.count.answers", "dns.qry.name", "dns.qry.type"),
    *("dns.cname", "dns.a", "dns.aaaa", "dns.resp.ttl"),
)
_SYN, _SYN_ACK = 0x02, 0x12
_HEADERS = {
    "conn": (
        "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto duration orig_bytes resp_bytes conn_state history",
        "time string addr port addr port enum interval count count string string",
    ),
    "ssl": (
        "ts uid id.orig_h id.orig_p id.resp_h id.resp_p cipher server_name established",
        "time string addr port addr port string string bool",
    ),
    "quic": ("ts uid id.orig_h id.orig_p id.resp_h id.resp_p server_name", "time string addr port addr port string"),
    "http": (
        "ts uid id.orig_h id.orig_p id.resp_h id.resp_p trans_depth method host uri status_code",
        "time string addr port addr port count string string string count",
    ),
    "dns": (
        "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto trans_id query qtype answers TTLs",
        "time string addr port addr port enum count string count vector[string] vector[interval]",
    ),
}


@dataclass(slots=True)
class Conversation:
    """One stream of tshark: who began it, and what went each way."""

    uid: str
    proto: str
    began: str
    client: tuple[str, str]
    server: tuple[str, str]
    sent_bytes: int = 0
    received_bytes: int = 0
    has_syn: bool = False
    has_spoken: bool = False  # the server, be it without payload
    rows: dict[str, list[list[str]]] = field(default_factory=dict)

    @property
    def state(self) -> tuple[str, str]:
        """Return connection state and history, as far as an audit reads them."""
        if self.received_bytes:
            return "SF", "ShADadFf"
        is_midstream = self.proto == "tcp" and not self.has_syn and not self.has_spoken
        return ("OTH", "DT") if is_midstream else ("S0", "SD")

    @property
    def ends(self) -> list[str]:
        return [*self.client, *self.server]


def packets_of(capture: Path) -> Iterator[dict[str, str]]:
    """Yield tshark's fields of each packet of TCP or UDP that is no quotation in an ICMP error."""
    command = ["tshark", "-n", "-r", str(capture), "-Y", "(tcp || udp) && !icmp && !icmpv6", "-T", "fields"]
    wanted = [word for name in _FIELDS for word in ("-e", name)]
    every = ("-E", "occurrence=a", "-E", f"aggregator={_BETWEEN}")
    done = subprocess.run([*command, *every, *wanted], check=True, capture_output=True, text=True, timeout=120)
    for line in done.stdout.splitlines():
        yield dict(zip(_FIELDS, line.split("\t"), strict=True))


def conversations_of(capture: Path) -> list[Conversation]:
    """Return the streams of a capture with what Zeek's logs would tell of each."""
    found: dict[tuple[str, str], Conversation] = {}
    for packet in packets_of(capture):
        proto = "tcp" if packet["tcp.stream"] else "udp"
        key = (proto, packet[f"{proto}.stream"].split(_BETWEEN)[-1])
        source, target = _ends(packet, proto)
        at = packet["frame.time_epoch"]
        if key not in found:
            client, server = _who_asked(packet, source, target)
            found[key] = Conversation(f"C{proto}{key[1]}", proto, at, client, server)
        _add(found[key], packet, at, is_from_client=source == found[key].client)
    return list(found.values())


def _ends(packet: dict[str, str], proto: str) -> tuple[tuple[str, str], tuple[str, str]]:
    def one(way: str, port: str) -> tuple[str, str]:
        address = packet[f"ipv6.{way}"] or packet[f"ip.{way}"]
        return address.split(_BETWEEN)[-1], packet[f"{proto}.{port}"].split(_BETWEEN)[-1]

    return one("src", "srcport"), one("dst", "dstport")


def _who_asked(
    packet: dict[str, str], source: tuple[str, str], target: tuple[str, str]
) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return client and server: by the SYN, else the side with the well-known port is the server."""
    flags = int(packet["tcp.flags"] or "0", 16) & _SYN_ACK
    if flags == _SYN_ACK or (flags != _SYN and int(source[1]) < 1024 <= int(target[1])):
        return target, source
    return source, target


def _add(one: Conversation, packet: dict[str, str], at: str, *, is_from_client: bool) -> None:
    size = int(packet["tcp.len"] or 0) if one.proto == "tcp" else int(packet["udp.length"].split(_BETWEEN)[-1]) - 8
    if is_from_client:
        one.sent_bytes += size
    else:
        one.received_bytes += size
        one.has_spoken = True
    one.has_syn |= bool(int(packet["tcp.flags"] or "0", 16) & _SYN)
    name = packet["tls.handshake.extensions_server_name"].split(_BETWEEN)[0]
    if name and one.proto == "tcp":
        one.rows.setdefault("ssl", [["TLS_AES_128_GCM_SHA256", name, "T"]])
    elif name:
        one.rows.setdefault("quic", [[name]])
    if packet["http.request.method"] and packet["http.host"]:
        host = packet["http.host"].split(_BETWEEN)[0]
        one.rows.setdefault("http", [["1", packet["http.request.method"].split(_BETWEEN)[0], host, "/", "-"]])
    if packet["dns.flags.response"] in ("1", "True") and one.server[1] == "53":
        one.rows.setdefault("dns", []).append(_answer(one, packet, at))


def _answer(one: Conversation, packet: dict[str, str], at: str) -> list[str]:
    """Return an answer: the aliases of its chain, then the addresses, with the life of each.

    tshark does not say which section a record stands in: those of the kind asked for come first, as many as answer.
    """
    kind = {"1": "dns.a", "28": "dns.aaaa"}.get(packet["dns.qry.type"])
    parts = [packet[name].split(_BETWEEN) for name in ("dns.cname", kind) if name and packet[name]]
    answers = [text for part in parts for text in part][: int(packet["dns.count.answers"] or 0)]
    lives = packet["dns.resp.ttl"].split(_BETWEEN)[: len(answers)]
    listed = [",".join(answers), ",".join(f"{life}.0" for life in lives)] if answers else ["-", "-"]
    number = str(int(packet["dns.id"], 16))
    return [at, one.uid, *one.ends, one.proto, number, packet["dns.qry.name"], packet["dns.qry.type"], *listed]


def write_logs(capture: Path, folder: Path) -> None:
    """Write the logs of a capture into a folder, one file a kind."""
    lines: dict[str, list[list[str]]] = {kind: [] for kind in _HEADERS}
    for one in conversations_of(capture):
        first = [one.began, one.uid, *one.ends]
        state, history = one.state
        lines["conn"].append([*first, one.proto, "1.0", str(one.sent_bytes), str(one.received_bytes), state, history])
        for kind, rows in one.rows.items():
            lines[kind] += rows if kind == "dns" else [[*first, *row] for row in rows]
    for kind, (names, types) in _HEADERS.items():
        if lines[kind]:
            text = "".join("\t".join(row) + "\n" for row in lines[kind])
            (folder / f"{kind}.log").write_text(_header(kind, names, types) + text)


def _header(kind: str, names: str, types: str) -> str:
    marks = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
    fields = "\t".join(["#fields", *names.split()])
    return f"{marks}#path\t{kind}\n{fields}\n" + "\t".join(["#types", *types.split()]) + "\n"
