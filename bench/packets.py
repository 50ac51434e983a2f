"""A seeded generator of a realistic capture: TLS, HTTP, QUIC and DNS conversations of both families, interleaved.

The same seed and size give the same bytes. A tenth of the packets is QUIC and DNS; TCP conversations have a handshake,
a hello of a browser's size with a name, data with acknowledgements, and a FIN of both sides; one in 50 loses a packet
that is sent again. Conversations overlap as on a link that carries 2,000 new ones a second. Names end in `.example`.
"""

from __future__ import annotations

import heapq
import ipaddress
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

FLOWS_PER_S = 2_000
_START_NS = 1_780_272_000_000_000_000
_FIN, _SYN, _PSH, _ACK = 1, 2, 8, 16
_TCP, _UDP = 6, 17
_DATA = bytes(range(256)) * 6

Packet = tuple[int, bytes]
"""A time in nanoseconds after the one before in its conversation, and a frame."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A client and a server: their packed addresses and ports, and the name of the server."""

    client: bytes
    server: bytes
    client_port: int
    server_port: int
    host: str

    def frame(self, proto: int, segment: bytes, *, is_sent: bool) -> bytes:
        """Return an Ethernet frame from the client (`is_sent`) or from the server."""
        src, dst = (self.client, self.server) if is_sent else (self.server, self.client)
        if len(src) == 4:
            head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, proto, 0)
            return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + head + src + dst + segment
        head = struct.pack(">IHBB", 6 << 28, len(segment), proto, 64)
        return b"\2\0\0\0\0\1\2\0\0\0\0\2\x86\xdd" + head + src + dst + segment

    def tcp(self, flags: int, seq: int, ack: int, payload: bytes = b"", *, is_sent: bool) -> bytes:
        """Return a TCP segment with the timestamp option that all but SYNs carry too."""
        ports = (self.client_port, self.server_port) if is_sent else (self.server_port, self.client_port)
        option = b"\x01\x01\x08\x0a\0\0\0\1\0\0\0\2"
        head = struct.pack(">HHIIHHHH", *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 8 << 12 | flags, 65_535, 0, 0)
        return self.frame(_TCP, head + option + payload, is_sent=is_sent)

    def udp(self, payload: bytes, *, is_sent: bool) -> bytes:
        """Return a UDP datagram."""
        ports = (self.client_port, self.server_port) if is_sent else (self.server_port, self.client_port)
        return self.frame(_UDP, struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload, is_sent=is_sent)


def client_hello(host: str, draw: random.Random, pad_to: int = 517) -> bytes:
    """Return a ClientHello message (no record header) with the extensions of a browser."""

    def extension(kind: int, body: bytes) -> bytes:
        return struct.pack(">HH", kind, len(body)) + body

    name = host.encode()
    server_name = struct.pack(">HBH", len(name) + 3, 0, len(name)) + name
    extensions = b"".join(
        (
            extension(0x2A2A, b""),
            extension(23, b""),
            extension(0xFF01, b"\0"),
            extension(10, b"\0\x08\x1a\x1a\0\x1d\0\x17\0\x18"),
            extension(11, b"\1\0"),
            extension(35, b""),
            extension(16, b"\0\x0c\x02h2\x08http/1.1"),
            extension(5, b"\1\0\0\0\0"),
            extension(0, server_name),
            extension(13, b"\0\x10" + bytes.fromhex("04030804040105030805050108060601")),
            extension(51, b"\0\x24\0\x1d\0\x20" + draw.randbytes(32)),
            extension(45, b"\1\1"),
            extension(43, b"\4\3\4\3\3"),
        )
    )
    fixed = b"\3\3" + draw.randbytes(32) + b"\x20" + draw.randbytes(32)
    fixed += b"\0\x1e" + bytes.fromhex("130113021303c02bc02fc02cc030cca9cca8c013c014009c009d002f0035") + b"\1\0"
    padding = pad_to - 9 - 2 - len(fixed) - len(extensions) - 4
    if padding >= 0:
        extensions += extension(21, bytes(padding))
    body = fixed + struct.pack(">H", len(extensions)) + extensions
    return b"\1" + len(body).to_bytes(3) + body


def _record(message: bytes) -> bytes:
    return b"\x16\3\1" + struct.pack(">H", len(message)) + message


def _server_hello(draw: random.Random) -> bytes:
    body = b"\3\3" + draw.randbytes(32) + b"\x20" + draw.randbytes(32) + b"\x13\1\0\0\x2e"
    body += bytes.fromhex("002b0002030400330024001d0020") + draw.randbytes(32)
    return b"\x16\3\3" + struct.pack(">H", len(body) + 4) + b"\2" + len(body).to_bytes(3) + body


