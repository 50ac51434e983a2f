"""Spark DataFrames are audited like local tables: the same report, byte for byte, but for what it says of inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.traffic.conftest import read
from tests.traffic.spread_rows import CUTS, VARIANTS, varied

import flows
import residency
from residency import InputError, LimitError, UsageError
from residency.auditing import preview
from residency.auditing.flow_table import write_flows
from residency.report import as_json
from residency.spark import SparkTable, _told

pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas")

CLAIMS = """
schema = "residency/1"
[[claim]]
id = "v7"
statement = "Everything of vendor 7 is processed in the EEA from 10 June 2026 on."
activity = "processing"
allow = ["EEA"]
hosts = ["*.v7.example", "*.v8.example"]
effective = {from = 2026-06-10T12:00:00Z, until = 2026-06-25}
[[claim]]
id = "no-us"
statement = "No conversation ends in the United States."
activity = "connection"
forbid = ["US"]
hosts = ["*"]
ports = [80]
"""


@pytest.fixture(scope="module")
def claims(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("claims") / "claims.toml"
    path.write_text(CLAIMS)
    return path


def without_inputs(report: residency.Report) -> tuple[str, list[dict[str, Any]]]:
    """Return a report's JSON without its inputs, and these without path, digest and format."""
    document = as_json.document(report)
    counts = [
        {name: value for name, value in one.items() if name not in ("sha256", "format")}
        for one in document.pop("inputs")
    ]
    return as_json.dumps(document), counts


