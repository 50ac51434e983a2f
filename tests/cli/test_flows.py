"""`residency flows`: what it writes, what it says, and that the table holds the same verdicts."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import Run as Cli

HEADER = "ts,client_ip,server_ip,server_port,proto,bytes_sent,bytes_received,host\n"
ROW = "2026-06-01T12:00:00Z,192.0.2.7,3.248.10.20,443,tcp,100,200,api.acme.example\n"
CLAIM = """schema = "residency/1"
vendor = "Acme"
[[claim]]
id = "acme.eu"
statement = "Customer data is processed in the EEA."
activity = "processing"
allow = ["EEA"]
hosts = ["*.acme.example"]
"""


@pytest.fixture
def cli(run: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run the command in this process and in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    Path("flows.csv").write_text(HEADER + ROW * 2 + ROW.replace("443", "x"))
    Path("claims.toml").write_text(CLAIM)
    return run


@pytest.mark.parametrize("name", ["out.parquet", "out.csv", "out.ndjson", "out.jsonl"])
def test_the_suffix_says_the_form_and_stderr_the_counts(cli: Cli, name: str) -> None:
    done = cli("flows", "flows.csv", "-o", name)
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines() == [
        f"{name}: 2 flows of 3 records in 1 input (1 quarantined, 0 duplicate, 0 context)",
        "quarantined first: flows.csv:4: server_port: not a port from 0 to 65535; --quarantine FILE writes all",
    ]
    assert cli("flows", name, "-o", "again.parquet", "--quiet") == (0, "", "")
    assert pq.read_table("again.parquet").num_rows == 2


def test_standard_output(cli: Cli) -> None:
    done = cli("flows", "flows.csv", "-o", "-", "-q")
    assert [json.loads(line)["host"] for line in done.out.splitlines()] == ["api.acme.example"] * 2
    assert cli("flows", "flows.csv", "-o", "-", "-q", "--format", "csv").out.startswith("ts,client_ip,server_ip,")
    assert "cannot go to standard output" in cli("flows", "flows.csv", "-o", "-", "--format", "parquet").err


def test_quarantine_writes_every_record(cli: Cli) -> None:
    done = cli("flows", "flows.csv", "-o", "out.csv", "--quarantine", "bad.ndjson")
    assert "--quarantine" not in done.err
    [row] = [json.loads(line) for line in Path("bad.ndjson").read_text().splitlines()]
    assert (row["path"], row["line"], row["value"]) == ("flows.csv", 4, "x")


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (["-o", "out.xlsx"], "its name says no form"),
        (["-o", "out.csv", "--format", "xlsx"], "one of parquet, csv, ndjson"),
        (["-o", "flows.csv"], "is an input too"),
        (["-o", "missing/out.csv"], "cannot be written"),
        (["-o", "out.csv", "--input-format", "none"], "is none of"),
        (["-o", "out.csv", "--time-unit", "h"], "is none of"),
        ([], "Missing option"),
    ],
)
def test_what_cannot_be_done_is_one_line(cli: Cli, args: list[str], what: str) -> None:
    done = cli("flows", "flows.csv", *args)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert what in done.err
    assert Path("flows.csv").read_text().startswith(HEADER)


def test_the_written_table_holds_the_same_verdict(cli: Cli) -> None:
    reports = []
    cli("flows", "flows.csv", "-o", "out.parquet")
    cli("flows", "flows.csv", "-o", "out.csv")
    for name in ("flows.csv", "out.parquet", "out.csv"):
        done = cli("audit", name, "--claims", "claims.toml", "--format", "json")
        reports.append(json.loads(done.out) | {"exit": done.code})
    for one in reports[1:]:
        assert (one["claims"], one["findings"], one["exit"]) == tuple(
            reports[0][k] for k in ("claims", "findings", "exit")
        )


@pytest.fixture
def standard_input(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return give


def test_standard_input_is_an_input(cli: Cli, standard_input: Callable[[bytes], None]) -> None:
    standard_input((HEADER + ROW).encode())
    assert cli("flows", "-", "-o", "out.csv").err.startswith("out.csv: 1 flow of 1 record in 1 input")
    standard_input((HEADER + ROW).encode())
    done = cli("audit", "-", "--claims", "claims.toml", "--format", "json")
    assert json.loads(done.out)["inputs"][0]["path"] == "<stdin>"
    standard_input(b"")
    assert "<stdin>: empty file" in cli("flows", "-", "-o", "out.csv").err
    assert "only once" in cli("flows", "-", "-", "-o", "out.csv").err
