"""The versions of QUIC whose Initial packets can be opened, and the keys that open them.

Initial packets are not secret: their keys come from the connection ID that the client chose, a salt of the version,
and nothing else (RFC 9001 section 5.2, RFC 9369 section 3.3). So whoever sees the client's first packet can read the
hello in it; and nobody is authenticated by that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext

_MASK_BYTES = 5
TAG_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What differs between versions of QUIC, as far as Initial packets go."""

    salt: bytes
    label: str  # what the labels of HKDF begin with
    initial_type: int  # the two bits of the packet type
    retry_type: int


def _version(salt: str, *, label: str = "quic", initial_type: int = 0, retry_type: int = 3) -> Version:
    return Version(salt=bytes.fromhex(salt), label=label, initial_type=initial_type, retry_type=retry_type)


_DRAFT_22 = _version("7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a")
_DRAFT_23 = _version("c3eef712c72ebb5a11a7d2432bb46365bef9f502")
_DRAFT_29 = _version("afbfec289993d24c9e9786f19c6111e04390a899")
_V1 = _version("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
_V2 = _version("0dede3def700a6db819381be6e269dcbf9bd2ed9", label="quicv2", initial_type=1, retry_type=0)

VERSIONS: dict[int, Version] = {
    **dict.fromkeys(range(0xFF00_0017, 0xFF00_001D), _DRAFT_23),  # drafts 23 to 28
    **dict.fromkeys(range(0xFF00_001D, 0xFF00_0021), _DRAFT_29),  # drafts 29 to 32
    **dict.fromkeys(range(0xFF00_0021, 0xFF00_0023), _V1),  # drafts 33 and 34
    0xFACE_B001: _DRAFT_22,  # mvfst, Facebook's
    0xFACE_B002: _DRAFT_23,
    0xFACE_B00E: _DRAFT_23,
    0x0000_0001: _V1,
    0x6B33_43CF: _V2,
}


class InitialKeys:
    """The client's keys for Initial packets of one connection."""

    __slots__ = ("_iv", "_mask", "_open")

    def __init__(self, version: Version, connection_id: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.ciphers.modes import ECB

        secret = client_secret(version, connection_id)
        self._iv = int.from_bytes(_expand_label(secret, f"{version.label} iv", 12), "big")
        self._open: Callable[[bytes, bytes, bytes | None], bytes]
        self._open = AESGCM(_expand_label(secret, f"{version.label} key", 16)).decrypt
        # RFC 9001 section 5.4.3 asks for one block of AES alone: there is no message that a mode could leak.
        key = AES(_expand_label(secret, f"{version.label} hp", 16))
        self._mask: CipherContext = Cipher(key, ECB()).encryptor()  # noqa: S305

    def mask(self, sample: bytes) -> bytes:
        """Return what hides the first byte and the packet number, from a sample of 16 bytes (RFC 9001 section 5.4)."""
        return self._mask.update(sample)[:_MASK_BYTES]

    def open(self, number: int, header: bytes, sealed: bytes) -> bytes | None:
        """Return the payload of packet `number`, or None where these are not its keys (RFC 9001 section 5.3)."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._open((self._iv ^ number).to_bytes(12, "big"), sealed, header)
        except InvalidTag:
            return None


def client_secret(version: Version, connection_id: bytes) -> bytes:
    """Return the secret that the client's Initial keys are made from."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, salt=version.salt, info=_label("client in", 32)).derive(connection_id)


def _expand_label(secret: bytes, label: str, size: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

    return HKDFExpand(SHA256(), size, info=_label(label, size)).derive(secret)


@cache
def _label(label: str, size: int) -> bytes:
    """Return the info that HKDF-Expand-Label makes of a label with an empty context (RFC 8446 section 7.1)."""
    text = b"tls13 " + label.encode("ascii")
    return size.to_bytes(2, "big") + bytes([len(text)]) + text + b"\0"
