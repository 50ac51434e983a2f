"""QUIC Initial packets for tests, sealed by aioquic (whose keys are not ours), and what a real client of it sends."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.crypto import CryptoPair
from tests.traffic.capture.messages import vector

V1, V2 = 0x0000_0001, 0x6B33_43CF
CONNECTION_ID = bytes.fromhex("8394c8f03e515708")
_TYPES = {V1: {"initial": 0, "0-rtt": 1, "handshake": 2, "retry": 3}, V2: {"initial": 1, "0-rtt": 2, "handshake": 3}}


def varint(number: int) -> bytes:
    """Return a number in the fewest bytes that QUIC has for it."""
    for size, bits in ((1, 6), (2, 14), (4, 30), (8, 62)):
        if number < 1 << bits:
            return (number | (size.bit_length() - 1) << (8 * size - 2)).to_bytes(size, "big")
    raise ValueError(number)


def crypto(offset: int, data: bytes) -> bytes:
    """Return a CRYPTO frame."""
    return b"\x06" + varint(offset) + varint(len(data)) + data


def initial(
    payload: bytes,
    *,
    version: int = V1,
    connection_id: bytes = CONNECTION_ID,
    keys_of: bytes | None = None,
    number: int = 0,
    number_bytes: int = 2,
    token: bytes = b"",
    is_client: bool = True,
    kind: str = "initial",
    padded_to: int = 1_162,
) -> bytes:
    """Return one protected packet; `keys_of` is the connection ID that made the keys, where it is another one."""
    plain = payload.ljust(padded_to, b"\0")
    header = bytes([0xC0 | _TYPES[version][kind] << 4 | number_bytes - 1]) + version.to_bytes(4, "big")
    header += vector(connection_id, 1) + vector(b"", 1)
    header += varint(len(token)) + token if kind == "initial" else b""
    header += (0x4000 | number_bytes + len(plain) + 16).to_bytes(2, "big")
    header += (number & (1 << 8 * number_bytes) - 1).to_bytes(number_bytes, "big")
    pair = CryptoPair()
    pair.setup_initial(connection_id if keys_of is None else keys_of, is_client=is_client, version=version)
    return pair.encrypt_packet(header, plain, number)


def real_client(host: str, *, version: int = V1, is_large: bool = False) -> list[bytes]:
    """Return the first datagrams of an aioquic client; a large hello takes more than one."""
    configuration = QuicConfiguration(
        server_name=host, alpn_protocols=["h3"], supported_versions=[version], quantum_readiness_test=is_large
    )
    configuration.original_version = version
    connection = QuicConnection(configuration=configuration)
    connection.connect(("192.0.2.1", 443), now=0.0)
    return [bytes(data) for data, _ in connection.datagrams_to_send(now=0.0)]


def pieces(message: bytes, cuts: Iterable[int]) -> list[tuple[int, bytes]]:
    """Cut a message at these offsets into (offset, bytes)."""
    edges = sorted({0, len(message), *(cut for cut in cuts if cut < len(message))})
    return [(start, message[start:end]) for start, end in pairwise(edges)]
