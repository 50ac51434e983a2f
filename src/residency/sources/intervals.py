"""Lookups of many addresses at once in sorted columns: intervals, and dated prefixes of mixed length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from residency.model.network import Addresses

Positions = NDArray[np.int64]
_WORTH_A_TABLE = 1 << 18  # addresses
_MIXED = -2
_LATER = 10**7  # days: any listing before the flow is nearer than any after it


def join_halves(high: NDArray[np.uint64], low: NDArray[np.uint64]) -> NDArray[np.bytes_]:
    """Return 128-bit values as byte strings whose order is that of the numbers (numpy has no uint128)."""
    both = np.empty((len(high), 2), dtype=">u8")
    both[:, 0], both[:, 1] = high, low
    return both.view("S16").reshape(-1)


class IntervalTable:
    """Contiguous intervals of both families: row i reaches from its start to the next row's start - 1.

    Many IPv4 addresses at once are looked up in a table of all /24 networks, made when it is first worth it: 30 to 60
    MB, and a tenth of a second, against a search of 0.15 µs for every address.
    """

    def __init__(
        self,
        v4_starts: NDArray[np.uint32],
        v4_values: NDArray[np.int64] | NDArray[np.int32],
        v6_starts: NDArray[np.bytes_],
        v6_values: NDArray[np.int64] | NDArray[np.int32],
    ) -> None:
        self._v4_starts, self._v4_values = v4_starts, v4_values
        self._v6_starts, self._v6_values = v6_starts, v6_values
        self._by_24: NDArray[np.int16] | NDArray[np.int32] | None = None

    @classmethod
    def of_family(cls, family: int, columns: Mapping[str, NDArray[Any]], values: NDArray[np.int64]) -> IntervalTable:
        """Build a table of one family from columns `start`, or `start_hi` and `start_lo`; silent on the other."""
        nothing = np.empty(0, dtype=np.int64)
        if family == 4:
            return cls(columns["start"], values, np.empty(0, dtype="S16"), nothing)
        return cls(np.empty(0, dtype=np.uint32), nothing, join_halves(columns["start_hi"], columns["start_lo"]), values)

    def lookup(self, addresses: Addresses) -> NDArray[np.int64]:
        """Return the value of every address, -1 where it is not locatable or before the first interval."""
        found = np.full(len(addresses), -1, dtype=np.int64)
        if len(addresses.v4) and len(self._v4_starts):
            found[addresses.v4] = self.lookup_v4(addresses.v4_values)
        if len(addresses.v6) and len(self._v6_starts):
            wanted = join_halves(addresses.v6_high, addresses.v6_low)
            at = np.searchsorted(self._v6_starts, wanted, side="right") - 1
            found[addresses.v6] = np.where(at >= 0, self._v6_values[at], -1)
        return found

    def lookup_v4(self, values: NDArray[np.uint32]) -> NDArray[np.int32]:
        """Return the value of every IPv4 address, -1 before the first interval."""
        if not len(self._v4_starts):
            return np.full(len(values), -1, dtype=np.int32)
        if self._by_24 is None and len(values) < _WORTH_A_TABLE:
            return self._search_v4(values)
        if self._by_24 is None:
            self._by_24 = self._table_by_24()
        found: NDArray[np.int32] = self._by_24[values >> np.uint32(8)].astype(np.int32)
        mixed = np.flatnonzero(found == _MIXED)
        if len(mixed):
            found[mixed] = self._search_v4(values[mixed])
        return found

    def _search_v4(self, values: NDArray[np.uint32]) -> NDArray[np.int32]:
        at = np.searchsorted(self._v4_starts, values, side="right") - 1
        found: NDArray[np.int32] = np.where(at >= 0, self._v4_values[at], -1).astype(np.int32)
        return found

    def _table_by_24(self) -> NDArray[np.int16] | NDArray[np.int32]:
        """Return the value of each /24, `_MIXED` for one that holds several intervals."""
        starts = self._v4_starts.astype(np.int64)
        small = not len(starts) or int(self._v4_values.max()) < 2**15
        values = np.append(-1, self._v4_values).astype(np.int16 if small else np.int32)
        firsts = (starts + 255) >> 8  # the first /24 that begins within the interval or after its start
        lengths = np.diff(np.concatenate([[0], firsts, [2**24]]))
        table = np.repeat(values, lengths)
        table[starts[starts & 255 != 0] >> 8] = _MIXED
        return table


class DatedPrefixes:
    """Prefixes with the span of days in which they were listed; answers the row that fits address and day best.

    Best is a row listed on the day, else the one last listed before it, else the first one after; then the
    longest prefix. So an answer changes only on a day on which a list was taken.
    """

    def __init__(
        self,
        family: NDArray[np.uint8],
        high: NDArray[np.uint64],
        low: NDArray[np.uint64],
        length: NDArray[np.uint8],
        first: NDArray[np.int64],
        last: NDArray[np.int64],
    ) -> None:
        self._first, self._last = first, last
        self._levels: dict[int, list[tuple[int, NDArray[np.bytes_] | NDArray[np.uint64], Positions]]] = {}
        for version in (4, 6):
            self._levels[version] = []
            for size in sorted({int(n) for n in length[family == version]}, reverse=True):
                rows = np.flatnonzero((family == version) & (length == size))
                keys = self._keys(version, size, high[rows], low[rows])
                order = np.argsort(keys, kind="stable")
                self._levels[version].append((size, keys[order], rows[order]))

    @classmethod
    def undated(cls, prefixes: Sequence[tuple[int, int, int]]) -> DatedPrefixes:
        """Hold prefixes (family, first address, length) that were always listed; ask them with `longest`."""
        always = np.zeros(len(prefixes), dtype=np.int64)
        return cls(
            np.array([family for family, _, _ in prefixes], dtype=np.uint8),
            np.array([first >> 64 for _, first, _ in prefixes], dtype=np.uint64),
            np.array([first & (2**64 - 1) for _, first, _ in prefixes], dtype=np.uint64),
            np.array([length for _, _, length in prefixes], dtype=np.uint8),
            always,
            always,
        )

    def longest(self, addresses: Addresses) -> NDArray[np.int64]:
        """Return for every address the row of the longest undated prefix, -1 for none."""
        return self.lookup(addresses, np.zeros(len(addresses), dtype=np.int64))

    def lookup(self, addresses: Addresses, days: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for every address the best row, -1 for none; `days` are proleptic ordinals."""
        best = np.full(len(addresses), -1, dtype=np.int64)
        zero = np.zeros(len(addresses.v4), dtype=np.uint64)
        self._search(4, addresses.v4, zero, addresses.v4_values.astype(np.uint64), days, best)
        self._search(6, addresses.v6, addresses.v6_high, addresses.v6_low, days, best)
        return best

    def _search(
        self,
        version: int,
        positions: Positions,
        high: NDArray[np.uint64],
        low: NDArray[np.uint64],
        days: NDArray[np.int64],
        best: NDArray[np.int64],
    ) -> None:
        if not len(positions):
            return
        nearest = np.full(len(positions), np.iinfo(np.int64).max)
        for size, keys, rows in self._levels[version]:
            wanted = self._keys(version, size, high, low)
            for hit, row in _candidates(keys, rows, wanted):
                day = days[positions[hit]]
                before_listing = np.where(self._first[row] > day, self._first[row] - day + _LATER, 0)
                away = np.maximum(before_listing, np.maximum(day - self._last[row], 0))
                nearer = away < nearest[hit]
                nearest[hit[nearer]] = away[nearer]
                best[positions[hit[nearer]]] = row[nearer]

    @staticmethod
    def _keys(
        version: int, size: int, high: NDArray[np.uint64], low: NDArray[np.uint64]
    ) -> NDArray[np.bytes_] | NDArray[np.uint64]:
        """Cut addresses to their first `size` bits, in a form that sorts."""
        if version == 4:
            return low >> np.uint64(32 - size)
        if size <= 64:
            return high >> np.uint64(64 - size) if size else np.zeros_like(high)
        mask = np.uint64((0xFFFFFFFFFFFFFFFF << (128 - size)) & 0xFFFFFFFFFFFFFFFF)
        return join_halves(high, low & mask)


def _candidates(
    keys: NDArray[np.bytes_] | NDArray[np.uint64], rows: Positions, wanted: NDArray[np.bytes_] | NDArray[np.uint64]
) -> Iterator[tuple[Positions, Positions]]:
    """Yield (positions in `wanted`, matching rows), once for every further row under an equal key."""
    left = np.searchsorted(keys, wanted, side="left")
    right = np.searchsorted(keys, wanted, side="right")
    step = 0
    while True:
        hit = np.flatnonzero(left + step < right)
        if not len(hit):
            return
        yield hit, rows[left[hit] + step]
        step += 1
