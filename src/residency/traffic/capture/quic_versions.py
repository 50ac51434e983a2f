"""The versions of QUIC whose Initial packets can be opened, and what of them differs."""

from __future__ import annotations

from dataclasses import dataclass


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
