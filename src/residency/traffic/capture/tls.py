"""Reads the first message of either side of a TLS connection over TCP: the name asked for, and that an answer came.

The caller joins the segments of the stream and asks again, with all bytes from its start, as long as the answer is
MORE. Left to others: SSLv2 hellos, TLS that starts inside another protocol (STARTTLS), DTLS.
"""

from __future__ import annotations

from collections.abc import Callable

from residency.limits import LIMITS
from residency.traffic.capture import client_hello
from residency.traffic.capture.hello import MORE, Hello, More, ServerHello

_RECORD_HEADER_BYTES = 5
_HANDSHAKE_RECORD = b"\x16\x03"  # the type, and the major version that all of TLS has
_MAX_RECORD_BYTES = 1 << 14
_SERVER_HELLO = b"\x02"
# The random of a HelloRetryRequest: SHA-256 of that word (RFC 8446 section 4.1.3).
_RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
_RANDOM_AT = client_hello.HEADER_BYTES + 2
_RANDOM_END = _RANDOM_AT + len(_RETRY_RANDOM)


def read_client_hello(data: bytes | memoryview) -> Hello | More | None:
    """Read a ClientHello from the start of the client's stream, also one split over records (RFC 8446 section 5.1).

    MORE: it may still become one. None: this is not TLS, its lengths contradict each other, or it is over a cap.
    """
    joined = _join(bytes(data), client_hello.message_bytes)
    if isinstance(joined, tuple):
        message, length = joined
        return client_hello.read_client_hello(message, length=length)
    return joined


def read_server_hello(data: bytes | memoryview) -> ServerHello | More | None:
    """Read the start of a ServerHello from the start of the server's stream, up to its random.

    Whether the rest of it follows, and is well formed, is not checked. None: something else, such as an alert.
    """
    joined = _join(bytes(data), _random_end)
    if isinstance(joined, tuple):
        return ServerHello(is_retry=joined[0][_RANDOM_AT:] == _RETRY_RANDOM)
    return joined


def _random_end(head: bytes) -> int | More | None:
    if head[:1] != _SERVER_HELLO:
        return None if head else MORE
    return _RANDOM_END


def _join(stream: bytes, wanted: Callable[[bytes], int | More | None]) -> tuple[bytes, int] | More | None:
    """Take as many handshake bytes from the records of `stream` as `wanted` asks for, given the first of them.

    Returns them, and how many bytes of the stream they took.
    """
    message, at = bytearray(), 0
    for _ in range(LIMITS.max_hello_records):
        size = _record_bytes(stream, at)
        if not isinstance(size, int):
            return size
        fragment = stream[at + _RECORD_HEADER_BYTES : at + _RECORD_HEADER_BYTES + size]
        at += _RECORD_HEADER_BYTES + len(fragment)
        message += fragment
        count = wanted(bytes(message[: client_hello.HEADER_BYTES]))
        if count is None:
            return None
        if isinstance(count, int) and len(message) >= count:
            return bytes(message[:count]), at - (len(message) - count)
    return None


def _record_bytes(stream: bytes, at: int) -> int | More | None:
    """Return the length of the handshake record that starts at `at`."""
    head = stream[at : at + _RECORD_HEADER_BYTES]
    if len(head) < _RECORD_HEADER_BYTES:
        return MORE if _HANDSHAKE_RECORD.startswith(head[:2]) else None
    size = int.from_bytes(head[3:], "big")
    # RFC 8446 section 5.1: handshake fragments are never empty, and no other record may stand between them.
    return size if head.startswith(_HANDSHAKE_RECORD) and 0 < size <= _MAX_RECORD_BYTES else None
