"""Groups the packets of a batch by conversation, both directions under one key: exactly, and without a loop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KEY_WORDS = 6
"""64-bit words of a key: the two addresses, lower end first; ports, protocol and family; the tunnel."""

_KEY_BYTES = KEY_WORDS * 8
_HASH_BITS = 48
_HASH_FACTORS = (
    *(0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9),
    *(0xD6E8FEB86659FD93, 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Who sent each packet to whom: addresses as halves, ports, protocol, family, and the number of the tunnel."""

    src_hi: NDArray[np.uint64]
    src_lo: NDArray[np.uint64]
    dst_hi: NDArray[np.uint64]
    dst_lo: NDArray[np.uint64]
    src_port: NDArray[np.uint16]
    dst_port: NDArray[np.uint16]
    proto: NDArray[np.uint8]
    family: NDArray[np.uint8]
    tunnel: NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Packets by conversation: `order` sorts them by group and then as in the file, `starts` is where groups begin."""

    order: NDArray[np.int64]
    starts: NDArray[np.int64]


def canonical(ends: Ends) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Return (keys of shape (KEY_WORDS, packets), side) where side 0 means that the lower end sent the packet."""
    is_swapped = (ends.src_hi > ends.dst_hi) | (
        (ends.src_hi == ends.dst_hi)
        & ((ends.src_lo > ends.dst_lo) | ((ends.src_lo == ends.dst_lo) & (ends.src_port > ends.dst_port)))
    )
    words = np.empty((KEY_WORDS, len(is_swapped)), np.uint64)
    words[0] = np.where(is_swapped, ends.dst_hi, ends.src_hi)
    words[1] = np.where(is_swapped, ends.dst_lo, ends.src_lo)
    words[2] = np.where(is_swapped, ends.src_hi, ends.dst_hi)
    words[3] = np.where(is_swapped, ends.src_lo, ends.dst_lo)
    low = np.where(is_swapped, ends.dst_port, ends.src_port).astype(np.uint64)
    high = np.where(is_swapped, ends.src_port, ends.dst_port).astype(np.uint64)
    words[4] = low << np.uint64(48) | high << np.uint64(32) | ends.proto.astype(np.uint64) << np.uint64(8)
    words[4] |= ends.family
    words[5] = ends.tunnel
    return words, is_swapped.view(np.uint8)


def ports_of(word: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ports of the lower and of the higher end from word 4 of keys."""
    low, high = word >> np.uint64(48), word >> np.uint64(32) & np.uint64(0xFFFF)
    return low.astype(np.int64), high.astype(np.int64)


def proto_of(word: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the protocol from word 4 of keys."""
    return (word >> np.uint64(8) & np.uint64(0xFF)).astype(np.int64)


def family_of(word: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return 4 or 6 from word 4 of keys."""
    return (word & np.uint64(0xFF)).astype(np.int64)


def group(words: NDArray[np.uint64]) -> Groups:
    """Group packets of equal keys; a hash sorts them, and every key is compared, so that no collision joins two."""
    mixed = _hash(words)
    order = _sorted_by(mixed)
    tags, sorted_words = mixed[order], np.take(words, order, axis=1)
    is_other_tag = tags[1:] != tags[:-1]
    if np.array_equal(_differs(sorted_words), is_other_tag):
        return Groups(order=order, starts=_starts(is_other_tag, len(order)))
    order = np.lexsort(words).astype(np.int64)
    return Groups(order=order, starts=_starts(_differs(np.take(words, order, axis=1)), len(order)))


def key_bytes(words: NDArray[np.uint64]) -> list[bytes]:
    """Return each key of an array of shape (KEY_WORDS, n) as bytes."""
    packed = np.ascontiguousarray(words.T).view(f"V{_KEY_BYTES}").ravel()
    found: list[bytes] = packed.tolist()
    return found


def _hash(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a number of _HASH_BITS bits for each key."""
    mixed: NDArray[np.uint64] = words[0] * np.uint64(_HASH_FACTORS[0])
    for word, factor in zip(words[1:], _HASH_FACTORS[1:], strict=True):
        mixed ^= mixed >> np.uint64(29)
        mixed += word * np.uint64(factor)
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(_HASH_FACTORS[0])
    mixed >>= np.uint64(64 - _HASH_BITS)
    return mixed


def _sorted_by(mixed: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the stable order, 16 bits at a time: of so small integers alone numpy has a radix sort."""
    order = np.argsort(mixed.astype(np.uint16), kind="stable")
    for shift in range(16, _HASH_BITS, 16):
        order = order[np.argsort((mixed >> np.uint64(shift)).astype(np.uint16)[order], kind="stable")]
    return order


def _differs(words: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Tell which keys differ from the one before."""
    found = np.zeros(max(words.shape[1] - 1, 0), np.bool_)
    for word in words:
        found |= word[1:] != word[:-1]
    return found


def _starts(is_other: NDArray[np.bool_], count: int) -> NDArray[np.int64]:
    return np.append(np.zeros(min(count, 1), np.int64), np.flatnonzero(is_other) + 1)
