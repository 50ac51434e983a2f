"""Reads the ClientHello in the Initial packets of a QUIC client (RFC 9001 section 5, RFC 9369).

The caller knows which side of a conversation the client is, and feeds that side's datagrams in the order of the
capture. Names are all that is read: handshake keys, and with them the certificate, stay out of reach by design.
Google's own QUIC (Q043, Q050 and the like) is another protocol and not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from residency.limits import LIMITS
from residency.traffic.capture import client_hello
from residency.traffic.capture.hello import MORE, Hello, More
from residency.traffic.capture.octets import CutShortError
from residency.traffic.capture.quic_packets import LongPacket, crypto_frames, long_packets, read_long_packet
from residency.traffic.capture.quic_versions import Version

if TYPE_CHECKING:
    from residency.traffic.capture.quic_keys import InitialKeys

_SAMPLE_BYTES = 16
_TAG_BYTES = 16
_SAMPLE_OFFSET = 4  # from the start of the packet number, as if it had four bytes (RFC 9001 section 5.4.2)


def is_client_initial(datagram: bytes) -> bool:
    """Does a datagram start with an Initial packet, as a client sends it? Nothing is decrypted.

    A server's Initial looks the same but for the token that only a client may send: the caller knows who is who.
    """
    packet = read_long_packet(datagram)
    return packet is not None and packet.is_initial


def is_server_initial(datagram: bytes) -> bool:
    """Does a datagram start with an Initial packet that a server may send (without a token, RFC 9000 17.2.2)?

    False for a Retry and for a Version Negotiation, which a proxy could send as well. Nothing is decrypted.
    """
    packet = read_long_packet(datagram)
    return packet is not None and packet.is_initial and not packet.has_token


class InitialReader:
    """Joins the CRYPTO frames of one client's Initial packets until its hello is whole; one reader a connection."""

    __slots__ = ("_crypto", "_failures", "_has_given_up", "_hello", "_keys", "_keys_of", "_largest")

    def __init__(self) -> None:
        self._keys: InitialKeys | None = None
        self._keys_of: tuple[Version, bytes] | None = None
        self._crypto = _CryptoStream()
        self._largest = -1
        self._failures = 0
        self._hello: Hello | None = None
        self._has_given_up = False

    def feed(self, datagram: bytes) -> Hello | More | None:
        """Take the client's next datagram.

        MORE: nothing, or not all, of the hello was in it. None, from then on for good: this is no QUIC that can be
        read (another protocol or version, the opening was not captured, a cap was reached).
        """
        if self._hello is not None or self._has_given_up:
            return self._hello
        is_quic = self._keys is not None
        for packet in long_packets(datagram):
            is_quic = True
            if packet.is_initial:
                self._take(datagram, packet)
        outcome = self._crypto.hello() if is_quic and self._failures <= LIMITS.max_quic_failures else None
        self._has_given_up = outcome is None
        self._hello = outcome if isinstance(outcome, Hello) else None
        return outcome

    def _take(self, datagram: bytes, packet: LongPacket) -> None:
        payload = self._open(datagram, packet)
        if payload is None:
            self._failures += 1
            return
        try:
            for offset, data in crypto_frames(payload):
                self._crypto.add(offset, data)
        except CutShortError:
            self._failures += 1

    def _open(self, datagram: bytes, packet: LongPacket) -> bytes | None:
        """Open a packet with the connection's keys, or with new ones where its connection ID makes them.

        The client's first Initial makes the keys, and they stay when the ID changes to the one that the server chose;
        only after a Retry does the new ID make new keys, and the hello starts anew (RFC 9001 section 5.2).
        """
        from residency.traffic.capture.quic_keys import InitialKeys

        if self._keys is not None:
            payload = self._unprotected(self._keys, datagram, packet)
            if payload is not None or self._keys_of == (packet.version, packet.connection_id):
                return payload
        keys = InitialKeys(packet.version, packet.connection_id)
        largest, self._largest = self._largest, -1
        payload = self._unprotected(keys, datagram, packet)
        if payload is None:
            self._largest = largest
            return None
        self._keys, self._keys_of = keys, (packet.version, packet.connection_id)
        self._crypto = _CryptoStream()
        return payload

    def _unprotected(self, keys: InitialKeys, datagram: bytes, packet: LongPacket) -> bytes | None:
        """Take header protection off and open the payload (RFC 9001 sections 5.3 and 5.4)."""
        at = packet.number_at
        sample = datagram[at + _SAMPLE_OFFSET : at + _SAMPLE_OFFSET + _SAMPLE_BYTES]
        if len(sample) < _SAMPLE_BYTES:
            return None
        mask = keys.mask(sample)
        first = datagram[packet.start] ^ (mask[0] & 0x0F)
        size = (first & 3) + 1
        if packet.end - at - size < _TAG_BYTES:
            return None
        cut = int.from_bytes(datagram[at : at + size], "big") ^ int.from_bytes(mask[1 : 1 + size], "big")
        header = bytes([first]) + datagram[packet.start + 1 : at] + cut.to_bytes(size, "big")
        number = full_packet_number(cut, 8 * size, self._largest)
        payload = keys.open(number, header, datagram[at + size : packet.end])
        if payload is not None:
            self._largest = max(self._largest, number)
        return payload


def full_packet_number(cut: int, bits: int, largest: int) -> int:
    """Return the packet number nearest to the one after `largest` whose last `bits` are `cut` (RFC 9000 A.3).

    `largest` is the largest number seen so far, -1 where none was.
    """
    expected = largest + 1
    window = 1 << bits
    candidate = (expected & ~(window - 1)) | cut
    if candidate <= expected - window // 2 and candidate + window < 1 << 62:
        return candidate + window
    if candidate > expected + window // 2 and candidate >= window:
        return candidate - window
    return candidate


class _CryptoStream:
    """The bytes of CRYPTO frames in order, however they came; what waits for earlier bytes is bounded."""

    __slots__ = ("_is_over_a_cap", "_ready", "_waiting", "_waiting_bytes")

    def __init__(self) -> None:
        self._ready = bytearray()
        self._waiting: dict[int, bytes] = {}
        self._waiting_bytes = 0
        self._is_over_a_cap = False

    def add(self, offset: int, data: bytes) -> None:
        """Take a piece; bytes at one offset are always the same (RFC 9000 section 2.2), so the first are kept."""
        if offset <= len(self._ready):
            self._ready += data[len(self._ready) - offset :]
        elif len(data) > len(self._waiting.get(offset, b"")):
            self._waiting_bytes += len(data) - len(self._waiting.get(offset, b""))
            self._waiting[offset] = data
        cap = LIMITS.max_hello_bytes
        if offset + len(data) > cap or len(self._waiting) > LIMITS.max_quic_pieces or self._waiting_bytes > cap:
            self._is_over_a_cap = True

    def hello(self) -> Hello | More | None:
        """Return the hello once it is whole; None where this is none, or over a cap."""
        if self._is_over_a_cap:
            return None
        self._settle()
        wanted = client_hello.message_bytes(bytes(self._ready[: client_hello.HEADER_BYTES]))
        if not isinstance(wanted, int) or len(self._ready) < wanted:
            return MORE if wanted is not None else None
        return client_hello.read_client_hello(bytes(self._ready[:wanted]))

    def _settle(self) -> None:
        for offset in sorted(self._waiting):
            if offset > len(self._ready):
                return
            data = self._waiting.pop(offset)
            self._waiting_bytes -= len(data)
            self._ready += data[len(self._ready) - offset :]
