"""Bytes of TLS hellos, QUIC packets and DNS messages for tests: each function returns what its name says.

Lengths are right unless the caller states other ones, which is how damage is built.
"""

from __future__ import annotations

import contextlib
import ssl
import struct
from collections.abc import Iterable, Sequence

SNI, ALPN, ECH = 0, 16, 0xFE0D
A, CNAME, TXT, AAAA, ANY = 1, 5, 16, 28, 255


def vector(data: bytes, size: int, *, length: int | None = None) -> bytes:
    """Return data behind its length in `size` bytes."""
    return (len(data) if length is None else length).to_bytes(size, "big") + data


def extension(kind: int, data: bytes, *, length: int | None = None) -> bytes:
    """Return one extension of a hello."""
    return kind.to_bytes(2, "big") + vector(data, 2, length=length)


def server_name(*names: bytes, kind: int = 0) -> bytes:
    """Return a server_name extension with all these names."""
    return extension(SNI, vector(b"".join(bytes([kind]) + vector(name, 2) for name in names), 2))


def alpn(*protocols: bytes) -> bytes:
    """Return an ALPN extension."""
    return extension(ALPN, vector(b"".join(vector(p, 1) for p in protocols), 2))


def client_hello(*extensions: bytes, tail: bytes = b"", has_extensions: bool = True) -> bytes:
    """Return a ClientHello message."""
    body = b"\x03\x03" + bytes(32) + vector(bytes(32), 1) + vector(b"\x13\x01\x13\x02", 2) + vector(b"\0", 1)
    if has_extensions:
        body += vector(b"".join(extensions), 2)
    return b"\x01" + vector(body + tail, 3)


def server_hello(random: bytes = bytes(32)) -> bytes:
    """Return a ServerHello message."""
    return b"\x02" + vector(b"\x03\x03" + random + vector(bytes(32), 1) + b"\x13\x01\0" + vector(b"", 2), 3)


def records(message: bytes, sizes: Iterable[int] = (), *, kind: int = 22, version: bytes = b"\x03\x01") -> bytes:
    """Return a message in TLS records: fragments of these sizes, then one of the rest."""
    pieces, at = [], 0
    for size in (*sizes, len(message)):
        pieces.append(message[at : at + size])
        at += size
    return b"".join(bytes([kind]) + version + vector(piece, 2) for piece in pieces if piece)


def real_client_hello(host: str, protocols: Sequence[str] = ("h2", "http/1.1")) -> bytes:
    """Return the first bytes that OpenSSL sends to a server of this name."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(list(protocols))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=host).do_handshake()
    return outgoing.read()


def name(text: str) -> bytes:
    """Return a name in wire form, uncompressed."""
    return b"".join(vector(label.encode(), 1) for label in text.split(".") if label) + b"\0"


def question(asked: bytes, kind: int = A, class_: int = 1) -> bytes:
    """Return a question."""
    return asked + struct.pack("!2H", kind, class_)


def record(
    owner: bytes, kind: int, data: bytes, *, ttl_s: int = 60, class_: int = 1, length: int | None = None
) -> bytes:
    """Return a resource record."""
    return owner + struct.pack("!2HI", kind, class_, ttl_s) + vector(data, 2, length=length)


def dns(
    questions: Sequence[bytes],
    answers: Sequence[bytes] = (),
    *,
    flags: int = 0x8180,
    additional: Sequence[bytes] = (),
    counts: tuple[int, int] | None = None,
) -> bytes:
    """Return a DNS message; a response unless the flags say another thing."""
    asked, answered = (len(questions), len(answers)) if counts is None else counts
    header = struct.pack("!6H", 7, flags, asked, answered, 0, len(additional))
    return header + b"".join((*questions, *answers, *additional))
