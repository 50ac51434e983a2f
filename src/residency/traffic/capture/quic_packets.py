"""The long headers of QUIC as far as they are not protected, and the frames of an Initial (RFC 9000, 17 and 19).

Cheap and without keys: enough to tell whose Initial a datagram holds. Opening packets is left to `quic`.
Short headers, and versions that `quic_versions` does not know (Google's own QUIC among them), are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from residency.limits import LIMITS
from residency.traffic.capture.octets import CutShortError, Octets
from residency.traffic.capture.quic_versions import VERSIONS, Version

_LONG_HEADER = 0xC0  # the form bit, and the fixed bit that an opening Initial always has set
_MAX_CONNECTION_ID_BYTES = 20
_PADDING = re.compile(rb"\0+")
_PING, _ACK, _ACK_ECN, _CRYPTO, _CLOSE = 0x01, 0x02, 0x03, 0x06, 0x1C


@dataclass(frozen=True, slots=True, kw_only=True)
class LongPacket:
    """One packet with a long header and a length: where it starts, where its packet number stands, where it ends."""

    version: Version
    is_initial: bool
    connection_id: bytes  # of the destination
    has_token: bool
    start: int
    number_at: int
    end: int


def long_packets(datagram: bytes) -> Iterator[LongPacket]:
    """Yield the packets with long headers at the start of a datagram, coalesced ones too (RFC 9000 section 12.2).

    Stops where something else begins (a short header, a Retry, padding, another version), where the datagram was cut,
    and at the cap of `residency.limits`.
    """
    at = 0
    for _ in range(LIMITS.max_quic_packets_per_datagram):
        packet = read_long_packet(datagram, at)
        if packet is None or packet.end > len(datagram):
            return
        yield packet
        at = packet.end


def read_long_packet(datagram: bytes, at: int = 0) -> LongPacket | None:
    """Read the long header at `at`; None where there is none with a length. `end` may lie behind a cut datagram."""
    if len(datagram) < at + 7 or datagram[at] & _LONG_HEADER != _LONG_HEADER:
        return None
    version = VERSIONS.get(int.from_bytes(datagram[at + 1 : at + 5], "big"))
    kind = datagram[at] >> 4 & 3
    if version is None or kind == version.retry_type:
        return None
    octets = Octets(datagram, at + 5)
    try:
        connection_id = _connection_id(octets)
        _connection_id(octets)
        is_initial = kind == version.initial_type
        token_bytes = octets.varint() if is_initial else 0
        octets.skip(token_bytes)
        size = octets.varint()
    except CutShortError:
        return None
    return LongPacket(
        version=version,
        is_initial=is_initial,
        connection_id=connection_id,
        has_token=token_bytes > 0,
        start=at,
        number_at=octets.at,
        end=octets.at + size,
    )


def _connection_id(octets: Octets) -> bytes:
    size = octets.number(1)
    if size > _MAX_CONNECTION_ID_BYTES:  # RFC 9000 section 17.2
        raise CutShortError
    return octets.take(size)


def crypto_frames(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, data) of the CRYPTO frames of an Initial's payload (RFC 9000 sections 17.2.2 and 19).

    Raises CutShortError, after what came before, at a frame that no Initial may hold or that runs out of the packet.
    """
    octets = Octets(payload)
    for _ in range(LIMITS.max_quic_frames_per_packet):
        padding = _PADDING.match(payload, octets.at)
        if padding is not None:
            octets.at = padding.end()
        if not octets.left:
            return
        kind = octets.varint()
        if kind == _CRYPTO:
            offset = octets.varint()
            yield offset, octets.take(octets.varint())
        else:
            _skip_frame(kind, octets)
    raise CutShortError


def _skip_frame(kind: int, octets: Octets) -> None:
    if kind in (_ACK, _ACK_ECN):
        octets.varint()  # largest acknowledged
        octets.varint()  # delay
        ranges = octets.varint()
        for _ in range(1 + 2 * min(ranges, octets.left) + (3 if kind == _ACK_ECN else 0)):
            octets.varint()
    elif kind == _CLOSE:
        octets.varint()  # error code
        octets.varint()  # type of the frame that was wrong
        octets.skip(octets.varint())
    elif kind != _PING:
        raise CutShortError
