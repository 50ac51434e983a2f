"""A compiled look at all bytes of a large text: is it plain, and how many lines end in which part of it?"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numba import njit
from numpy.typing import NDArray

from residency.traffic.quick.words import SPARE, U, bits_set, inlined, low_bits, within64

_NEWLINE, _CR, _QUOTE, _ALONE = U(0x0A), U(0x0D), U(0x22), U(0)
_BEYOND_ASCII, _AND_ABOVE = U(0x80), U(0x7F)
NOT_PLAIN = -1


@inlined
def _odd(data: NDArray[np.uint8], at: int, is_quote_odd: bool) -> np.uint64:
    """Return which of 64 bytes are not ASCII, NUL, CR or, where that is odd, a quote."""
    found = within64(data, at, _BEYOND_ASCII, _AND_ABOVE) | within64(data, at, _ALONE, _ALONE)
    found |= within64(data, at, _CR, _ALONE)
    return found | within64(data, at, _QUOTE, _ALONE) if is_quote_odd else found


@njit(nogil=True, cache=True, _nrt=False)
def count_newlines(data: NDArray[np.uint8], size: int, is_quote_odd: bool) -> int:
    """Count the newlines in the first `size` bytes, after which `SPARE` more must be there; NOT_PLAIN for odd bytes."""
    whole = size - size % 64
    rest = low_bits(size - whole)
    newlines = bits_set(within64(data, whole, _NEWLINE, _ALONE) & rest)
    odd = _odd(data, whole, is_quote_odd) & rest
    for at in range(0, whole, 64):
        newlines += bits_set(within64(data, at, _NEWLINE, _ALONE))
        odd |= _odd(data, at, is_quote_odd)
    return newlines if odd == U(0) else NOT_PLAIN


@dataclass(slots=True)
class _Look:
    """What the threads found: of each chunk its newlines, and the offset after the last of them (0: there is none)."""

    file: str
    size: int
    chunk: int
    is_quote_odd: bool
    found: dict[int, tuple[int, int]] = field(default_factory=dict)
    is_plain: bool = True

    def take(self, first: int, step: int, seen: Callable[[int], None]) -> None:
        """Look at chunks `first`, `first` + `step`, … as long as all are plain."""
        memory = bytearray(self.chunk + SPARE)
        data, view = np.frombuffer(memory, np.uint8), memoryview(memory)
        with open(self.file, "rb", buffering=0) as stream:
            for number in range(first, -(-self.size // self.chunk), step):
                start = number * self.chunk
                stream.seek(start)
                count = stream.readinto(view[: min(self.chunk, self.size - start)])
                is_whole = count == min(self.chunk, self.size - start)
                newlines = count_newlines(data, count, self.is_quote_odd) if is_whole else NOT_PLAIN
                self.is_plain = self.is_plain and newlines != NOT_PLAIN
                if not self.is_plain:
                    return
                end = memory.rfind(b"\n", 0, count) + 1
                self.found[number] = (int(newlines), start + end if end else 0)
                seen(start + count)


def look_at_chunks(
    file: str, size: int, chunk: int, *, is_quote_odd: bool, threads: int, seen: Callable[[int], None]
) -> list[tuple[int, int]] | None:
    """Return of each `chunk` bytes of a file, in order, the number of newlines and the offset after the last one, or 0.

    None where its first `size` bytes hold anything but ASCII without NUL and CR (nor quotes, if those are odd), or are
    not to be had. `seen` is told about how many bytes were looked at, from the thread that calls.
    """
    look = _Look(file, size, chunk, is_quote_odd)
    with ThreadPoolExecutor(max(threads - 1, 1), thread_name_prefix="residency-look") as pool:
        others = [pool.submit(look.take, first, threads, lambda _: None) for first in range(1, threads)]
        try:
            look.take(0, threads, seen)
        except BaseException:
            look.is_plain = False  # nobody needs the rest
            raise
        for other in others:
            other.result()
    return [look.found[number] for number in range(len(look.found))] if look.is_plain else None
