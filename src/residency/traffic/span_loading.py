"""Loads one input whole or span by span: what a kept job commits, and what is read again around a bad record.

A span is read into `by_input` under a number below 0, so that it can be told from all others, and folded into the rows
of its input once all are there. Whether a span goes the fast way or the exact one is decided for each by itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

from residency.limits import LIMITS
from residency.traffic.aggregate import KEYS
from residency.traffic.engine import scalar, seam
from residency.traffic.records import Tally
from residency.traffic.source import FlowSource, Span
from residency.traffic.steps import State, Steps

if TYPE_CHECKING:
    import duckdb

    from residency.traffic.plain import Loader

_GROUP = ", ".join(KEYS)
_FOLDED = f"""
CREATE OR REPLACE TEMP TABLE folded AS
SELECT CAST($number AS INTEGER) AS input, int_address, {_GROUP}, sum(records) AS records, sum(flows) AS flows,
  sum(bytes_sent) AS bytes_sent, sum(bytes_received) AS bytes_received, sum(sent_unknown) AS sent_unknown,
  sum(received_unknown) AS received_unknown, min(first_us) AS first_us, max(last_us) AS last_us,
  min(min_rtt_ms) AS min_rtt_ms, sum(rtt_samples) AS rtt_samples, sum(rtt_dropped) AS rtt_dropped, true AS is_good
FROM by_input WHERE input < 0 OR input = $number GROUP BY int_address, {_GROUP}"""  # noqa: S608

_FOLD_FROM = 4_000_000  # rows of spans that wait, before they are folded ahead of the end

Told = Callable[[float], None]
"""Is told which share of an input was loaded."""


class _Way(Enum):
    """How a span may be read."""

    FAST = auto()
    EITHER = auto()
    EXACT = auto()


class SpanLoader:
    """Loads inputs one after the other, each in as many spans as it needs."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, loader: Loader, steps: Steps, folder: str) -> None:
        self._con, self._loader, self._steps = connection, loader, steps
        self._target = os.path.join(folder, "span")

    def load(self, number: int, source: FlowSource, tally: Tally, *, is_unterminated: bool, told: Told) -> State:
        """Read one input in steps; return its account as a state. `is_unterminated`: its last line has no line end."""
        whole = source.whole
        if whole is None or len(source.spans(whole, LIMITS.small_span_bytes)) <= 1:
            return self._steps.take(
                f"load {number}", partial(self._load_whole, number, source, tally, is_unterminated=is_unterminated)
            )
        spans = source.spans(whole, LIMITS.span_bytes) if self._steps.is_kept else [whole]
        parts: list[State] = []
        for place, span in enumerate(spans):
            parts += self._load_span(number, place, source, span, is_unterminated=is_unterminated)
            told((place + 1) / len(spans))
        return self._steps.take(f"load {number}", partial(self._conclude, number, source, tally, parts))

    def _load_whole(self, number: int, source: FlowSource, tally: Tally, *, is_unterminated: bool) -> State:
        self._loader.take(number, source, tally, is_unterminated=is_unterminated)
        self._loader.conclude(number, source, tally)
        return asdict(tally)

    def _load_span(
        self, number: int, place: int, source: FlowSource, span: Span, *, is_unterminated: bool
    ) -> list[State]:
        """Load a span the fast way or, if that is not for all of it, by smaller ones."""
        name, key = f"load {number}.{place}", -1 - (place << 16)
        load = partial(self._load_part, number, source, is_unterminated=is_unterminated)
        if self._loader.is_exact_only(source):
            return [self._steps.take(name, partial(load, key, span, _Way.EXACT))]
        found = self._steps.take(name, partial(load, key, span, _Way.FAST))
        if found:
            return [found]
        parts: list[State] = []
        for turn, small in enumerate(source.spans(span, LIMITS.small_span_bytes)):
            is_hopeless = turn > 1 and parts[-1]["is_exact"] and parts[-2]["is_exact"]
            way = _Way.EXACT if is_hopeless else _Way.EITHER
            parts.append(self._steps.take(f"{name}.{turn}", partial(load, key - turn, small, way)))
        return parts

    def _load_part(
        self, number: int, source: FlowSource, key: int, span: Span, way: _Way, *, is_unterminated: bool
    ) -> State:
        """Load one span under `key`; return its account, or nothing where only the fast way was allowed and failed."""
        is_whole = span == source.whole
        rows = Tally(path="", format=source.format)
        part = source if is_whole else source.part(span, self._target)
        try:
            is_cut = is_unterminated and span.is_last
            is_fast = way is not _Way.EXACT and self._loader.take_fast(key, part, rows, is_unterminated=is_cut)
            if not is_fast and way is _Way.FAST:
                return {}
            if not is_fast:
                self._loader.take_exact(key, part, rows, is_unterminated=is_cut)
        finally:
            if os.path.exists(self._target):
                os.unlink(self._target)
        self._con.execute(
            "UPDATE quarantine SET input = ?, line = line + ? WHERE input = ?", [number, span.lines_before, key]
        )
        if is_whole:
            self._con.execute("UPDATE by_input SET input = ? WHERE input = ?", [number, key])
        elif scalar(self._con, "SELECT count(*) FROM by_input WHERE input < 0") > _FOLD_FROM:
            self._fold(number)
        return {**asdict(rows), "is_exact": not is_fast}

    def _conclude(self, number: int, source: FlowSource, tally: Tally, parts: Sequence[State]) -> State:
        self._fold(number)
        for name in ("records", "quarantined", "duplicate", "context", "flows_rows"):
            setattr(tally, name, getattr(tally, name) + sum(part[name] for part in parts))
        tally.incomplete = tally.incomplete or next((part["incomplete"] for part in parts if part["incomplete"]), None)
        self._loader.conclude(number, source, tally)
        return asdict(tally)

    def _fold(self, number: int) -> None:
        """Make the rows of spans rows of their input."""
        with seam("", "adding up the parts of an input"):
            if not scalar(self._con, "SELECT count(*) FROM by_input WHERE input < 0"):
                return
            self._con.execute(_FOLDED, {"number": number})
            self._con.execute("DELETE FROM by_input WHERE input < 0 OR input = ?", [number])
            self._con.execute("INSERT INTO by_input BY NAME SELECT * FROM folded; DROP TABLE folded")
