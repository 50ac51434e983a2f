"""What is damaged: messages made here and, where RESIDENCY_SHARED names the shared inputs, real ones from captures."""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.resolve import ways
from tests.resolve.hostile import hostile_server
from tests.traffic.capture import builder, initials, messages

from residency.resolve import resolve
from residency.traffic.capture import quic as quic_reader
from residency.traffic.capture.files import CaptureReader

_PER_KIND = 200
_LARGEST_CAPTURE = 20_000
_TCP, _UDP = 6, 17
_PTR, _HTTPS = 12, 65
_HELLO = messages.client_hello(
    messages.server_name(b"a.example", b"b.example"),
    messages.alpn(b"h2", b"http/1.1"),
    messages.extension(messages.ECH, b"\0\0\1\0\1\x20\0\x20" + bytes(32)),
)
# Lines of logs by format; the first is the head of every file, and says what it is.
LOGS: dict[str, tuple[bytes, ...]] = {
    "csv": (
        b"ts,client_ip,server_ip,server_port,proto,bytes_sent,bytes_received,host",
        b"2026-06-01T00:00:00Z,10.0.0.1,81.2.69.160,443,tcp,5,6,a.example",
        b'1780272000.5,"10.0.0.1","2001:db8::1",53,udp,,,""',
    ),
    "ndjson": (
        b'{"ts":"2026-06-01T00:00:00Z","client_ip":"10.0.0.1","server_ip":"81.2.69.160","server_port":443}',
        b'{"ts":1780272000.5,"client_ip":"10.0.0.1","server_ip":"81.2.69.160","server_port":443,"host":"a.example"}',
        b'{"ts":"2026-06-01T00:00:00+02:00","server_ip":"2001:db8::1","bytes_sent":5,"bytes_received":null}',
    ),
    "zeek-conn": (
        b"#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\t"
        b"orig_bytes\tresp_bytes\tconn_state\thistory",
        b"1780272000.5\tC1\t10.0.0.1\t50000\t81.2.69.160\t443\ttcp\t5\t6\tSF\tShADadFf",
        b"1780272000.6\tC2\t10.0.0.1\t50000\t81.2.69.160\t443\ttcp\t-\t-\tS0\tS",
    ),
    "zeek-json": (
        b'{"_path":"conn","ts":1780272000.1,"uid":"C0","id.orig_h":"10.0.0.1","id.resp_h":"81.2.69.160","id.resp_p":443,'
        b'"proto":"tcp","conn_state":"SF"}',
        b'{"_path":"conn","ts":1780272000.5,"uid":"C1","id.orig_h":"10.0.0.1","id.resp_h":"81.2.69.160","id.resp_p":443,'
        b'"proto":"tcp","orig_bytes":5,"resp_bytes":6,"conn_state":"SF","history":"ShADadFf"}',
        b'{"_path":"dns","ts":1780272000.4,"uid":"C2","id.orig_h":"10.0.0.1","id.resp_h":"10.0.0.2","id.resp_p":53,'
        b'"trans_id":7,"query":"a.example","qtype":1,"answers":["81.2.69.160"],"TTLs":[60.0]}',
    ),
    "aws-vpc": (
        b"version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
        b"log-status",
        b"2 123456789010 eni-1 10.0.0.1 81.2.69.160 50000 443 6 20 4249 1780272000 1780272060 ACCEPT OK",
        b"2 123456789010 eni-1 2001:db8::1 2001:db8::2 22 50000 6 4 549 1780272000 1780272060 REJECT OK",
        b"2 123456789010 eni-1 - - - - - - - 1780272000 1780272060 - NODATA",
    ),
    "eve": (
        b'{"timestamp":"2026-06-01T00:00:00.000000+0000","flow_id":1,"event_type":"flow","src_ip":"10.0.0.1",'
        b'"src_port":50000,"dest_ip":"81.2.69.160","dest_port":443,"proto":"TCP","flow":{"bytes_toserver":5,'
        b'"bytes_toclient":6,"pkts_toclient":1,"start":"2026-06-01T00:00:00.000000+0000"}}',
        b'{"timestamp":"2026-06-01T00:00:01.000000+0000","flow_id":2,"event_type":"flow","src_ip":"10.0.0.1",'
        b'"src_port":50001,"dest_ip":"81.2.69.160","dest_port":443,"proto":"TCP","flow":{"bytes_toserver":5,'
        b'"bytes_toclient":6,"pkts_toclient":1,"start":"2026-06-01T00:00:01.000000+0000"}}',
        b'{"timestamp":"2026-06-01T00:00:01.000000+0000","flow_id":2,"event_type":"tls","src_ip":"10.0.0.1",'
        b'"src_port":50001,"dest_ip":"81.2.69.160","dest_port":443,"proto":"TCP","tls":{"sni":"a.example"}}',
        b'{"timestamp":"2026-06-01T00:00:00.500000+0000","flow_id":3,"event_type":"dns","src_ip":"10.0.0.2",'
        b'"src_port":53,"dest_ip":"10.0.0.1","dest_port":5353,"proto":"UDP","dns":{"type":"answer","id":7,'
        b'"rrname":"a.example","rcode":"NOERROR","answers":[{"rrname":"a.example","rrtype":"A","ttl":60,'
        b'"rdata":"81.2.69.160"}]}}',
    ),
    "route53-resolver": (
        b'{"version":"1.1","query_timestamp":"2026-06-01T00:00:00Z","query_name":"a.example.","query_type":"A",'
        b'"srcaddr":"10.0.0.1","rcode":"NOERROR","answers":[{"Rdata":"81.2.69.160","Type":"A","Class":"IN"}]}',
        b'{"version":"1.1","query_timestamp":"2026-06-01T00:00:01Z","query_name":"b.example.","query_type":"A",'
        b'"srcaddr":"10.0.0.1","rcode":"NOERROR","answers":[{"Rdata":"a.example.","Type":"CNAME","Class":"IN"}]}',
    ),
    "squid": (
        b"1780272000.779    180 10.0.0.1 TCP_MISS/200 411 GET http://a.example/x - HIER_DIRECT/81.2.69.160 text/plain",
        b"1780272001.779    180 10.0.0.1 TCP_TUNNEL/200 411 CONNECT a.example:443 - HIER_DIRECT/81.2.69.160 -",
        b"1780272002.779      0 10.0.0.1 TCP_HIT/200 411 GET http://a.example/x - HIER_NONE/- text/plain",
    ),
    "azure-flow": (
        b'{"category":"FlowLogFlowEvent","macAddress":"0022","flowRecords":{"flows":[]}}',
        b'{"macAddress":"0022","flowRecords":{"flows":[{"aclID":"a","flowGroups":[{"rule":"r","flowTuples":['
        b'"1780272000000,10.0.0.6,81.2.69.160,50000,443,6,O,B,NX,0,0,0,0",'
        b'"1780272000500,10.0.0.6,81.2.69.160,50000,443,6,O,E,NX,3,767,2,1580"]}]}]}}',
        b'{"properties":{"Version":2,"flows":[{"rule":"r","flows":[{"mac":"0022","flowTuples":['
        b'"1780272000,10.0.0.6,81.2.69.160,50001,443,T,O,A,C,30,16978,24,14008",'
        b'"1780272001,10.0.0.6,2001:db8::1,50002,443,U,I,D,B,,,,"]}]}]}}',
    ),
    "azure-document": (
        b'{"records": [',
        b'{"macAddress":"0022","flowRecords":{"flows":[{"aclID":"a","flowGroups":[{"rule":"r","flowTuples":['
        b'"1780272000000,10.0.0.6,81.2.69.160,50000,443,6,O,B,NX,0,0,0,0",'
        b'"1780272000500,10.0.0.6,81.2.69.160,50000,443,6,O,E,NX,3,767,2,1580"]}]}]}},',
        b'{"properties":{"flows":[{"flows":[{"flowTuples":["1780272000,10.0.0.6,81.2.69.160,1,443,T,O,A"]}]}]}},',
    ),
    "gcp-vpc": (
        b'{"insertId":"a","jsonPayload":{"connection":{"src_ip":"10.0.0.2","dest_ip":"81.2.69.160"}}}',
        b'{"insertId":"b","timestamp":"2026-06-01T00:00:09Z","jsonPayload":{"connection":{"src_ip":"10.0.0.2",'
        b'"src_port":50000,"dest_ip":"81.2.69.160","dest_port":443,"protocol":6},"reporter":"SRC","bytes_sent":"1224",'
        b'"packets_sent":"9","rtt_msec":"20","start_time":"2026-06-01T00:00:00.123456789Z",'
        b'"end_time":"2026-06-01T00:00:04Z"}}',
        b'{"insertId":"c","timestamp":"2026-06-01T00:00:09Z","jsonPayload":{"connection":{"src_ip":"81.2.69.160",'
        b'"src_port":443,"dest_ip":"10.0.0.2","dest_port":50000,"protocol":6},"reporter":"DEST","bytes_sent":"5342",'
        b'"packets_sent":"9","start_time":"2026-06-01T00:00:00Z","end_time":"2026-06-01T00:00:04Z"}}',
    ),
    "nfdump": (
        b"ts,te,td,sa,da,sp,dp,pr,flg,ipkt,ibyt,opkt,obyt",
        b"2026-06-01 00:00:00,2026-06-01 00:00:01,1.500,10.0.0.1,81.2.69.160,50000,443,TCP,...AP.SF,4,460,0,0",
        b"2026-06-01 00:00:00,2026-06-01 00:00:01,1.500,81.2.69.160,10.0.0.1,443,50000,TCP,...AP.SF,4,3050,0,0",
        b"1780272000.5,1780272001.5,1.000,2001:db8::1,2001:db8::2,50000,53,UDP,........,1,68,1,148",
        b"Summary",
    ),
    "nfdump-json": (
        b"[",
        b'{"type":"FLOW","sampled":0,"first":"2026-06-01T00:00:00.250","last":"2026-06-01T00:00:01.750","in_packets":4,'
        b'"in_bytes":2000,"proto":6,"src_port":50000,"dst_port":443,"src4_addr":"10.0.0.1","dst4_addr":"81.2.69.160"},',
        b'{"type":"EVENT","t_first":"2026-06-01T00:00:00.5","t_last":"2026-06-01T00:00:01.12","in_packets":4,'
        b'"in_bytes":2000,"proto":17,"src_port":1,"dst_port":2,"src6_addr":"2001:db8::1","dst6_addr":"2001:db8::2"},',
    ),
    "har": (
        b'{"log": {"version": "1.2", "entries": [',
        b'{"startedDateTime":"2026-06-01T02:00:00.250+02:00","time":120.5,"serverIPAddress":"81.2.69.160",'
        b'"request":{"url":"https://a.example:8443/x","httpVersion":"h2","headersSize":100,"bodySize":20},'
        b'"response":{"status":200,"httpVersion":"h2","headersSize":200,"bodySize":1000},'
        b'"timings":{"connect":60.5,"ssl":40}},',
        b'{"startedDateTime":"2026-06-01T02:00:01Z","serverIPAddress":"[2001:db8::1]","_fromCache":"disk",'
        b'"request":{"url":"http://b.example/"},"response":{"status":304,"_transferSize":7}},',
    ),
}


