"""What a reader of plain flow tables offers, and the relation that DuckDB reads from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from residency.traffic.columns import Kind
from residency.traffic.records import Rejected
from residency.traffic.streams import Scan

if TYPE_CHECKING:
    from residency.traffic.quick.workers import Found


@dataclass(frozen=True, slots=True)
class Relation:
    """SQL with its bound values, and Python objects it refers to by name."""

    sql: str
    values: tuple[object, ...] = ()
    objects: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to `end`: bytes of a text, rows of a table; `lines_before` is what to add to its line numbers."""

    start: int
    end: int
    lines_before: int = 0
    is_last: bool = True


class FlowSource(Protocol):
    """One input of plain flow rows.

    `fast` has the columns of `kinds`; a row that it loses or that `fast_condition` refuses shows in the groups and
    sends the input through `exact`, or only such rows of it where they can be told. `exact` has the columns of
    `exact_kinds` and `line`; its unreadable records are in `rejected` once it was read to its end.
    """

    format: str
    kinds: Mapping[str, Kind]
    exact_kinds: Mapping[str, Kind]
    records: int
    rejected: list[Rejected]
    fast_condition: str
    keep_text: bool  # must numbers be read as text, lest DuckDB takes other things for numbers?
    is_columnar: bool  # can one column be read alone, so that its distinct values cost next to nothing?
    suspicious: str | None  # a condition on `by_input` rows that sends the input through `exact` too
    extras: tuple[str, ...]  # columns of `exact` beside the flow table: what captures and logs know more

    @property
    def whole(self) -> Span | None:
        """All of it as a span, None for what cannot be cut."""
        ...

    def spans(self, within: Span, size: int) -> list[Span]:
        """Cut a span into smaller ones of about `size` bytes."""
        ...

    def part(self, span: Span, target: str) -> FlowSource:
        """Return the source of one span; text is copied to the file `target` for it."""
        ...

    @property
    def first_time(self) -> str | None:
        """The text of the first row's `ts`, where it is text."""
        ...

    def fast(self, kinds: Mapping[str, Kind]) -> Relation | None:
        """Return the relation for DuckDB's own reader with these (quick) kinds, or None for an unfit file."""
        ...

    def exact(self) -> Relation:
        """Return the relation that numbers lines."""
        ...


@runtime_checkable
class NumberedSource(FlowSource, Protocol):
    """A source whose rows can be asked for by their lines, so that only the bad ones need the exact way."""

    def numbered(self, kinds: Mapping[str, Kind]) -> Relation:
        """Return the relation of `fast`, with `line`."""
        ...

    def only(self, lines: Sequence[int]) -> FlowSource:
        """Return the source of the rows of these lines."""
        ...


@runtime_checkable
class QuickSource(FlowSource, Protocol):
    """A source that compiled loops may read where numba is installed (`residency.traffic.quick`)."""

    def quick(self, cuts: Sequence[int], time_unit: str, threads: int) -> Found | None:
        """Return the groups of its rows but a few odd ones, or None where it needs a closer look as a whole."""
        ...

    def lines(self, odd: Sequence[tuple[int, int]], target: str) -> tuple[FlowSource, list[int]]:
        """Return the source of a copy of some lines at `target`, and which line of this one each of its lines is."""
        ...


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file made ready: `link` is a harmless name for DuckDB (no globs, no URL), `scan` what its bytes look like."""

    path: str
    link: str
    scan: Scan
    head: bytes


def damage_of(scan: Scan) -> Rejected | None:
    """Return the one record lost to a broken stream that ended between two lines."""
    if scan.damage is None or not scan.ends_with_newline:
        return None
    return Rejected(scan.lines + 1, f"truncated: {scan.damage}", "")


def duckdb_type(kind: Kind) -> str:
    """Return the type in which a text column of this (quick) kind is read."""
    return "DOUBLE" if kind in (Kind.COUNT, Kind.FLOAT) else "VARCHAR"
