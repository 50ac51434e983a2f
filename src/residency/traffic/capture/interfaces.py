"""Interfaces of a pcapng file: link type, and what a unit of their clock is worth."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_RESOLUTION, _OFFSET, _END = 9, 14, 0
_DEFAULT_RESOLUTION = 6  # microseconds
_FINEST_POWER_OF_TEN, _FINEST_POWER_OF_TWO = 18, 63
_FRACTION_BITS = 34  # a fraction of so many bits times 10^9 fits into 64 bits
_LATEST_S = 1 << 33  # the year 2242: within 64 bits of nanoseconds
_NO_LINK = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One interface; `is_good` is False where its block is damaged or its clock cannot be counted in nanoseconds."""

    link_type: int
    power: int = _DEFAULT_RESOLUTION  # a unit is 10^-power s, or 2^-power s
    is_binary: bool = False
    offset_s: int = 0
    is_good: bool = True


def read_interface(body: bytes, order: str) -> Interface:
    """Read the body of an interface description block."""
    if len(body) < 8:
        return Interface(link_type=_NO_LINK, is_good=False)
    (link_type,) = struct.unpack_from(order + "H", body)
    resolution, offset_s = _DEFAULT_RESOLUTION, 0
    at = 8
    while at + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + length]
        if code == _END:
            break
        if code == _RESOLUTION and length == 1 and value:
            resolution = value[0]
        elif code == _OFFSET and length == 8 and len(value) == 8:
            (offset_s,) = struct.unpack(order + "q", value)
        at += 4 + length + -length % 4
    power, is_binary = resolution & 0x7F, resolution > 0x7F
    finest = _FINEST_POWER_OF_TWO if is_binary else _FINEST_POWER_OF_TEN
    is_good = power <= finest and abs(offset_s) <= _LATEST_S
    return Interface(link_type=link_type, power=power, is_binary=is_binary, offset_s=offset_s, is_good=is_good)


class InterfaceTable:
    """Interfaces as columns, to turn the units of many packets into nanoseconds at once."""

    def __init__(self, interfaces: Sequence[Interface]) -> None:
        rows = interfaces or (Interface(link_type=_NO_LINK, is_good=False),)
        self.link_type = np.array([one.link_type for one in rows], np.int64)
        self.is_good = np.array([one.is_good for one in rows], np.bool_)
        self._is_binary = np.array([one.is_binary for one in rows], np.bool_)
        powers = [one.power if one.is_good else 0 for one in rows]
        self._power = np.array(powers, np.uint64)
        self._per_second = np.array(
            [1 if one.is_binary else 10**p for one, p in zip(rows, powers, strict=True)], np.uint64
        )
        self._offset_s = np.array([one.offset_s if one.is_good else 0 for one in rows], np.int64)
        self.resolution_ns = np.array(
            [_resolution_ns(one.is_binary, p) for one, p in zip(rows, powers, strict=True)], np.int64
        )

    def times(
        self, row: NDArray[np.int64], high: NDArray[np.uint32], low: NDArray[np.uint32]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the times in nanoseconds since 1970, and which of them can be true (1970 to 2242)."""
        units = high.astype(np.uint64) << np.uint64(32) | low
        per_second = self._per_second[row]
        seconds = units // per_second
        # Up to 10^18 units a second: the fraction times 10^9 would not fit, so units finer than 1 ns are cut first.
        too_fine = np.maximum(per_second // np.uint64(1_000_000_000), np.uint64(1))
        unit_ns = np.uint64(1_000_000_000) // np.minimum(per_second, np.uint64(1_000_000_000))
        fraction_ns = (units - seconds * per_second) // too_fine * unit_ns
        is_binary = self._is_binary[row]
        if is_binary.any():
            power = self._power[row][is_binary]
            seconds[is_binary], fraction_ns[is_binary] = _binary_times(units[is_binary], power)
        fits = seconds <= _LATEST_S
        whole = np.where(fits, seconds, 0).astype(np.int64) + self._offset_s[row]
        is_possible = self.is_good[row] & fits & (whole >= 0) & (whole <= _LATEST_S)
        ts_ns = np.where(is_possible, whole, 0) * 1_000_000_000 + fraction_ns.astype(np.int64)
        return ts_ns, is_possible


def _binary_times(
    units: NDArray[np.uint64], power: NDArray[np.uint64]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    seconds = units >> power
    fraction = units - (seconds << power)
    surplus = np.maximum(power, np.uint64(_FRACTION_BITS)) - np.uint64(_FRACTION_BITS)
    return seconds, ((fraction >> surplus) * np.uint64(1_000_000_000)) >> (power - surplus)


def _resolution_ns(is_binary: bool, power: int) -> int:
    """Return the unit of a clock in nanoseconds, rounded up: a finer one is taken for 1 ns."""
    return max(1, -(-1_000_000_000 // ((1 << power) if is_binary else 10**power)))
