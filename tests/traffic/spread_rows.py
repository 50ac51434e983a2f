"""Rows of every kind, good and bad, and the types that their columns may come in: for tables that are read in parts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from typing import Any

import pyarrow as pa

CUTS = [1_780_272_000_000_000, 1_780_358_400_000_000]  # 2026-06-01 and -02
_GOOD: dict[str, Any] = {
    "ts": "2026-06-01T00:00:00Z",
    "client_ip": "10.0.0.1",
    "server_ip": "81.2.69.160",
    "server_port": "443",
    "proto": "tcp",
    "bytes_sent": "5",
    "bytes_received": "6",
    "host": "a.example",
    "named_by": None,
    "answered": None,
    "rtt_ms": None,
    "rtt_kind": None,
    "flows": None,
    "vantage": None,
    "flow_id": None,
    "ignored": "x",
}
_CHANGES: list[dict[str, Any]] = [
    {},
    *({name: None} for name in _GOOD),
    *({"ts": text} for text in ("2026-05-31T23:59:59.999999Z", "2026-06-02T02:00:00+02:00", "2026-06-01T23:59:60Z")),
    *({"ts": text} for text in ("1780272000", "1780272000.25", "2026-06-01T00:00:00", "yesterday", "-5", "ts")),
    *({"client_ip": text} for text in ("::1", "010.0.0.1", "", "x")),
    *({"server_ip": text} for text in ("::ffff:81.2.69.160", "2001:DB8:0:0::1", "010.0.0.1", "127.1", "1.2.3.4 ", "")),
    *({"server_port": text} for text in ("80", "443.0", "65536", "-1", "https")),
    *({"proto": text} for text in ("6", "TCP", "udp", "999", "?")),
    *({"bytes_sent": text} for text in ("0", "7.0", "1.5", "-1", "4611686018427387904", "NaN")),
    *({"bytes_received": text} for text in ("0", "9", "9" * 30)),
    *({"host": text} for text in ("A.Example.", "b.example", "faß.de", "a:1", "user@a.example", "x" * 300, "\x00")),
    *({"named_by": text} for text in ("sni", "dns", "guess")),
    *({"answered": text} for text in ("true", "False", "unknown", "maybe")),
    *({"rtt_ms": ms, "rtt_kind": kind} for ms, kind in product(("1.5", "0", "x"), ("tls", "syn", "icmp", None))),
    *({"flows": text} for text in ("3", "0", "-2", "1.5")),
    *({"vantage": text} for text in ("A", " A ", " ")),
    *({"flow_id": text} for text in ("1", "1", "1", "2", "", "")),
    {"flow_id": "3", "ts": "bad"},
    {"flow_id": "3"},
    {"flow_id": "3"},
]
ROWS = [_GOOD | change for change in _CHANGES]
_NUMBERS = ("server_port", "bytes_sent", "bytes_received", "flows", "rtt_ms", "flow_id")


def varied(change: Callable[[pa.Table], pa.Table]) -> pa.Table:
    """Return the rows, each thrice but for its flow_id, with columns of other types."""
    return change(pa.Table.from_pylist(ROWS * 3, pa.schema([(name, pa.string()) for name in _GOOD])))


def _as(**kinds: tuple[pa.DataType, Callable[[str], Any]]) -> Callable[[pa.Table], pa.Table]:
    """Return a change of columns: each value read by a function, and null where it cannot."""

    def change(table: pa.Table) -> pa.Table:
        for name, (kind, read) in kinds.items():
            values = [_or_null(read, text) for text in table[name].to_pylist()]
            table = table.set_column(table.column_names.index(name), name, pa.array(values, kind))
        return table

    return change


def _or_null(read: Callable[[str], Any], text: str | None) -> Any:
    try:
        return None if text is None else read(text)
    except (ValueError, OverflowError):
        return None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _small(text: str) -> int:
    number = int(float(text))
    return number if abs(number) < 2**31 else -1


def _address(text: str) -> int:
    parts = [int(part) for part in text.split(".")]
    return int.from_bytes(bytes(parts)) if len(parts) == 4 else 2**33


_LONG = {name: (pa.int64(), _small) for name in _NUMBERS if name != "rtt_ms"}
VARIANTS: dict[str, Callable[[pa.Table], pa.Table]] = {
    "texts": lambda table: table,
    "no flow_id": lambda table: table.drop(["flow_id"]),
    "two columns": lambda table: table.select(["ts", "server_ip"]),
    "only good rows": lambda table: table.slice(0, 1),
    "capitals": lambda table: table.rename_columns([name.upper() for name in table.column_names]),
    "moments": _as(ts=(pa.timestamp("us", "UTC"), _moment)),
    "other zone": _as(ts=(pa.timestamp("us", "Asia/Tokyo"), _moment)),
    "seconds": _as(ts=(pa.int64(), _small)),
    "fractions": _as(ts=(pa.float64(), float)),
    "longs": _as(**_LONG),
    "ints": _as(**{name: (pa.int32(), _small) for name in _LONG}),
    "doubles": _as(**{name: (pa.float64(), float) for name in _NUMBERS}),
    "floats": _as(rtt_ms=(pa.float32(), float)),
    "decimals": _as(bytes_sent=(pa.decimal128(38, 2), lambda text: Decimal(int(float(text) * 4)) / 4)),
    "answered as booleans": _as(answered=(pa.bool_(), lambda text: {"true": True, "False": False}.get(text))),
    "addresses as integers": _as(server_ip=(pa.int64(), _address), client_ip=(pa.int64(), _address)),
    "clients of no type": _as(client_ip=(pa.binary(), lambda text: text.encode())),
}
