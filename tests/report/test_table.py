"""CSV and Parquet of the findings: the columns, the types, and formulas that stay text."""

from __future__ import annotations

import csv
import io
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.report.conftest import many

from residency.report import as_table


def rows_of(document: dict[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_table.to_csv(document), newline="")))


def test_both_have_the_same_columns_and_rows(demo: dict[str, Any]) -> None:
    table = pq.read_table(io.BytesIO(as_table.to_parquet(demo)))
    assert table.column_names == list(as_table.COLUMNS) == list(rows_of(demo)[0])
    assert table.num_rows == len(rows_of(demo)) == len(demo["findings"]) > 5
    assert table["id"].to_pylist() == [row["id"] for row in rows_of(demo)]


def test_parquet_has_types_and_lists(demo: dict[str, Any]) -> None:
    table = pq.read_table(io.BytesIO(as_table.to_parquet(demo)))
    types = dict(zip(table.schema.names, table.schema.types, strict=True))
    assert types["countries"] == pa.list_(pa.string())
    assert types["flows"] == pa.int64()
    assert types["first_seen"] == pa.timestamp("us", tz="UTC")
    assert types["answered"] == pa.bool_()
    empty = pq.read_table(io.BytesIO(as_table.to_parquet(demo | {"findings": []})))
    assert empty.schema == table.schema


def test_a_database_answers_questions_of_it(demo: dict[str, Any], tmp_path: Any) -> None:
    (tmp_path / "f.parquet").write_bytes(as_table.to_parquet(demo))
    query = "SELECT host, unnest(countries) FROM read_parquet(?) WHERE verdict = 'violated' AND outcome = 'violating'"
    assert duckdb.execute(query, [str(tmp_path / "f.parquet")]).fetchall() == [("b.metrics.shop.example", "US")]


def test_unknown_is_empty_in_csv_and_null_in_parquet() -> None:
    document = many(1, bytes_received=None, host=None, answered=None)
    assert rows_of(document)[0]["bytes_received"] == rows_of(document)[0]["host"] == ""
    row = pq.read_table(io.BytesIO(as_table.to_parquet(document))).to_pylist()[0]
    assert row["bytes_received"] is row["host"] is row["answered"] is None


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("plain", "plain"),
        ("=1", "'=1"),
        ("  =1", "'  =1"),
        ("'x", "''x"),
        ("\t=1", "\\x09=1"),
        ("＝1", "'＝1"),
        ("a=1", "a=1"),
        ("a;=1", "a\\x3b=1"),
        ("a; b", "a; b"),
    ],
)
def test_one_apostrophe_taken_off_gives_the_text_back(text: str, cell: str) -> None:
    assert rows_of(many(1, host=text))[0]["host"] == cell


def test_lists_are_joined_and_numbers_stay_numbers(demo: dict[str, Any]) -> None:
    row = next(row for row in rows_of(demo) if row["outcome"] == "violating")
    assert row["rules"] == "R206;R112;R117"
    assert (row["flows"], row["answered"], row["server_port"]) == ("1", "true", "443")
