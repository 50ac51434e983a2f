"""Write docs/samples/office.pcap: a composed capture of eight TLS handshakes with the round-trip times of Frankfurt.

python docs/samples/build.py            # writes docs/samples/office.pcap
python docs/samples/build.py --check    # says whether it is up to date (exit 1: it is not)

Nobody was recorded. Five controls stand at addresses that Amazon, Microsoft and Google publish for one region each; the
names belong to nobody. Light needs the times that are written here, and glass the usual share more.
"""

from __future__ import annotations

import ipaddress
import random
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

from packets import Pair, client_hello

FILE = Path(__file__).with_name("office.pcap")
CLIENT = "192.168.1.7"
START_NS = 1_792_569_600_000_000_000  # 2026-10-21T08:00:00Z
_FIN, _SYN, _PSH, _ACK = 1, 2, 8, 16

HANDSHAKES = (  # address, name, milliseconds from hello to hello
    ("3.64.0.9", "frankfurt.aws.example", 1.3),
    ("34.159.0.9", "frankfurt.gcp.example", 1.6),
    ("20.52.64.9", "frankfurt.azure.example", 2.1),
    ("3.3.2.10", "virginia.aws.example", 92.4),
    ("3.112.0.9", "tokyo.aws.example", 231.7),
    ("185.1.2.3", "app.acme.example", 0.9),
    ("185.1.2.3", "app.acme.example", 0.8),
    ("185.1.2.3", "app.acme.example", 1.1),
)


def conversation(pair: Pair, draw: random.Random, trip_ms: float) -> Iterator[tuple[int, bytes]]:
    """Yield (nanoseconds after the packet before, frame) of a handshake over TCP, some data, and the close."""
    trip_ns = int(trip_ms * 1e6)
    mine, theirs = draw.getrandbits(30), draw.getrandbits(30)
    yield 0, pair.tcp(_SYN, mine, 0, is_sent=True)
    yield trip_ns, pair.tcp(_SYN | _ACK, theirs, mine + 1, is_sent=False)
    mine, theirs = mine + 1, theirs + 1
    yield 40_000, pair.tcp(_ACK, mine, theirs, is_sent=True)
    message = client_hello(pair.host, draw, 300)
    hello = b"\x16\3\1" + struct.pack(">H", len(message)) + message
    yield 60_000, pair.tcp(_PSH | _ACK, mine, theirs, hello, is_sent=True)
    mine += len(hello)
    body = b"\3\3" + draw.randbytes(32) + b"\0\x13\1\0\0\6\0\x2b\0\2\3\4"
    answer = b"\x16\3\3" + struct.pack(">H", len(body) + 4) + b"\2" + len(body).to_bytes(3) + body
    yield trip_ns, pair.tcp(_PSH | _ACK, theirs, mine, answer, is_sent=False)
    theirs += len(answer)
    yield 200_000, pair.tcp(_PSH | _ACK, mine, theirs, draw.randbytes(200), is_sent=True)
    mine += 200
    yield trip_ns, pair.tcp(_PSH | _ACK, theirs, mine, draw.randbytes(900), is_sent=False)
    theirs += 900
    yield 100_000, pair.tcp(_FIN | _ACK, mine, theirs, is_sent=True)
    yield trip_ns, pair.tcp(_FIN | _ACK, theirs, mine + 1, is_sent=False)
    yield 40_000, pair.tcp(_ACK, mine + 1, theirs + 1, is_sent=True)


def capture() -> bytes:
    """Return the capture: pcap in nanoseconds, Ethernet."""
    draw = random.Random(7)  # noqa: S311 (the same bytes each time, no secret)
    client = ipaddress.ip_address(CLIENT).packed
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1)]
    for number, (address, host, trip_ms) in enumerate(HANDSHAKES):
        pair = Pair(client, ipaddress.ip_address(address).packed, 50_001 + number, 443, host)
        now = START_NS + number * 2_000_000_000
        for gap, frame in conversation(pair, draw, trip_ms):
            now += gap
            parts.append(struct.pack("<IIII", *divmod(now, 1_000_000_000), len(frame), len(frame)) + frame)
    return b"".join(parts)


def main() -> int:
    """Write the capture, or check it."""
    if "--check" in sys.argv[1:]:
        return 0 if FILE.is_file() and FILE.read_bytes() == capture() else 1
    FILE.write_bytes(capture())
    return 0


if __name__ == "__main__":
    sys.exit(main())
