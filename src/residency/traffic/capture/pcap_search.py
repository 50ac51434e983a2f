"""Where the next record of a damaged pcap file begins.

Nothing marks a record's beginning, but its header must make sense: a fraction below a second, a captured length within
the cap and within the length on the wire, and a time within a month of the records before. Random bytes pass this once
in 10^16; bytes that a hostile sender chose can pass it, so it is asked only where lengths have already proved false,
and whatever is found this way stands in the file's account.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from residency.limits import LIMITS
from residency.traffic.capture.peel import Numbers
from residency.traffic.capture.window import Window

_MONTH_S = 31 * 86_400
_MOST_WIRE_BYTES = 16 << 20
_FIRST_PIECE_BYTES, _LARGEST_PIECE_BYTES = 4 << 10, 1 << 20
_PROVING_RECORDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the header of a pcap file says of its records."""

    order: str
    unit_ns: int
    record_bytes: int  # of a record's header
    link_type: int
    trailer_bytes: int  # of the frame check sequence at the end of each frame
    snaplen: int

    @property
    def units_in_second(self) -> int:
        """The least fraction that is impossible."""
        return 1_000_000_000 // self.unit_ns


class RecordSearch:
    """Searches one window; `seconds` is the time of a good record nearby, None where none is known."""

    def __init__(self, window: Window, layout: Layout, seconds: int | None) -> None:
        self._window, self._layout, self._seconds = window, layout, seconds
        self._head_at = struct.Struct(layout.order + "IIII").unpack_from

    def is_record(self, at: int) -> bool:
        """Tell whether a header can be here, whether or not the record ends within the file."""
        if at + self._layout.record_bytes > self._window.size:
            return False
        seconds, fraction, captured, wire = self._head_at(self._window.data, at)
        if not 0 < captured <= LIMITS.max_captured_packet_bytes or not captured <= wire <= _MOST_WIRE_BYTES:
            return False
        is_near = self._seconds is None or abs(seconds - self._seconds) <= _MONTH_S
        return bool(is_near and fraction < self._layout.units_in_second)

    def end_of(self, at: int) -> int | None:
        """Return where the record ends whose header is here, None where no header can be."""
        if not self.is_record(at):
            return None
        end = at + self._layout.record_bytes + int(self._head_at(self._window.data, at)[2])
        return end if self._window.offset + end <= self._window.file_bytes else None

    def are_sensible(self, head: Numbers) -> NDArray[np.bool_]:
        """Tell for each header (seconds, fraction, captured, wire) whether it may follow others in an honest file."""
        is_sensible = (head[:, 1] < self._layout.units_in_second) & ((head[:, 2] > 0) | (head[:, 3] > 0))
        if self._seconds is not None:
            is_sensible &= np.abs(head[:, 0] - self._seconds) <= _MONTH_S
        return np.asarray(is_sensible)

    def first(self, start: int, stop: int) -> int | None:
        """Return the first place from `start` on where records begin that lead on."""
        return next((at for at in self._candidates(start, stop) if self._leads_on(at)), None)

    def hidden(self, start: int, end: int) -> list[int] | None:
        """Return the records from `start` on of which the last ends exactly at `end`, None without any."""
        return self._chain(self._candidates(start, end), end)

    def hidden_in(self, starts: Numbers, ends: Numbers) -> dict[int, list[int]]:
        """Return, by index of the stretch, the records that end exactly where it does; stretches must not overlap."""
        places = np.fromiter(self._candidates(int(starts[0]), int(ends[-1])), np.int64)
        first, last = np.searchsorted(places, starts), np.searchsorted(places, ends)
        chains: dict[int, list[int]] = {}
        for index in np.flatnonzero(first < last).tolist():
            inside = places[first[index] : last[index]].tolist()
            chain = self._chain(iter(inside), int(ends[index]))
            if chain is not None:
                chains[index] = chain
        return chains

    def hidden_past(self, start: int, broken: int) -> int | None:
        """Return where records begin before `broken` that pass over it and lead on, None without any."""
        seen: set[int] = set()
        for candidate in self._candidates(start, broken):
            at: int | None = candidate
            while at is not None and at < broken and at not in seen:
                seen.add(at)
                at = self.end_of(at)
            if at is not None and at > broken and (self._is_at_end(at) or self._leads_on(at)):
                return candidate
        return None

    def _chain(self, candidates: Iterator[int], end: int) -> list[int] | None:
        """Return the first chain of records that ends exactly here; what led nowhere is not followed again."""
        seen: set[int] = set()
        for candidate in candidates:
            chain: list[int] = []
            at: int | None = candidate
            while at is not None and at < end and at not in seen:
                seen.add(at)
                chain.append(at)
                at = self.end_of(at)
            if at == end:
                return chain
        return None

    def _leads_on(self, at: int) -> bool:
        """Do several records follow one another from here, or all up to the end of what can be seen?"""
        for _ in range(_PROVING_RECORDS):
            behind = self.end_of(at)
            if behind is None:
                return False
            if behind + self._layout.record_bytes > self._window.size:
                return not self._window.is_last or self._is_at_end(behind)
            at = behind
        return True

    def _is_at_end(self, at: int) -> bool:
        return self._window.is_last and at == self._window.size

    def _candidates(self, start: int, stop: int) -> Iterator[int]:
        """Yield the places of this stretch that hold a possible header, in small pieces first."""
        stop = min(stop, self._window.size - self._layout.record_bytes + 1)
        piece = _FIRST_PIECE_BYTES
        while start < stop:
            behind = min(start + piece, stop)
            yield from self._possible(start, behind).tolist()
            start, piece = behind, min(piece * 2, _LARGEST_PIECE_BYTES)

    def _possible(self, start: int, stop: int) -> Numbers:
        captured, wire = self._words(start + 8, stop - start), self._words(start + 12, stop - start)
        fits = (captured > 0) & (captured <= LIMITS.max_captured_packet_bytes)
        fits &= (wire >= captured) & (wire <= _MOST_WIRE_BYTES)
        fits &= self._words(start + 4, stop - start) < self._layout.units_in_second
        if self._seconds is not None:
            seconds = self._words(start, stop - start)
            fits &= (seconds >= max(self._seconds - _MONTH_S, 0)) & (seconds <= self._seconds + _MONTH_S)
        return np.flatnonzero(fits) + start

    def _words(self, start: int, count: int) -> Numbers:
        """Return the 32-bit number that begins at each byte."""
        words: NDArray[np.uint32] = np.ndarray(
            (count,), dtype=self._layout.order + "u4", buffer=self._window.buffer, offset=start, strides=(1,)
        )
        return words.astype(np.int64)
