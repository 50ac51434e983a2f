"""The keys that open the Initial packets of a QUIC client.

They are not secret: they come from the connection ID that the client chose, a salt of the version, and nothing else
(RFC 9001 section 5.2, RFC 9369 section 3.3). So whoever sees the client's first packet can read the hello in it; and
nobody is authenticated by that. Import this module where a packet is opened: it loads cryptography.
"""

from __future__ import annotations

from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from residency.traffic.capture.quic_versions import Version

_MASK_BYTES = 5


class InitialKeys:
    """The client's keys for Initial packets of one connection."""

    __slots__ = ("_aead", "_encryptor", "_iv")

    def __init__(self, version: Version, connection_id: bytes) -> None:
        secret = client_secret(version, connection_id)
        self._iv = int.from_bytes(_expand_label(secret, f"{version.label} iv", 12), "big")
        self._aead = AESGCM(_expand_label(secret, f"{version.label} key", 16))
        # RFC 9001 section 5.4.3 asks for one block of AES alone: there is no message that a mode could leak.
        key = AES(_expand_label(secret, f"{version.label} hp", 16))
        self._encryptor = Cipher(key, ECB()).encryptor()  # noqa: S305

    def mask(self, sample: bytes) -> bytes:
        """Return what hides the first byte and the packet number, from a sample of 16 bytes (RFC 9001 section 5.4)."""
        return self._encryptor.update(sample)[:_MASK_BYTES]

    def open(self, number: int, header: bytes, sealed: bytes) -> bytes | None:
        """Return the payload of packet `number`, or None where these are not its keys (RFC 9001 section 5.3)."""
        try:
            return self._aead.decrypt((self._iv ^ number).to_bytes(12, "big"), sealed, header)
        except InvalidTag:
            return None


def client_secret(version: Version, connection_id: bytes) -> bytes:
    """Return the secret that the client's Initial keys are made from."""
    return HKDF(SHA256(), 32, salt=version.salt, info=_label("client in", 32)).derive(connection_id)


def _expand_label(secret: bytes, label: str, size: int) -> bytes:
    return HKDFExpand(SHA256(), size, info=_label(label, size)).derive(secret)


@cache
def _label(label: str, size: int) -> bytes:
    """Return the info that HKDF-Expand-Label makes of a label with an empty context (RFC 8446 section 7.1)."""
    text = b"tls13 " + label.encode("ascii")
    return size.to_bytes(2, "big") + bytes([len(text)]) + text + b"\0"
