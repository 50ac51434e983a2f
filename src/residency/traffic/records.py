"""The values that reading hands over: options, what each input held, and what was put aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from residency.errors import UsageError

TIME_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0}
"""Units of numeric times -> microseconds in one; a nanosecond is less than one and stands as 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How inputs are read.

    `input_format` overrides detection for every input, `time_unit` is of numeric times (`s`, `ms`, `us`, `ns`).
    """

    input_format: str | None = None
    time_unit: str = "s"
    threads: int | None = None
    memory_limit: str = "1GiB"
    temp_dir: str | None = None

    def __post_init__(self) -> None:
        if self.time_unit not in TIME_UNITS:
            raise UsageError(f"time unit {self.time_unit!r} is none of {', '.join(TIME_UNITS)}")
        if self.threads is not None and self.threads < 1:
            raise UsageError("threads must be at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSummary:
    """One file, table or log: `records` == `flows_rows` + `quarantined` + `duplicate` + `context`, exactly."""

    path: str
    sha256: str
    format: str
    records: int
    quarantined: int
    duplicate: int
    context: int
    flows_rows: int
    incomplete: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A record that was put aside: where it stands (1-based line or row, else offset) and why."""

    path: str
    line: int | None
    offset: int | None
    reason: str
    value: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that a reader could not read: its 1-based line, or its offset in bytes where lines mean nothing."""

    line: int | None
    reason: str
    value: str
    offset: int | None = None


@dataclass(slots=True)
class Tally:
    """The counts of one input while it is being read."""

    path: str
    format: str
    sha256: str = ""
    records: int = 0
    quarantined: int = 0
    duplicate: int = 0
    context: int = 0
    flows_rows: int = 0
    incomplete: str | None = None
    warnings: list[str] = field(default_factory=list)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the counts that a step left (`dataclasses.asdict`)."""
        for name, value in state.items():
            setattr(self, name, value)

    def say_duplicates(self) -> None:
        """Say of records that say again what was said, as where a log was rotated late, that they count once."""
        if self.duplicate:
            self.warnings.append(
                f"{self.duplicate:,} records stand in the inputs already (same id and time); counted once"
            )

    def summary(self) -> InputSummary:
        """Freeze the counts."""
        return InputSummary(
            path=self.path,
            sha256=self.sha256,
            format=self.format,
            records=self.records,
            quarantined=self.quarantined,
            duplicate=self.duplicate,
            context=self.context,
            flows_rows=self.flows_rows,
            incomplete=self.incomplete,
        )