def _tcp_flow(pair: Pair, draw: random.Random, request: bytes, response: bytes) -> Iterator[Packet]:
    """Yield the packets of one connection: handshake, request, response, data, close."""
    trip = draw.randrange(4_000_000, 90_000_000)
    mine, theirs = draw.getrandbits(32), draw.getrandbits(32)
    yield 0, pair.tcp(_SYN, mine, 0, is_sent=True)
    if draw.random() < 0.02:
        yield 1_000_000_000, pair.tcp(_SYN, mine, 0, is_sent=True)
    yield trip, pair.tcp(_SYN | _ACK, theirs, mine + 1, is_sent=False)
    mine, theirs = mine + 1, theirs + 1
    yield 40_000, pair.tcp(_ACK, mine, theirs, is_sent=True)
    yield 300_000, pair.tcp(_PSH | _ACK, mine, theirs, request, is_sent=True)
    mine += len(request)
    yield trip, pair.tcp(_ACK, theirs, mine, is_sent=False)
    yield 900_000, pair.tcp(_ACK, theirs, mine, response, is_sent=False)
    theirs += len(response)
    yield 50_000, pair.tcp(_ACK, mine, theirs, is_sent=True)
    for _ in range(draw.choice((1, 2, 2, 3, 3, 4, 6, 8))):
        size = draw.choice((90, 400, 1_400, 1_400))
        yield draw.randrange(100_000, 400_000_000), pair.tcp(_ACK, theirs, mine, _DATA[:size], is_sent=False)
        theirs += size
        yield 30_000, pair.tcp(_ACK, mine, theirs, is_sent=True)
        if draw.random() < 0.3:
            yield 200_000, pair.tcp(_PSH | _ACK, mine, theirs, _DATA[:120], is_sent=True)
            mine += 120
    yield 10_000_000, pair.tcp(_FIN | _ACK, mine, theirs, is_sent=True)
    yield trip, pair.tcp(_FIN | _ACK, theirs, mine + 1, is_sent=False)
    yield 30_000, pair.tcp(_ACK, mine + 1, theirs + 1, is_sent=True)


def _tls_flow(pair: Pair, draw: random.Random) -> Iterator[Packet]:
    return _tcp_flow(pair, draw, _record(client_hello(pair.host, draw)), _server_hello(draw) + _DATA[:1_200])


def _http_flow(pair: Pair, draw: random.Random) -> Iterator[Packet]:
    request = f"GET /{draw.getrandbits(32):x} HTTP/1.1\r\nHost: {pair.host}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
    return _tcp_flow(pair, draw, request.encode(), b"HTTP/1.1 200 OK\r\nContent-Length: 1200\r\n\r\n" + _DATA[:1_000])


def _dns_flow(pair: Pair, draw: random.Random) -> Iterator[Packet]:
    number = draw.getrandbits(16)
    labels = b"".join(bytes((len(label),)) + label.encode() for label in pair.host.split("."))
    question = labels + b"\0\0\1\0\1"
    yield 0, pair.udp(struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + question, is_sent=True)
    alias = b"\xc0\x0c\0\5\0\1\0\0\1\x2c\0\7\4edge\xc0\x0c"
    answer = b"".join(
        b"\xc0" + bytes((12 + len(question) + 12,)) + b"\0\1\0\1\0\0\0\x3c\0\4" + draw.randbytes(4) for _ in "12"
    )
    head = struct.pack(">6H", number, 0x8180, 1, 3, 0, 0)
    yield draw.randrange(1_000_000, 30_000_000), pair.udp(head + question + alias + answer, is_sent=False)


def _quic_flow(pair: Pair, draw: random.Random) -> Iterator[Packet]:
    trip = draw.randrange(4_000_000, 90_000_000)
    yield 0, pair.udp(_initial(client_hello(pair.host, draw, 300), draw), is_sent=True)
    answer = b"\xc3\0\0\0\1\0\x08" + draw.randbytes(8) + b"\0\x44\x90" + draw.randbytes(1_168)
    yield trip, pair.udp(answer, is_sent=False)
    yield 100_000, pair.udp(b"\xe3\0\0\0\1\x08" + draw.randbytes(8) + b"\0\x40\x40" + draw.randbytes(80), is_sent=True)
    for _ in range(draw.choice((4, 6, 10, 16))):
        yield draw.randrange(100_000, 90_000_000), pair.udp(b"\x41" + _DATA[:1_250], is_sent=False)
        yield 50_000, pair.udp(b"\x42" + _DATA[:35], is_sent=True)


