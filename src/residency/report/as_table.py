"""The findings as a table: CSV that no spreadsheet takes for formulas, and typed Parquet.

Both have the same columns. Parquet holds lists and every value as it is (but for half a surrogate pair, which no UTF-8
can say); CSV joins lists by `;`, writes evidence as JSON and shows control characters by their codes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from residency.model.tables import utf8
from residency.report.medium import cell

if TYPE_CHECKING:
    import pyarrow as pa

Doc = Mapping[str, Any]
T = TypeVar("T")

_TEXTS_BEFORE = ("id", "claim", "verdict", "outcome", "place", "assurance", "missing_link")
_SERVER = ("server_ip", "server_form", "server_port", "proto", "host", "named_by", "answered")
_WHERE = ("role", "period", "vantage", "countries", "sites", "excluded", "network")
_COUNTS = ("flows", "bytes_sent", "bytes_received", "first_seen", "last_seen", "min_rtt_ms", "rtt_kind")
COLUMNS = (*_TEXTS_BEFORE, *_SERVER, *_WHERE, *_COUNTS, "rules", "evidence")
_MOMENTS = ("first_seen", "last_seen")
_EVIDENCE = ("kind", "author", "says", "for", "source", "lineage", "echo", "struck", "days_from_flow")


def to_csv(document: Doc) -> str:
    """Return one row a finding. A text that a spreadsheet would run, or that begins with an apostrophe, gets one first.

    So one apostrophe taken off whatever begins with one gives the text back.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    writer.writerow(COLUMNS)
    told = _Once(lambda e: json.dumps(_brief(e)).replace(";", "\\u003b"))  # no line is cut there
    for row in _rows(document):
        evidence = f"[{', '.join(told(e) for e in row['evidence'])}]"
        writer.writerow([*(_cell(row[name]) for name in COLUMNS[:-1]), evidence])
    return out.getvalue()


def to_parquet(document: Doc) -> bytes:
    """Return one row a finding, compressed, with a schema that does not depend on the rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, rows = _schema(), list(_rows(document))
    columns = [
        pa.array([_value(f.name, row[f.name]) for row in rows], type=f.type) for f in schema if f.name != "evidence"
    ]
    columns.append(_evidence([row["evidence"] for row in rows], schema.field("evidence").type))
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), out, compression="zstd")
    return out.getvalue()


def _rows(document: Doc) -> Iterable[Doc]:
    verdicts = {claim["id"]: claim["verdict"] for claim in document["claims"]}
    return ({**finding, "verdict": verdicts.get(finding["claim"])} for finding in document["findings"])


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return cell(value)
    if isinstance(value, list):
        return cell(";".join(value))
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _brief(evidence: Doc) -> dict[str, Any]:
    return {name: evidence[name] for name in _EVIDENCE}


def _schema() -> pa.Schema:
    import pyarrow as pa

    text = pa.string()
    told: dict[str, pa.DataType] = {"struck": pa.bool_(), "days_from_flow": pa.int32()}
    special: dict[str, pa.DataType] = {
        "server_port": pa.int32(),
        "answered": pa.bool_(),
        "min_rtt_ms": pa.float64(),
        **dict.fromkeys(("flows", "bytes_sent", "bytes_received"), pa.int64()),
        **dict.fromkeys(_MOMENTS, pa.timestamp("us", tz="UTC")),
        **dict.fromkeys(("countries", "sites", "excluded", "rules"), pa.list_(text)),
        "evidence": pa.list_(pa.struct([(name, told.get(name, text)) for name in _EVIDENCE])),
    }
    return pa.schema([(name, special.get(name, text)) for name in COLUMNS])


def _value(name: str, value: Any) -> Any:
    if name in _MOMENTS:
        return None if value is None else datetime.fromisoformat(value)
    return [_utf8(item) for item in value] if isinstance(value, list) else _utf8(value)


def _evidence(listed: Sequence[Sequence[Doc]], kind: pa.ListType) -> pa.ListArray:
    """Return the column of evidence; what many findings share is converted once."""
    import pyarrow as pa

    values: list[dict[str, Any]] = []

    def keep(e: Doc) -> int:
        values.append({name: _utf8(value) for name, value in _brief(e).items()})
        return len(values) - 1

    number = _Once(keep)
    numbers = pa.array([number(e) for row in listed for e in row], type=pa.int32())
    offsets = pa.array([0, *accumulate(map(len, listed))], type=pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.array(values, type=kind.value_type).take(numbers), type=kind)


class _Once(Generic[T]):
    """A function of pieces of evidence that is called once for each object: findings share most of them."""

    def __init__(self, function: Callable[[Doc], T]) -> None:
        self._function = function
        self._known: dict[int, T] = {}

    def __call__(self, evidence: Doc) -> T:
        found = self._known.get(id(evidence))
        if found is None:
            found = self._known[id(evidence)] = self._function(evidence)
        return found


def _utf8(value: Any) -> Any:
    return utf8(value) if isinstance(value, str) else value
