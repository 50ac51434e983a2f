"""One SQL pass from flow rows to `by_input`: the sums of each input for each distinct key, still as written.

Keys are texts as they stand in the input; `residency.traffic.groups` joins their canonical forms afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

KEYS = ("server_ip", "server_port", "proto", "host", "named_by", "answered", "period", "vantage", "rtt_kind")

_SOURCE = {"sent": "bytes_sent", "received": "bytes_received"}

BY_INPUT = """
CREATE TABLE by_input (
  input INTEGER, int_address BOOLEAN,
  server_ip VARCHAR, server_port VARCHAR, proto VARCHAR, host VARCHAR, named_by VARCHAR, answered BOOLEAN,
  period INTEGER, vantage VARCHAR, rtt_kind VARCHAR,
  records BIGINT, flows HUGEINT, bytes_sent HUGEINT, bytes_received HUGEINT,
  sent_unknown HUGEINT, received_unknown HUGEINT,
  first_us BIGINT, last_us BIGINT, min_rtt_ms DOUBLE, rtt_samples BIGINT, rtt_dropped BIGINT
)"""


def period_of(ts_us: str, cuts: Sequence[int]) -> str:
    """Return SQL for the number of sorted `cuts` at or before `ts_us`: a binary search of nested CASEs."""

    def search(low: int, high: int) -> str:
        if low == high:
            return str(low)
        middle = (low + high) // 2
        return f"CASE WHEN {ts_us} >= {cuts[middle]:d} THEN {search(middle + 1, high)} ELSE {search(low, middle)} END"

    return f"CAST({search(0, len(cuts))} AS INTEGER)"


def group_rows(source: str, values: Mapping[str, str], good: str, cuts: Sequence[int], has: frozenset[str]) -> str:
    """Return SQL that groups the good rows of `source`.

    `values` are the expressions of `columns.Plan`; `has` names the columns that the source has, so that absent
    ones cost nothing. The statement has two parameters before those of `source`: input and int_address.
    """
    counts = "count(*)" if "flows" not in has else "sum(coalesce(n_flows, 1))"

    def unknown(column: str) -> str:
        if "flows" not in has:
            if (
                column == "received" and "answered" not in has and "bytes_received" in has
            ):  # then `answered` is a key, null exactly there
                return "CASE WHEN answered IS NULL THEN count(*) ELSE 0 END"
            return f"count(*) - count({column})" if _SOURCE[column] in has else "count(*)"
        return f"coalesce(sum(coalesce(n_flows, 1)) FILTER ({column} IS NULL), 0)"

    rtt = "min(rtt_ms), count(rtt_ms), count(*) FILTER (rtt_dropped)" if "rtt_ms" in has else "NULL, 0, 0"
    keys = _keys(has)
    names = ", ".join(name if name in keys else f"NULL AS {name}" for name in KEYS[:6])
    late = ", ".join(name if name in keys else f"NULL AS {name}" for name in KEYS[7:])
    inner = ", ".join(f"{expression} AS {alias}" for alias, expression in _aliases(values).items())
    return f"""
    INSERT INTO by_input
    SELECT ?, ?, {names}, {"period" if cuts else "0"}, {late}, count(*), {counts}, sum(sent), sum(received),
      {unknown("sent")}, {unknown("received")}, min(ts_us), max(ts_us), {rtt}
    FROM (SELECT *{"," + period_of("ts_us", cuts) + " AS period" if cuts else ""}
          FROM (SELECT {inner} FROM {source} WHERE {good}))
    GROUP BY {", ".join([*keys, "period"] if cuts else keys)}"""  # noqa: S608 - built of constants only


def _keys(has: frozenset[str]) -> list[str]:
    present = [name for name in KEYS if name in has and name not in ("period", "rtt_kind", "answered")]
    if "answered" in has or "bytes_received" in has:
        present.append("answered")
    if "rtt_ms" in has and "rtt_kind" in has:
        present.append("rtt_kind")
    return present


def _aliases(values: Mapping[str, str]) -> dict[str, str]:
    names = {
        "bytes_sent": "sent",
        "bytes_received": "received",
        "flows": "n_flows",
    }
    skipped = ("client_ip", "flow_id")
    return {names.get(name, name): expression for name, expression in values.items() if name not in skipped}
