"""Records of one direction become conversations: what logs of packets by address and port have in common.

A conversation is what one pair of addresses and ports says in both directions without a pause longer than a capture
would wait (`LIMITS.tcp_idle_s`, `udp_idle_s`, `other_idle_s`). Its earliest record stands for it. The server is the
side with the port under 1024, else under `LIMITS.first_ephemeral_port`, else the one that the earliest record was sent
to. No such log tells who sent the SYN.
"""

from __future__ import annotations

from residency.limits import LIMITS
from residency.traffic.logs.staging import moment

FIELDS = (
    "line BIGINT, src VARCHAR, dst VARCHAR, src_port INTEGER, dst_port INTEGER, proto VARCHAR, start_us BIGINT, "
    "end_us BIGINT, bytes BIGINT, packets BIGINT, back_bytes BIGINT, back_packets BIGINT, rtt_ms DOUBLE, "
    "is_source_watching BOOLEAN"
)
"""Columns of the table of records: `back_…` is null where a record has one direction only; `rtt_ms` was measured by
the source where `is_source_watching`, else by the destination."""


def grouped(table: str) -> str:
    """Return SQL for one row a conversation of a table of `FIELDS`.

    Its columns are those of the flow table but `answered`, with `sent_packets`, `received_packets`, and `records`.
    Counts that no record has are null; a sum over the cap stands as the cap, which the flow table refuses.
    """
    return f"""
    WITH sided AS (SELECT *, (src, coalesce(src_port, 0)) <= (dst, coalesce(dst_port, 0)) AS is_up FROM {table}),
    keyed AS (
      SELECT *, CASE WHEN is_up THEN src ELSE dst END AS low, CASE WHEN is_up THEN dst ELSE src END AS high,
        CASE WHEN is_up THEN src_port ELSE dst_port END AS low_port,
        CASE WHEN is_up THEN dst_port ELSE src_port END AS high_port
      FROM sided),
    paused AS (
      SELECT *, coalesce(start_us - max(end_us) OVER before > {_PAUSE}, true) AS is_first FROM keyed
      WINDOW before AS ({_CONVERSATION} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)),
    turned AS (SELECT *, sum(CAST(is_first AS INTEGER)) OVER ({_CONVERSATION}) AS turn FROM paused),
    joined AS (
      SELECT low, high, low_port, high_port, proto, count(*) AS records, min(start_us) AS start_us,
        max(end_us) AS end_us, arg_min(line, {_PLACE}) AS line, arg_min(is_up, {_PLACE}) AS is_first_up,
        {_count("bytes", "up")}, {_count("bytes", "down")}, {_count("packets", "up")}, {_count("packets", "down")},
        min(rtt_ms) FILTER (is_up = is_source_watching) AS low_rtt_ms,
        min(rtt_ms) FILTER (is_up <> is_source_watching) AS high_rtt_ms
      FROM turned GROUP BY low, high, low_port, high_port, proto, turn),
    decided AS (SELECT *, coalesce({_IS_HIGH_SERVER}, is_first_up) AS is_up FROM joined)
    SELECT line, {moment("start_us")} AS ts, {moment("end_us")} AS ended, proto, records,
      {_picked("low", "high", "client_ip")}, {_picked("low_port", "high_port", "client_port")},
      {_picked("high", "low", "server_ip")}, {_picked("high_port", "low_port", "server_port")},
      {_picked("up_bytes", "down_bytes", "bytes_sent")}, {_picked("down_bytes", "up_bytes", "bytes_received")},
      {_picked("up_packets", "down_packets", "sent_packets")},
      {_picked("down_packets", "up_packets", "received_packets")},
      {_picked("low_rtt_ms", "high_rtt_ms", "rtt_ms")}, CAST(1 AS BIGINT) AS flows
    FROM decided"""  # noqa: S608


_PLACE = "(start_us, end_us, line)"
_CONVERSATION = "PARTITION BY low, high, low_port, high_port, proto ORDER BY start_us, end_us, line"
_PAUSE = f"""
  1000000 * CASE proto WHEN 'tcp' THEN {LIMITS.tcp_idle_s} WHEN 'udp' THEN {LIMITS.udp_idle_s}
            ELSE {LIMITS.other_idle_s} END"""
_IS_HIGH_SERVER = " ".join(
    [
        "CASE",
        *(
            f"WHEN {server} < {bound} AND {client} >= {bound} THEN {answer}"
            for bound in (1024, LIMITS.first_ephemeral_port)
            for server, client, answer in (("high_port", "low_port", "true"), ("low_port", "high_port", "false"))
        ),
        "END",
    ]
)


def _count(name: str, way: str) -> str:
    """Sum what went up (from low to high) or down, of records of both directions."""
    is_up = "is_up" if way == "up" else "NOT is_up"
    return f"{capped_sum(f'CASE WHEN {is_up} THEN {name} ELSE back_{name} END')} AS {way}_{name}"


def capped_sum(value: str) -> str:
    """Return SQL for a sum of counts, null where there are none; over the cap it is the cap, which is refused later."""
    cap = LIMITS.max_record_bytes  # `least` alone takes null for the greatest
    return f"CASE WHEN count({value}) > 0 THEN CAST(least(sum({value}), {cap}) AS BIGINT) END"


def _picked(up: str, down: str, name: str) -> str:
    return f"CASE WHEN is_up THEN {up} ELSE {down} END AS {name}"