def tls() -> list[bytes]:
    """Streams of clients and servers."""
    made = [
        messages.real_client_hello("data.hr.example"),
        messages.records(_HELLO),
        messages.records(_HELLO, [1, 2, 3, 10, 50]),
        messages.records(messages.server_hello(), [5]),
    ]
    hellos = [payload for proto, payload in _payloads() if proto == _TCP and payload.startswith(b"\x16\x03")]
    return made + hellos[:_PER_KIND]


def quic() -> list[bytes]:
    """Datagrams of clients."""
    made = [datagram for version in (initials.V1, initials.V2) for datagram in _client(version)]
    made.append(initials.initial(initials.crypto(0, _HELLO), token=b"token"))
    datagrams = [payload for proto, payload in _payloads() if proto == _UDP]
    return made + [datagram for datagram in datagrams if quic_reader.is_client_initial(datagram)][:_PER_KIND]


def quic_frames() -> list[bytes]:
    """Payloads of Initial packets, before they are sealed."""
    cut = [initials.crypto(offset, data) for offset, data in initials.pieces(_HELLO, range(20, 200, 20))]
    return [
        initials.crypto(0, _HELLO),
        b"\x01".join(reversed(cut)),
        b"\x02\x09\0\1\1\0\1\0\0" + cut[0] + bytes(20) + cut[1] + b"\x1c\7\6\3why" + b"".join(cut[2:]),
    ]