def _initial(message: bytes, draw: random.Random) -> bytes:
    """Return a client's Initial of QUIC version 1, protected as RFC 9001 section 5 says."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.hmac import HMAC

    def mac(key: bytes, data: bytes) -> bytes:
        made = HMAC(key, SHA256())
        made.update(data)
        return made.finalize()

    def expand(secret: bytes, label: str, size: int) -> bytes:
        name = b"tls13 " + label.encode()
        return mac(secret, struct.pack(">HB", size, len(name)) + name + b"\0\1")[:size]

    connection = draw.randbytes(8)
    secret = expand(mac(bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), connection), "client in", 32)
    key, nonce, mask_key = (
        expand(secret, label, size) for label, size in (("quic key", 16), ("quic iv", 12), ("quic hp", 16))
    )
    frames = b"\6\0" + struct.pack(">H", 0x4000 | len(message)) + message
    frames += bytes(1_162 - len(frames))
    head = b"\xc3\0\0\0\1\x08" + connection + b"\0\0" + struct.pack(">H", 0x4000 | len(frames) + 20) + bytes(4)
    sealed = AESGCM(key).encrypt(nonce, frames, head)
    mask = Cipher(algorithms.AES(mask_key), modes.ECB()).encryptor().update(sealed[:16])
    number = bytes(4)
    first = bytes((head[0] ^ mask[0] & 0x0F,))
    return first + head[1:-4] + bytes(a ^ b for a, b in zip(number, mask[1:5], strict=True)) + sealed


Kind = Callable[[Pair, random.Random], Iterator[Packet]]
_KINDS: tuple[tuple[float, Kind, int], ...] = (
    (0.72, _tls_flow, 443),
    (0.84, _http_flow, 80),
    (0.88, _quic_flow, 443),
    (1.00, _dns_flow, 53),
)


def _pair(draw: random.Random, number: int, port: int) -> Pair:
    """Draw a client out of 5,000 and a server out of 20,000; a fifth of the pairs speaks IPv6."""
    client, server = draw.randrange(5_000), int(draw.paretovariate(0.6)) % 20_000
    host = f"www{server % 7}.service-{server}.example"
    client_port = 32_768 + number % 28_000
    if server % 5 == 0:
        low = ipaddress.IPv6Address(f"2001:db8:1::{client + 1:x}"), ipaddress.IPv6Address(f"2a05:d018::{server + 1:x}")
        return Pair(low[0].packed, low[1].packed, client_port, port, host)
    ours, theirs = struct.pack(">I", 0x0A000001 + client), struct.pack(">I", 0x34D00001 + server)
    return Pair(ours, theirs, client_port, port, host)


def conversations(seed: int) -> Iterator[tuple[int, Iterator[Packet]]]:
    """Yield (start in nanoseconds, packets) without end."""
    draw = random.Random(seed)
    start, number = _START_NS, 0
    while True:
        start += int(draw.expovariate(FLOWS_PER_S) * 1e9)
        number += 1
        choice = draw.random()
        kind, port = next((kind, port) for below, kind, port in _KINDS if choice < below)
        yield start, kind(_pair(draw, number, port), draw)


def interleaved(seed: int) -> Iterator[Packet]:
    """Yield (absolute time in nanoseconds, frame) in the order of time, without end."""
    coming = conversations(seed)
    start, packets = next(coming)
    waiting: list[tuple[int, int, bytes, Iterator[Packet]]] = []
    number = 0
    while True:
        while not waiting or start <= waiting[0][0]:
            number += 1
            gap, frame = next(packets)
            heapq.heappush(waiting, (start + gap, number, frame, packets))
            start, packets = next(coming)
        ts_ns, order, frame, rest = waiting[0]
        yield ts_ns, frame
        following = next(rest, None)
        if following is None:
            heapq.heappop(waiting)
        else:
            heapq.heapreplace(waiting, (ts_ns + following[0], order, following[1], rest))


def write(folder: Path, packets: int, seed: int = 7) -> Path:
    """Write a capture of so many packets (pcap, nanoseconds) and return the file; one of that size and seed is kept."""
    path = folder / f"packets-{packets}-{seed}.pcap"
    if not path.exists():
        partial = path.with_suffix(".partial")
        with partial.open("wb", buffering=1 << 20) as file:
            file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1))
            for _, (ts_ns, frame) in zip(range(packets), interleaved(seed), strict=False):
                file.write(struct.pack("<IIII", *divmod(ts_ns, 1_000_000_000), len(frame), len(frame)) + frame)
        partial.rename(path)
    return path
