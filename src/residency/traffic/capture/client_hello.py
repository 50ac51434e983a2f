"""Reads a ClientHello message, without the records of TLS or the frames of QUIC that carried it.

The body must add up exactly, length by length (RFC 8446 section 4.1.2); the values of random, session, ciphers and of
extensions that name nothing are not looked at. Pre-SNI hellos without extensions are read as hellos without a name.
"""

from __future__ import annotations

import struct

from residency.limits import LIMITS
from residency.traffic.capture.hello import MORE, Hello, More
from residency.traffic.capture.octets import CutShortError, Octets

HEADER_BYTES = 4  # type, and a length of three bytes
_CLIENT_HELLO = b"\x01"
_EXTENSION_HEADER = struct.Struct("!2H")
_SERVER_NAME = 0
_ALPN = 16
_ECH = 0xFE0D
_HOST_NAME = 0
_ECH_OUTER = b"\0"
_MAX_NAME_BYTES = 255


def message_bytes(head: bytes) -> int | More | None:
    """Return how long the ClientHello is whose first bytes are `head`, its header counted.

    None: another message, or one over the cap of `residency.limits`.
    """
    if head[:1] != _CLIENT_HELLO:
        return None if head else MORE
    if len(head) < HEADER_BYTES:
        return MORE
    total = HEADER_BYTES + int.from_bytes(head[1:HEADER_BYTES], "big")
    return total if total <= LIMITS.max_hello_bytes else None


def read_client_hello(message: bytes, *, length: int | None = None) -> Hello | None:
    """Read one whole ClientHello message; `length` is what it took of the stream (default: its own length).

    None where a length in it does not add up.
    """
    body = Octets(message, HEADER_BYTES)
    try:
        body.skip(2 + 32)  # legacy_version, random
        body.vector(1)  # legacy_session_id
        body.vector(2)  # cipher_suites
        body.vector(1)  # legacy_compression_methods
        extensions = _extensions(body.vector(2)) if body.left else []
    except CutShortError:
        return None
    if body.left:
        return None
    sni, fault = _server_name(extensions)
    return Hello(
        sni=sni,
        is_outer=any(kind == _ECH and data.starts_with(_ECH_OUTER) for kind, data in extensions),
        alpn=_protocols(extensions),
        length=len(message) if length is None else length,
        fault=fault,
    )


def _extensions(block: Octets) -> list[tuple[int, Octets]]:
    """Return the extensions that are read here, having checked that all of them add up."""
    data, at, end, found = block.data, block.at, block.end, []
    while at < end:
        if end - at < _EXTENSION_HEADER.size:
            raise CutShortError
        kind, size = _EXTENSION_HEADER.unpack_from(data, at)
        at += _EXTENSION_HEADER.size
        if size > end - at:
            raise CutShortError
        if kind in (_SERVER_NAME, _ALPN, _ECH):
            found.append((kind, Octets(data, at, at + size)))
        at += size
    return found


def _server_name(extensions: list[tuple[int, Octets]]) -> tuple[str | None, str | None]:
    """Return the first host name of the one server_name extension, or None and what is wrong with it."""
    named = [data for kind, data in extensions if kind == _SERVER_NAME]
    if not named:
        return None, None
    if len(named) > 1:
        return None, "several server_name extensions"  # forbidden by RFC 8446 section 4.2: which one would be believed?
    try:
        raw = _host_name(named[0])
    except CutShortError:
        return None, "a server_name extension whose lengths do not add up"
    if raw is None:
        return None, "a server_name extension without a host name"
    if not 0 < len(raw) <= _MAX_NAME_BYTES:
        return None, f"a server name of {len(raw)} bytes"
    if not raw.isascii():
        return None, "a server name that is not ASCII"
    return raw.decode("ascii"), None


def _host_name(extension: Octets) -> bytes | None:
    """Return the first name of type host_name (RFC 6066 section 3)."""
    names = extension.vector(2)
    if extension.left:
        raise CutShortError
    while names.left:
        kind = names.number(1)
        name = names.vector(2)
        if kind == _HOST_NAME:
            return name.rest()
    return None


def _protocols(extensions: list[tuple[int, Octets]]) -> tuple[str, ...]:
    """Return the ALPN protocols as sent (RFC 7301); () where there are none or they cannot be read."""
    offered = next((data for kind, data in extensions if kind == _ALPN), None)
    if offered is None:
        return ()
    found = []
    try:
        names = offered.vector(2)
        while names.left:
            found.append(names.vector(1).rest().decode("latin-1"))
    except CutShortError:
        return ()
    return tuple(found)