def http() -> list[bytes]:
    """Streams of clients."""
    made = [
        b"GET /a?b HTTP/1.1\r\nUser-Agent: x\r\nHost: data.hr.example:8080\r\nAccept: */*\r\n\r\n",
        b"GET http://a@b.example:80/x HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\nbody",
        b"\r\nCONNECT far.example:443 HTTP/1.0\n\n",
    ]
    return made + [payload for _, payload in _payloads() if b" HTTP/1." in payload[:2_000]][:_PER_KIND]


def dns() -> list[bytes]:
    """Queries and answers."""
    asked = messages.question(messages.name("www.a.example"))
    answers = [
        messages.record(b"\xc0\x0c", messages.CNAME, messages.name("b.example")),
        messages.record(messages.name("b.example"), messages.A, bytes([192, 0, 2, 1])),
        messages.record(b"\xc0\x10", messages.AAAA, bytes(16)),
    ]
    made = [messages.dns([asked], answers), messages.dns([asked], flags=0x0100), messages.dns([asked], answers * 300)]
    return made + [payload for _, payload in _payloads(port=53)][:_PER_KIND]


def answers() -> list[bytes]:
    """Answers as `resolve` reads them: of every type, with EDNS options, and heavy ones."""
    asked = messages.question(messages.name("www.a.example"), _HTTPS)
    bindings = [
        b"\0\1\0\0\1\0\6\2h3\2h2\0\3\0\2\1\xbb\0\4\0\4\x3f\x22\xde\x6d\0\5\0\2ab\0\6\0\x10" + bytes(16),
        b"\0\0" + messages.name("b.example"),
    ]
    options = b"\0\x08\0\x07\0\1\x18\x18\x51\2\x45\0\x0f\0\4\0\x16no"
    extra = [b"\0" + struct.pack("!2HIH", 41, 1_232, 0x8000, len(options)) + options]
    https = [messages.record(b"\xc0\x0c", _HTTPS, data) for data in bindings]
    names = [messages.record(b"\xc0\x0c", _PTR, messages.name(f"{label}.example")) for label in "ab"]
    heavy = [_heavy("hv"), _heavy("hn")]
    return [messages.dns([asked], https, additional=extra), messages.dns([asked], names), *heavy, *dns()]


