"""One SQL pass from flow rows to `by_input`: the sums of each input for each distinct key, still as written.

Keys are texts as they stand in the input; `residency.traffic.groups` joins their canonical forms afterwards.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from residency.traffic.columns import Plan

KEYS = ("server_ip", "server_port", "proto", "host", "named_by", "answered", "period", "vantage", "rtt_kind")

_UNGROUPED = ("client_ip", "flow_id")

BY_INPUT = """
CREATE TABLE IF NOT EXISTS by_input (
  input INTEGER, int_address BOOLEAN,
  server_ip VARCHAR, server_port VARCHAR, proto VARCHAR, host VARCHAR, named_by VARCHAR, answered BOOLEAN,
  period INTEGER, vantage VARCHAR, rtt_kind VARCHAR,
  records BIGINT, flows HUGEINT, bytes_sent HUGEINT, bytes_received HUGEINT,
  sent_unknown HUGEINT, received_unknown HUGEINT,
  first_us BIGINT, last_us BIGINT, min_rtt_ms DOUBLE, rtt_samples BIGINT, rtt_dropped BIGINT, is_good BOOLEAN
)"""


def period_of(ts_us: str, cuts: Sequence[int], likely_us: int | None = None) -> str:
    """Return SQL for the number of sorted `cuts` at or before `ts_us`: a binary search of nested CASEs."""

    def search(low: int, high: int) -> str:
        if low == high:
            return str(low)
        middle = (low + high) // 2
        return f"CASE WHEN {ts_us} >= {cuts[middle]:d} THEN {search(middle + 1, high)} ELSE {search(low, middle)} END"

    every = search(0, len(cuts))
    if likely_us is None or not cuts:
        return f"CAST({every} AS INTEGER)"
    number = bisect_right(cuts, likely_us)
    bounds = [f"{ts_us} >= {cuts[number - 1]:d}"] if number else []
    bounds += [f"{ts_us} < {cuts[number]:d}"] if number < len(cuts) else []
    return f"CAST(CASE WHEN {' AND '.join(bounds)} THEN {number} ELSE {every} END AS INTEGER)"


def group_rows(source: str, values: Mapping[str, str], good: str, cuts: Sequence[int], has: frozenset[str]) -> str:
    """Return SQL that groups the good rows of `source`, and only those.

    `values` are the expressions of `columns.Plan`; `has` names the columns that the source has, so that absent
    ones cost nothing. The statement has two parameters before those of `source`: input and int_address.
    """
    inner = ", ".join(f"{expression} AS v_{name}" for name, expression in values.items() if name not in _UNGROUPED)
    period = f", {period_of('v_ts_us', cuts)} AS v_period"
    return _insert(f"(SELECT *{period} FROM (SELECT {inner} FROM {source} WHERE {good}))", has, "true")  # noqa: S608


def group_all(
    source: str, plan: Plan, good: str, cuts: Sequence[int], has: frozenset[str], likely_us: int | None = None
) -> str:
    """Return SQL that groups every row of `source`, good rows and bad ones apart.

    Made in layers, so that each cast is done once: casts, then what is said of their results, then groups. A bad
    row is not left out; the caller reads its input the exact way, or the rows that `bad_rows` finds. `likely_us` is a
    time near those of most rows: its period is asked first.
    """
    period, answered = period_of("v_ts_us", cuts, likely_us), plan.values["answered"]
    is_answered = f"CASE WHEN {answered} THEN 1 WHEN {answered} IS NULL THEN 2 ELSE 0 END"
    mark = f"{period} * 8 + {is_answered} + CASE WHEN {good} THEN 0 ELSE 4 END AS v_mark"
    return _insert(f"(SELECT *, {mark} FROM {_cast(source, plan)})", has, "v_mark & 4 = 0", _MARKED)  # noqa: S608


def bad_rows(source: str, plan: Plan, good: str, texts: Mapping[str, str]) -> str:
    """Return SQL for the `line` of every row that `group_all` groups as bad, or that has one of certain texts.

    `texts` are queries of the texts that are no good, by column.
    """
    among = "".join(f" OR CAST(v_{column} AS VARCHAR) IN ({query})" for column, query in texts.items())
    return f"SELECT line FROM {_cast(source, plan)} WHERE NOT coalesce({good}, false){among}"  # noqa: S608


def _cast(source: str, plan: Plan) -> str:
    casts = ", ".join(
        f"{text} AS v_{name}" for name, text in plan.values.items() if name not in (*_UNGROUPED, "answered")
    )
    return f"(SELECT *, {casts} FROM {source})"  # noqa: S608


# What stands in `v_mark`: one small key is grouped quicker than three.
_MARKED = {"answered": "CASE v_mark & 3 WHEN 2 THEN NULL ELSE v_mark & 3 = 1 END", "period": "v_mark >> 3"}


def _insert(rows: str, has: frozenset[str], is_good: str, marked: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return SQL that groups `rows`; `marked` are the keys that stand together in `v_mark`, and how each is read."""
    counts = "count(*)" if "flows" not in has else "sum(coalesce(v_flows, 1))"
    rtt = "min(v_rtt_ms), count(v_rtt_ms), count(*) FILTER (v_rtt_dropped)" if "rtt_ms" in has else "NULL, 0, 0"
    keys = {name: marked.get(name, f"v_{name}") for name in _keys(has)}
    picked = ", ".join(keys.get(name, "NULL") for name in KEYS)
    grouped = [column for name, column in keys.items() if name not in marked] + ["v_mark"] * bool(marked)
    answered = keys.get("answered", "NULL")
    return f"""
    INSERT INTO by_input
    SELECT ?, ?, {picked}, count(*), {counts}, sum(v_bytes_sent), sum(v_bytes_received),
      {_unknown("bytes_sent", has)}, {_unknown("bytes_received", has, answered)}, min(v_ts_us), max(v_ts_us), {rtt},
      {is_good}
    FROM {rows}
    GROUP BY {", ".join(grouped)}"""  # noqa: S608 - built of constants only


def _unknown(column: str, has: frozenset[str], answered: str = "NULL") -> str:
    """Return SQL for the number of flows whose bytes are not told."""
    if "flows" in has:
        return f"coalesce(sum(coalesce(v_flows, 1)) FILTER (v_{column} IS NULL), 0)"
    if column == "bytes_received" and "answered" not in has and column in has:
        return f"CASE WHEN ({answered}) IS NULL THEN count(*) ELSE 0 END"  # it is a key, null exactly there
    return f"count(*) - count(v_{column})" if column in has else "count(*)"


def _keys(has: frozenset[str]) -> list[str]:
    present = [name for name in KEYS if name in has and name not in ("rtt_kind", "answered")]
    if "answered" in has or "bytes_received" in has:
        present.append("answered")
    if "rtt_ms" in has and "rtt_kind" in has:
        present.append("rtt_kind")
    return [*present, "period"]