def frame_of(spark: Any, table: pa.Table, folder: Path, *, files: int = 3) -> Any:
    """Return the rows as a DataFrame of several partitions."""
    folder.mkdir()
    size = -(-len(table) // files)
    for number in range(files):
        pq.write_table(table.slice(number * size, size), folder / f"{number}.parquet")
    return spark.read.parquet(str(folder))


def test_the_report_has_the_same_bytes(spark: Any, claims: Path, tmp_path: Path) -> None:
    table = pq.read_table(flows.write(tmp_path, "parquet", 100_000))
    local = residency.audit(claims, table)
    spread = residency.audit(claims, frame_of(spark, table, tmp_path / "flows", files=4))
    assert without_inputs(spread) == without_inputs(local)
    assert len({finding.period for finding in local.findings}) > 1  # the claim's dates cut
    assert [one.format for one in spread.inputs] == ["spark"]


def test_damaged_rows_and_duplicates(spark: Any, claims: Path, tmp_path: Path) -> None:
    table = varied(VARIANTS["texts"])
    frame = frame_of(spark, table, tmp_path / "rows")
    local, spread = read([table], CUTS), read([SparkTable(frame)], CUTS)
    assert spread.groups == local.groups
    assert (spread.span, spread.warnings) == (local.span, local.warnings)
    assert spread.one.duplicate == local.one.duplicate > 0
    assert sorted((q.reason, q.value) for q in spread.quarantine) == sorted(
        (q.reason, q.value) for q in local.quarantine
    )
    [one] = residency.audit(claims, frame).inputs
    [same] = residency.audit(claims, table).inputs
    assert (one.records, one.quarantined, one.duplicate) == (same.records, same.quarantined, same.duplicate)
    assert one.sha256 == spread.one.sha256  # whatever the claims and the number of readings


NATIVE = ("moments", "doubles", "decimals", "addresses as integers", "answered as booleans")


def test_every_type_means_the_same(spark: Any, tmp_path: Path) -> None:
    for name in NATIVE:
        table = varied(VARIANTS[name]).slice(0, 150)
        local = read([table], CUTS)
        spread = read([SparkTable(frame_of(spark, table, tmp_path / name, files=1))], CUTS)
        assert spread.groups == local.groups, name
        assert [spread.one.records, spread.one.quarantined, spread.one.duplicate] == [
            local.one.records,
            local.one.quarantined,
            local.one.duplicate,
        ], name


def test_texts_of_any_length(spark: Any) -> None:
    frame = spark.sql("SELECT '1' AS ts, '81.2.69.160' AS server_ip, 'a.example' AS host")
    name = "spark.sql.execution.arrow.useLargeVarTypes"
    spark.conf.set(name, "true")
    try:
        [group] = read([SparkTable(frame)]).groups
    finally:
        spark.conf.unset(name)
    assert group["host"] == "a.example"


def test_of_rows_with_one_flow_id_the_same_one_counts_however_they_lie(spark: Any) -> None:
    rows = [(1, "81.2.69.160", number, "a") for number in range(40)] + [(1, "81.2.69.160", 7, None)] * 30
    frame = spark.createDataFrame(rows, "ts long, server_ip string, bytes_sent long, flow_id string")
    found = [read([SparkTable(frame.repartition(parts))]) for parts in (1, 5)]
    for one in found:
        assert (one.one.records, one.one.duplicate) == (70, 39)
        assert [group["bytes_sent"] for group in one.groups] == [30 * 7]  # and 0 of the first by content
    assert found[0].groups == found[1].groups
    assert found[0].one.sha256 == found[1].one.sha256


def test_a_collation_makes_no_two_texts_one(spark: Any) -> None:
    frame = spark.sql(
        "SELECT 1 AS ts, '81.2.69.160' AS server_ip, v COLLATE UTF8_LCASE AS vantage, v COLLATE UTF8_LCASE AS flow_id "
        "FROM VALUES ('Oslo'), ('OSLO'), ('oslo'), ('oslo') AS t(v)"
    )
    result = read([SparkTable(frame)])
    assert sorted(group["vantage"] for group in result.groups) == ["OSLO", "Oslo", "oslo"]
    assert result.one.duplicate == 1


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("SELECT 1 AS ts", "no column server_ip; the columns are: ts"),
        ("SELECT 1 AS ts, '1.1.1.1' AS server_ip, 1 AS TS", "column ts is there twice"),
        ("SELECT timestamp_ntz '2026-06-01 00:00:00' AS ts, '1.1.1.1' AS server_ip", "without a time zone"),
        ("SELECT true AS ts, '1.1.1.1' AS server_ip", "is no time"),
        ("SELECT 1 AS ts, X'01010101' AS server_ip", "neither text nor an integer"),
    ],
)
def test_what_can_be_no_flow_table_starts_no_job(spark: Any, sql: str, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        read([SparkTable(spark.sql(sql))])
    assert caught.value.path == "<table 1>"


def test_what_spark_and_its_workers_say_is_told_in_one_line(spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    good = "'81.2.69.160' AS server_ip"
    with pytest.raises(InputError, match="every record was put aside, the first for: ts: neither RFC 3339"):
        read([SparkTable(spark.sql(f"SELECT 'x' AS ts, {good}"))])
    with pytest.raises(InputError, match="no time in it has an offset"):
        read([SparkTable(spark.sql(f"SELECT '2026-06-01T00:00:00' AS ts, {good} FROM range(9)"))])
    with pytest.raises(InputError, match=r"Spark could not read it: .*boom"):
        read([SparkTable(spark.sql(f"SELECT IF(id > 0, raise_error('boom'), '1') AS ts, {good} FROM range(2)"))])
    monkeypatch.setattr("residency.spark.__version__", "0.0.0")
    with pytest.raises(UsageError, match=r"is installed on a worker and 0\.0\.0 on the driver"):
        read([SparkTable(spark.sql(f"SELECT 1 AS ts, {good}"))])


def test_what_needs_rows_on_this_machine_is_refused(spark: Any, claims: Path, tmp_path: Path) -> None:
    frame = spark.sql("SELECT 1780272000 AS ts, '81.2.69.160' AS server_ip, 80 AS server_port")
    with pytest.raises(UsageError, match="is read alone; unite several with unionByName"):
        residency.audit(claims, [frame, frame])
    with pytest.raises(UsageError, match="are not copied"):
        write_flows([SparkTable(frame)], tmp_path / "a.parquet")
    assert [sum(tally.flows for tally in one.hosts.values()) for one in preview(claims, frame)] == [1, 0]


@pytest.mark.parametrize(
    ("text", "kind", "what"),
    [
        ("\n An exception\nTraceback:\n  x\nModuleNotFoundError: No module named 'residency'\n", UsageError, "workers"),
        ("Total size of results is bigger than spark.driver.maxResultSize", LimitError, "raise it"),
        (
            "\n An exception\nTraceback:\n  x\nMemoryError: of it\n\nJVM stacktrace:\nat java",
            InputError,
            "it: MemoryError",
        ),
        ("", InputError, "no reason given"),
    ],
)
def test_of_what_spark_says_one_line_is_told(text: str, kind: type[Exception], what: str) -> None:
    told = _told(text)
    assert type(told) is kind
    assert what in str(told)
    assert "\n" not in str(told)