def _heavy(way: str) -> bytes:
    """An answer of 61 KB under a name of 119 labels."""
    question = messages.question(messages.name(ways.long_name(way)))
    (sent,) = ways.UDP[way](ways.read_query(messages.dns([question], flags=0x0100)))
    return sent if isinstance(sent, bytes) else b""


def recordings() -> list[bytes]:
    """Files that keep answers, written by the code that writes them."""
    with tempfile.TemporaryDirectory(prefix="residency-fuzz-") as folder, hostile_server() as server:
        path = Path(folder, "recording")
        names = [f"www.{way}.{ways.ZONE}" for way in ("honest", "loop", "malformed", "servfail")]
        resolve([*names, "no name"], servers=[server.address], record=path, deadline_s=10.0)
        return [path.read_bytes()]


def captures() -> list[bytes]:
    """Whole files of captures, small ones."""
    return [
        _made_capture(),
        *(path.read_bytes() for path in _small_captures()),
    ]


def _client(version: int) -> list[bytes]:
    return initials.real_client("data.hr.example", version=version, is_large=True)


def _made_capture() -> bytes:
    return builder.pcap([(10**18 + i, bytes(12) + b"\x08\0\x45" + bytes(60)) for i in range(4)])


def _shared(*parts: str) -> Iterator[Path]:
    shared = os.environ.get("RESIDENCY_SHARED")
    for part in parts if shared else ():
        yield from sorted(Path(shared or "", "inputs", part).iterdir())


def _small_captures() -> list[Path]:
    found = [path for path in _shared("pcap", "tcpdump_tests", "zeek_traces") if _is_small_capture(path)]
    return found[:: max(1, len(found) // _PER_KIND)]


def _is_small_capture(path: Path) -> bool:
    return path.is_file() and path.suffix in (".pcap", ".pcapng", ".trace") and path.stat().st_size < _LARGEST_CAPTURE


@cache
def _payloads(port: int | None = None) -> list[tuple[int, bytes]]:
    """The transport and payload of the packets of the shared captures, those of one port if it is given."""
    found = []
    for path in _shared("pcap"):
        if path.suffix in (".pcap", ".pcapng"):
            for batch in CaptureReader(path).batches():
                wanted = batch.payload_len > 0
                if port is not None:
                    wanted &= (batch.proto == _UDP) & ((batch.src_port == port) | (batch.dst_port == port))
                for row in wanted.nonzero()[0].tolist():
                    at = int(batch.payload_at[row])
                    found.append((int(batch.proto[row]), batch.buffer[at : at + int(batch.payload_len[row])].tobytes()))
    return found
