"""The records of a capture as columns of link-layer frames, and the account of what was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from residency.errors import LimitError
from residency.limits import LIMITS
from residency.traffic.records import Rejected

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Consecutive readable records, one entry each, in file order.

    `captured` bytes of each begin at `at` in `buffer`; `wire` is the length on the wire as the record states it.
    """

    buffer: NDArray[np.uint8]
    number: NDArray[np.int64]
    ts_ns: NDArray[np.int64]
    resolution_ns: NDArray[np.int64]
    at: NDArray[np.int64]
    captured: NDArray[np.int64]
    wire: NDArray[np.int64]
    link_type: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.number)

    def select(self, which: NDArray[np.bool_] | slice) -> Frames:
        """Return the entries for which `which` holds."""
        return Frames(
            buffer=self.buffer,
            number=self.number[which],
            ts_ns=self.ts_ns[which],
            resolution_ns=self.resolution_ns[which],
            at=self.at[which],
            captured=self.captured[which],
            wire=self.wire[which],
            link_type=self.link_type[which],
        )


@dataclass(slots=True)
class Account:
    """What a file held: `records` == entries of all `Frames` + `other` + `damaged`, exactly."""

    shown: str
    records: int = 0
    other: dict[str, int] = field(default_factory=dict)
    damaged: list[Rejected] = field(default_factory=list)
    incomplete: str | None = None

    def damage(self, number: int, offset: int, reason: str, value: str = "") -> None:
        """Note a record (1-based) that could not be read; it must be among `records`."""
        if len(self.damaged) >= LIMITS.max_damaged_packets:
            what = f"more than {LIMITS.max_damaged_packets} damaged records, the last: {reason}; this is no capture"
            raise LimitError(what, path=self.shown, offset=offset)
        self.damaged.append(Rejected(number, reason, value, offset))

    def set_aside(self, reason: str, count: int = 1) -> None:
        """Count records that hold no IP packet."""
        self.other[reason] = self.other.get(reason, 0) + count

    def leave_out(self, what: str) -> None:
        """Note that a part of the file could not be read; the first such part is told."""
        if self.incomplete is None:
            self.incomplete = what
