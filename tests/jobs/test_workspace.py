"""Workspaces: what they keep, what they refuse, and that a kept job reports what any job reports."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pyarrow as pa
import pytest

import residency
from residency.cli import main
from residency.errors import InputError, UsageError
from residency.report import as_json
from residency.traffic import Workspace

CLAIMS = """
schema = "residency/1"
[[claim]]
id = "a"
statement = "It ends in the EEA."
activity = "connection"
allow = ["EEA"]
hosts = ["a.example"]
"""
HEADER = "ts,client_ip,server_ip,server_port,proto,bytes_sent,bytes_received,host\n"
ROW = "2026-06-01T00:00:00Z,10.0.0.1,81.2.69.160,443,tcp,5,6,a.example\n"


@pytest.fixture
def job(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A claim file, a flow file, and the folder of a workspace that is not there yet."""
    claims, flows = tmp_path / "claims.toml", tmp_path / "flows.csv"
    claims.write_text(CLAIMS)
    flows.write_text(HEADER + ROW * 3)
    return claims, flows, tmp_path / "work"


def run(job: tuple[Path, Path, Path], *, resume: bool = False, **options: object) -> bytes:
    claims, flows, work = job
    report = residency.audit(str(claims), str(flows), embedded=False, workspace=work, resume=resume, **options)  # type: ignore[arg-type]
    return json.dumps(as_json.document(report), sort_keys=True).encode()


def test_a_kept_job_reports_what_any_job_reports(job: tuple[Path, Path, Path]) -> None:
    plain = residency.audit(str(job[0]), str(job[1]), embedded=False)
    assert run(job) == json.dumps(as_json.document(plain), sort_keys=True).encode()


def test_a_finished_job_reports_again(job: tuple[Path, Path, Path]) -> None:
    assert run(job) == run(job, resume=True)


def test_resume_begins_a_job_where_there_is_none(job: tuple[Path, Path, Path]) -> None:
    assert run(job, resume=True) == run(job, resume=True)


def test_a_job_is_not_overwritten(job: tuple[Path, Path, Path]) -> None:
    run(job)
    with pytest.raises(UsageError, match="holds a job already: add --resume"):
        run(job)


@pytest.mark.parametrize("what", ["claims", "flows"])
def test_changed_content_is_refused_by_name(job: tuple[Path, Path, Path], what: str) -> None:
    run(job)
    changed = job[0] if what == "claims" else job[1]
    changed.write_text(changed.read_text() + ("\n# more\n" if what == "claims" else ROW))
    with pytest.raises(UsageError, match=r"was begun with another content of .*(claims|flows)"):
        run(job, resume=True)


def test_another_time_of_change_is_another_input(job: tuple[Path, Path, Path]) -> None:
    run(job)
    os.utime(job[1], (0, 0))
    with pytest.raises(UsageError, match=r"another content of .*flows.csv \(inputs\)"):
        run(job, resume=True)


def test_content_that_changed_unseen_is_refused_where_it_is_still_to_be_read(job: tuple[Path, Path, Path]) -> None:
    claims, flows, work = job
    rest = flows.with_name("rest.csv")
    rest.write_text(HEADER + ROW.replace("00Z", "00 ") * 3)  # without a time zone: the job stops there
    was = rest.stat()

    def go_on() -> residency.Report:
        given = [str(flows), str(rest)]
        return residency.audit(str(claims), given, embedded=False, workspace=work, resume=True)

    with pytest.raises(InputError, match=r"rest\.csv.*offset"):
        go_on()
    as_it_was = rest.read_text()
    rest.write_text(HEADER + ROW * 3)
    os.utime(rest, ns=(was.st_atime_ns, was.st_mtime_ns))
    with pytest.raises(UsageError, match=r"rest\.csv: has another content than when the job .* began"):
        go_on()
    rest.write_text(as_it_was)
    os.utime(rest, ns=(was.st_atime_ns, was.st_mtime_ns))
    with pytest.raises(InputError, match=r"rest\.csv.*offset"):
        go_on()


