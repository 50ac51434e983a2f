"""`--format`: where each form goes, what is refused, and files that are whole or not there."""

from __future__ import annotations

import io
import json
import os
import stat
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import Done
from tests.cli.conftest import Run as Cli

from residency.cli import forms, main, terminal
from residency.errors import UsageError
from residency.limits import LIMITS
from residency.report.formats import FORMATS
from residency.shipped import data_path


@pytest.fixture
def cli(run: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_STEP_SUMMARY", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return run


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved report of the demonstration."""
    path = tmp_path_factory.mktemp("saved") / "report.json"
    assert main(["demo", "--format", f"json:{path}"]) == 0
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_every_form_goes_to_a_file(cli: Cli, saved: Path, tmp_path: Path, name: str) -> None:
    assert cli("report", saved, "--format", f"{name}:out.x") == Done(0, "", "")
    assert (tmp_path / "out.x").stat().st_size > 1_000
    assert [path.name for path in tmp_path.iterdir()] == ["out.x"]


def test_help_lists_the_forms_of_the_registry(cli: Cli) -> None:
    for command in ("audit", "report", "demo"):
        told = " ".join(cli(command, "--help").out.split())
        for name in FORMATS:
            assert name in told


def test_bytes_go_through_a_pipe_and_never_to_a_terminal(
    saved: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["report", str(saved), "--format", "parquet"]) == 0
    assert pq.read_table(io.BytesIO(capfdbinary.readouterr().out)).num_rows > 5
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    with pytest.raises(UsageError, match="parquet is not for a terminal; give it a file, as in --format parquet:"):
        forms.choose(["parquet"])
    assert forms.choose(["csv"])[0].path is None


def audit_of(*options: str) -> list[str]:
    return ["audit", "flows.csv", "--claims", "claims.toml", "--threads", "1", *options]


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    demo = data_path("demo")
    (tmp_path / "flows.csv").write_bytes((demo / "composed-sample.csv").read_bytes())
    (tmp_path / "claims.toml").write_bytes((demo / "claims.toml").read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "csv:flows.csv"], "flows.csv: is read by this command"),
        (["--format", "csv:./sub/../flows.csv"], "is read by this command"),
        (["--format", "text:link.csv"], "is read by this command"),
        (["--format", "sarif:claims.toml"], "claims.toml: is read by this command"),
        (["--format", "csv:a", "--format", "json:a"], "a: is written twice"),
        (["--format", "csv:a", "--format", "json:./a"], "is written twice"),
        (["--format", "csv:a", "--quarantine", "a"], "is written twice"),
        (["--format", "csv", "--format", "json"], "two forms for stdout"),
        (["--format", "pdf"], "--format `pdf`: one of csv, github, "),
        (["--format", "csv:absent/x"], "cannot be written"),
        (["--format", "csv:."], "cannot be written"),
    ],
)
def test_what_would_be_lost_is_refused(cli: Cli, inputs: Path, options: list[str], message: str) -> None:
    (inputs / "sub").mkdir()
    (inputs / "link.csv").symlink_to("flows.csv")
    before = {path.name: path.read_bytes() for path in inputs.iterdir() if path.is_file()}
    done = cli(*audit_of(*options))
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in inputs.iterdir() if path.is_file()} == before


def test_a_file_in_a_folder_of_traffic_is_not_written_over(cli: Cli, inputs: Path) -> None:
    (inputs / "zeek").mkdir()
    (inputs / "zeek" / "conn.log").write_text("{}", encoding="utf-8")
    done = cli("audit", "zeek", "--claims", "claims.toml", "--format", "json:zeek/conn.log")
    assert (done.code, "is read by this command" in done.err) == (2, True)


def test_a_report_is_not_written_over_itself(cli: Cli, saved: Path) -> None:
    before = saved.read_bytes()
    assert cli("report", saved, "--format", f"text:{saved}").code == 2
    assert saved.read_bytes() == before


def test_a_report_of_an_audit_and_of_its_saved_file_are_the_same(cli: Cli, inputs: Path) -> None:
    wanted = [name for name in FORMATS if name != "text"]
    cli(*audit_of(*(part for name in wanted for part in ("--format", f"{name}:1.{name}"))))
    cli("report", "1.json", *(part for name in wanted for part in ("--format", f"{name}:2.{name}")))
    for name in wanted:
        assert (inputs / f"1.{name}").read_bytes() == (inputs / f"2.{name}").read_bytes()
    run = json.loads((inputs / "1.sarif").read_text(encoding="utf-8"))["runs"][0]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "claims.toml"


# Files


def test_a_file_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.txt"
    path.write_text("before", encoding="utf-8")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UsageError, match="No space left"):
        terminal.write("after", path)
    assert [(p.name, p.read_text(encoding="utf-8")) for p in tmp_path.iterdir()] == [("report.txt", "before")]


def test_mode_and_links_of_a_file_are_kept(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("before", encoding="utf-8")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    terminal.write("after", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text(encoding="utf-8") == "after"
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o640


def test_a_pipe_and_a_device_are_written_to_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text(encoding="utf-8")))
    reader.start()
    terminal.write("through", tmp_path / "pipe")
    reader.join(10)
    assert read == ["through"]
    terminal.write("nowhere", Path("/dev/null"))
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


# GitHub Actions


def test_a_step_summary_is_added_to(cli: Cli, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("# earlier\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    done = cli("report", saved, "--format", "github", "--format", "text")
    assert done.code == 0
    assert done.out.startswith("residency audit")
    assert summary.read_text(encoding="utf-8").startswith("# earlier\n# residency: 6 claims")
    summary.write_bytes(b"x" * (LIMITS.max_step_summary_bytes - 3_000))
    cli("report", saved, "--format", "github")
    assert LIMITS.max_step_summary_bytes - 2_500 < summary.stat().st_size <= LIMITS.max_step_summary_bytes
    assert "did not fit here" in summary.read_text(encoding="utf-8")


def test_without_a_step_summary_it_goes_where_it_is_sent(cli: Cli, saved: Path, tmp_path: Path) -> None:
    assert cli("report", saved, "--format", "github").out.startswith("# residency")
    assert cli("report", saved, "--format", "github:a.md") == Done(0, "", "")
    assert (tmp_path / "a.md").exists()


# Colour


@pytest.mark.parametrize(
    ("environment", "is_coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False),
        ({"FORCE_COLOR": ""}, False),
    ],
)
def test_colour_in_a_pipe(
    cli: Cli, saved: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], is_coloured: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in cli("report", saved).out) is is_coloured
    cli("report", saved, "--format", "text:out.txt")
    assert "\x1b" not in Path("out.txt").read_text(encoding="utf-8")


# explain


def test_explain_as_json_and_to_a_file(cli: Cli, saved: Path) -> None:
    told = json.loads(cli("explain", saved, "b.metrics.shop.example", "--format", "json").out)
    assert told["schema"] == "residency-explain/1"
    assert told["steps"][6]["title"] == "What would change it"
    times = [line for line in told["steps"][6]["lines"] if "round-trip time" in line]
    assert len(times) == 1
    assert "(two independent vantages)" in times[0]
    assert cli("explain", saved, "b.metrics.shop.example", "--format", "text:x.txt") == Done(0, "", "")
    assert Path("x.txt").read_text(encoding="utf-8").startswith("finding F-")
    assert cli("explain", saved, "b.metrics.shop.example", "--format", "csv").code == 2
