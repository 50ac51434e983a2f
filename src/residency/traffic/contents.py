"""What inputs hold, told by their sha256.

The same content counts once, and a job goes on only with the content that it began with.
"""

from __future__ import annotations

from collections.abc import Mapping

from residency.errors import UsageError
from residency.traffic.hashing import Hasher
from residency.traffic.records import Tally
from residency.traffic.streams import Scan

Columns = Mapping[str, str | None]
_Look = tuple[int, int, tuple[tuple[str, str | None], ...]]


class Contents:
    """The contents of all inputs of one reading; a digest that is still being made is waited for only if needed."""

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self._all: list[tuple[Tally, Scan]] = []
        self._alike: dict[_Look, list[tuple[Tally, Scan]]] = {}
        self._repeats: list[tuple[Tally, Tally]] = []

    def add(self, tally: Tally, scan: Scan, columns: Columns | None = None) -> bool:
        """Take an input in. Is it the content of an earlier one, under the same columns? Then all is duplicate."""
        self._all.append((tally, scan))
        alike = self._alike.setdefault((scan.size, scan.newlines, tuple(sorted((columns or {}).items()))), [])
        first = next((one for one, other in alike if self.digest(other) == self.digest(scan)), None)
        if first is None:
            alike.append((tally, scan))
            return False
        self._repeats.append((tally, first))
        tally.warnings.append(f"the same content as {first.path}; counted once")
        return True

    def digest(self, scan: Scan) -> str:
        """Return the sha256 of what was looked at, when it is known."""
        if not scan.sha256:
            scan.sha256 = self._hasher.digest(scan.file, scan.size)
        return scan.sha256

    def confirm(self, scan: Scan, name: str) -> None:
        """Raise UsageError where the content that a former run looked at is another now."""
        if self._hasher.digest(scan.file, scan.size) != scan.sha256:
            raise UsageError(
                "has another content than when the job in this workspace began, of the same size and time of change; "
                "remove the workspace to start anew",
                path=name,
            )

    def settle(self) -> None:
        """Give every account its digest, and duplicates their numbers, when all was read."""
        for tally, scan in self._all:
            tally.sha256 = self.digest(scan)
        for tally, first in self._repeats:
            tally.records = tally.duplicate = first.records