def test_other_inputs_are_refused(job: tuple[Path, Path, Path]) -> None:
    run(job)
    more = job[1].with_name("more.csv")
    more.write_text(HEADER + ROW)
    with pytest.raises(UsageError, match=r"other inputs: .*more.csv is new"):
        residency.audit(str(job[0]), [str(job[1]), str(more)], embedded=False, workspace=job[2], resume=True)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"time_unit": "ms"}, "--time-unit s, now it is ms"),
        ({"embedded": True}, "data"),
        ({"input_format": "csv"}, "--input-format"),
    ],
)
def test_other_options_are_refused(job: tuple[Path, Path, Path], options: dict[str, object], named: str) -> None:
    run(job)
    with pytest.raises(UsageError, match=named):
        run_with(job, options)


def run_with(job: tuple[Path, Path, Path], options: dict[str, object]) -> None:
    given: dict[str, object] = {"embedded": False, **options}
    residency.audit(str(job[0]), str(job[1]), workspace=job[2], resume=True, **given)  # type: ignore[arg-type]


def test_an_option_that_groups_nothing_is_free(job: tuple[Path, Path, Path]) -> None:
    run(job)
    assert run(job, resume=True, clients="EEA", threads=1)


def test_two_processes_do_not_share_a_workspace(job: tuple[Path, Path, Path]) -> None:
    with Workspace(job[2]), pytest.raises(UsageError, match=f"process {os.getpid()} works in it"):
        run(job)


def test_a_folder_with_other_files_is_no_workspace(job: tuple[Path, Path, Path]) -> None:
    job[2].mkdir()
    (job[2] / "thesis.doc").write_text("mine")
    with pytest.raises(UsageError, match="holds other files and no job"):
        run(job, resume=True)
    assert (job[2] / "thesis.doc").read_text() == "mine"


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"schema": "residency-workspace/9", "bound": {}}'])
def test_a_damaged_manifest_is_refused(job: tuple[Path, Path, Path], damage: str) -> None:
    run(job)
    (job[2] / "manifest.json").write_text(damage)
    with pytest.raises(UsageError, match=r"manifest.json is damaged or of another version"):
        run(job, resume=True)


def test_a_damaged_database_is_refused(job: tuple[Path, Path, Path]) -> None:
    run(job)
    (job[2] / "reading" / "state.duckdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(UsageError, match="cannot be opened as a database"):
        run(job, resume=True)


def test_the_command_says_each_in_one_line(job: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    claims, flows, work = map(str, job)
    base = ["audit", flows, "--claims", claims, "--no-embedded", "--fail-on", "never"]
    assert main([*base, "--workspace", work]) == 0
    assert main([*base, "--workspace", work]) == 2
    assert main([*base, "--resume"]) == 2
    assert main(["audit", "-", "--claims", claims, "--workspace", work, "--resume"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert "add --resume" in said[0]
    assert "--resume needs the --workspace" in said[1]
    assert "standard input cannot be read again" in said[2]


def test_a_file_that_is_no_traffic_stands_in_a_valid_report(job: tuple[Path, Path, Path]) -> None:
    folder = job[1].parent / "in"
    folder.mkdir()
    job[1].rename(folder / "flows.csv")
    (folder / "README").write_text("This folder holds flows.")
    report = residency.audit(str(job[0]), str(folder), embedded=False, workspace=job[2])
    document = as_json.document(report)
    schema = Path(__file__).resolve().parents[2] / "docs" / "report.schema.json"
    jsonschema.validate(json.loads(json.dumps(document)), json.loads(schema.read_text()))
    assert [(one["format"], one["records"]) for one in document["inputs"]] == [("none", 0), ("csv", 3)]
    assert any(text.startswith("not read: ") for text in document["warnings"])


def test_another_table_is_refused(job: tuple[Path, Path, Path]) -> None:
    def table(server: str) -> pa.Table:
        return pa.table({"ts": [1_780_272_000], "server_ip": [server], "bytes_received": [5]})

    def once(server: str) -> residency.Report:
        return residency.audit(str(job[0]), table(server), embedded=False, workspace=job[2], resume=True)

    assert once("81.2.69.160").headline == once("81.2.69.160").headline
    with pytest.raises(UsageError, match="another table than the one"):
        once("81.2.69.161")
