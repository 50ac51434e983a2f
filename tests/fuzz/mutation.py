"""Damages bytes at random, the same way for the same seed: what a wrong or hostile sender could have sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

_LARGEST = 1 << 16
_BYTES = (0, 1, 2, 3, 0x0C, 0x3F, 0x40, 0x7F, 0x80, 0xBF, 0xC0, 0xFF)
_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x3FFF, 0x4000, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF)

Damage = Callable[[bytearray, bytes, Random], None]


def mutated(seeds: Sequence[bytes], random: Random) -> bytes:
    """Return one of the seeds, damaged in one to four ways."""
    data, other = bytearray(random.choice(seeds)), random.choice(seeds)
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4))):
        random.choice(_DAMAGES)(data, other, random)
    return bytes(data[:_LARGEST])


def _flip(data: bytearray, other: bytes, random: Random) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _replace(data: bytearray, other: bytes, random: Random) -> None:
    if data:
        data[random.randrange(len(data))] = random.choice(_BYTES) if random.random() < 0.7 else random.randrange(256)


def _renumber(data: bytearray, other: bytes, random: Random) -> None:
    """Write a number that lengths and counts break on, or one next to what stood there."""
    size = random.choice((2, 2, 3, 4, 8))
    if len(data) < size:
        return
    at = random.randrange(len(data) - size + 1)
    number = random.choice(_NUMBERS)
    if random.random() < 0.4:
        number = int.from_bytes(data[at : at + size], "big") + random.choice((-1, 1))
    number &= (1 << 8 * size) - 1
    data[at : at + size] = number.to_bytes(size, "little" if random.random() < 0.3 else "big")


def _cut(data: bytearray, other: bytes, random: Random) -> None:
    del data[random.randrange(len(data) + 1) :]


def _drop(data: bytearray, other: bytes, random: Random) -> None:
    start = random.randrange(len(data) + 1)
    del data[start : start + random.choice((1, 2, 4, random.randrange(1, 200)))]


def _double(data: bytearray, other: bytes, random: Random) -> None:
    start = random.randrange(len(data) + 1)
    span = data[start : start + random.choice((1, 2, 8, random.randrange(1, 400)))]
    data[start:start] = span * random.choice((1, 1, 2, 20))


def _insert(data: bytearray, other: bytes, random: Random) -> None:
    at = random.randrange(len(data) + 1)
    data[at:at] = random.randbytes(random.randrange(1, 16))


def _fill(data: bytearray, other: bytes, random: Random) -> None:
    start = random.randrange(len(data) + 1)
    size = min(len(data) - start, random.randrange(1, 64))
    data[start : start + size] = bytes([random.choice(_BYTES)]) * size


def _splice(data: bytearray, other: bytes, random: Random) -> None:
    data[random.randrange(len(data) + 1) :] = other[random.randrange(len(other) + 1) :]


_DAMAGES: tuple[Damage, ...] = (
    _flip,
    _replace,
    _replace,
    _renumber,
    _renumber,
    _cut,
    _drop,
    _double,
    _insert,
    _fill,
    _splice,
)
