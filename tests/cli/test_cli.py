"""The command: exit codes, one-line errors, forms, and what each subcommand answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.cli.conftest import Done
from tests.cli.conftest import Run as Cli

from residency import __version__
from residency.claims import shipped_packs

HEADER = "ts,client_ip,server_ip,server_port,proto,bytes_sent,bytes_received,host"
CLAIM = """schema = "residency/1"
vendor = "Acme"
[[claim]]
id = "acme.eu"
statement = "Customer data of European users is processed in the EEA."
activity = "processing"
allow = ["EEA"]
hosts = ["*.acme.example", "acme.example"]
"""
EVIDENCE = {
    "sources": [
        {
            "id": "carrier",
            "kind": "declared",
            "author": "carrier",
            "built": "2026-06-01",
            "statements": [
                {"network": "20.1.0.0/16", "countries": ["IE"]},
                {"network": "20.3.0.0/16", "countries": ["US"]},
            ],
        }
    ]
}
INSIDE, OUTSIDE, NOWHERE = "20.1.1.1", "20.3.1.1", "20.9.1.1"


Files = Callable[..., Path]


@pytest.fixture
def cli(run: Cli) -> Cli:
    """Run the command in this process."""
    return run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a claim file, pinned evidence and three tables."""
    (tmp_path / "claims.toml").write_text(CLAIM, encoding="utf-8")
    (tmp_path / "evidence.json").write_text(json.dumps(EVIDENCE), encoding="utf-8")
    for name, ip in (("inside", INSIDE), ("outside", OUTSIDE), ("nowhere", NOWHERE)):
        (tmp_path / f"{name}.csv").write_text(table(ip), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def table(*ips: str) -> str:
    rows = [f"2026-06-01T12:00:00Z,192.0.2.7,{ip},443,tcp,100,200,api.acme.example" for ip in ips]
    return "\n".join([HEADER, *rows]) + "\n"


def audit_of(name: str, *more: object) -> list[object]:
    pinned = ["--evidence", "evidence.json", "--no-embedded", "--threads", 1]
    return ["audit", f"{name}.csv", "--claims", "claims.toml", *pinned, *more]


def one_line(done: Done) -> str:
    assert done.err.count("\n") == 1
    assert done.err.startswith("residency: error: ")
    assert done.err.rstrip("\n").isprintable()
    assert len(done.err) < 560
    return done.err


# Exit codes


@pytest.mark.parametrize(
    ("name", "fail_on", "code"),
    [
        ("inside", "inconclusive", 0),
        ("outside", "inconclusive", 1),
        ("nowhere", "inconclusive", 3),
        ("inside", "violated", 0),
        ("outside", "violated", 1),
        ("nowhere", "violated", 0),
        ("inside", "never", 0),
        ("outside", "never", 0),
        ("nowhere", "never", 0),
    ],
)
def test_exit_code_of_each_verdict(folder: Path, cli: Cli, name: str, fail_on: str, code: int) -> None:
    done = cli(*audit_of(name, "--fail-on", fail_on))
    assert (done.code, done.err) == (code, "")
    assert "acme.eu" in done.out


def test_the_default_fails_on_inconclusive(folder: Path, cli: Cli) -> None:
    assert cli(*audit_of("nowhere")).code == 3


def test_what_could_never_be_confirmed_does_not_fail(folder: Path, cli: Cli) -> None:
    text = CLAIM.replace('"processing"', '"backup"')
    (folder / "claims.toml").write_text(text, encoding="utf-8")
    assert cli(*audit_of("inside")).code == 0


def test_violated_goes_before_inconclusive(folder: Path, cli: Cli) -> None:
    other = CLAIM.replace("acme.eu", "b").replace("acme.example", "b.example")
    (folder / "b.toml").write_text(other, encoding="utf-8")
    assert cli(*audit_of("outside", "--claims", "b.toml")).code == 1
    assert cli(*audit_of("inside", "--claims", "b.toml")).code == 3


# Usage errors


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["audit", "nothing.csv", "--claims", "claims.toml"], "nothing.csv"),
        (["audit", "inside.csv", "--claims", "nothing.toml"], "nothing.toml"),
        (["audit", "inside.csv", "--claims", "no-such-pack"], "no-such-pack"),
        (["audit", "inside.csv"], "--claims"),
        (["audit", "--claims", "claims.toml"], "TRAFFIC"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--no-such-option"], "--no-such-option"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--format", "pdf"], "pdf"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--fail-on", "maybe"], "maybe"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--max-age", "-1"], "max-age"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--max-age", "x"], "max-age"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--max-age", "999999999999"], "max-age"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--clock-skew", "nan"], "clock-skew"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--clock-skew", "1e30"], "clock-skew"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--sampling", "0"], "sampling"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--vantage", "x"], "vantage"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--clients", "Europe"], "EEA"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--as-of", "june"], "as-of"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--min-assurance", "none"], "min-assurance"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--time-unit", "h"], "time"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--input-format", "yaml"], "yaml"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--evidence", "nothing.json"], "nothing.json"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--evidence", "claims.toml"], "claims.toml"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--quarantine", "no/such/folder"], "no/such/folder"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--format", "json:no/such/file"], "no/such/file"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--memory-limit", "much"], "Memory"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--claim", "nothing"], "acme.eu"),
        (["audit", "inside.csv", "--claims", "claims.toml", "--format", "text", "--format", "json"], "stdout"),
        (["nonsense"], "nonsense"),
        (["claims", "nonsense"], "nonsense"),
        (["claims", "show", "no-such-pack"], "no-such-pack"),
        (["claims", "lint", "inside.csv"], "inside.csv"),
        (["sites", "show", "site:nowhere"], "site:nowhere"),
        (["report", "nothing.json"], "nothing.json"),
        (["report", "claims.toml"], "claims.toml"),
        (["report", "evidence.json"], "evidence.json"),
        (["explain", "evidence.json", "F-1"], "evidence.json"),
    ],
)
def test_a_usage_error_is_one_line_and_exit_2(folder: Path, cli: Cli, args: Sequence[str], message: str) -> None:
    done = cli(*args)
    assert done.code == 2
    assert message in one_line(done)
    assert done.out == ""


def test_every_fault_of_a_claim_file_has_its_line(folder: Path, cli: Cli) -> None:
    (folder / "bad.toml").write_text(CLAIM.replace('"EEA"', '"Europe"').replace("hosts", "hots"), encoding="utf-8")
    done = cli("audit", "inside.csv", "--claims", "bad.toml")
    assert (done.code, done.out) == (2, "")
    lines = done.err.splitlines()
    assert len(lines) >= 2
    assert any(line.startswith("residency: error: bad.toml:7: ") for line in lines)
    assert any(line.startswith("residency: error: bad.toml:8: ") for line in lines)


def test_a_yaml_file_is_refused_with_a_hint(folder: Path, cli: Cli) -> None:
    (folder / "bad.yaml").write_text("schema: residency/1\nclaim:\n  - allow: [NO]\n", encoding="utf-8")
    assert "TOML" in one_line(cli("audit", "inside.csv", "--claims", "bad.yaml"))


def test_input_errors_name_file_and_column(folder: Path, cli: Cli) -> None:
    (folder / "half.csv").write_text("ts,client_ip\n1,192.0.2.1\n", encoding="utf-8")
    done = cli("audit", "half.csv", "--claims", "claims.toml")
    assert done.code == 2
    assert "half.csv" in one_line(done)
    assert "server_ip" in done.err


def test_a_hostile_file_name_stays_on_one_line(folder: Path, cli: Cli) -> None:
    done = cli("audit", "a\nb\x1b[31m\u202e.csv", "--claims", "claims.toml")
    assert done.code == 2
    one_line(done)


def test_no_arguments_show_help(cli: Cli) -> None:
    done = cli()
    assert done.code in (0, 2)
    assert "Usage" in done.out + done.err


# Forms


def test_json_goes_to_stdout_or_to_a_file(folder: Path, cli: Cli) -> None:
    printed = cli(*audit_of("inside", "--format", "json"))
    filed = cli(*audit_of("inside", "--format", "json:report.json"))
    assert json.loads(printed.out)["schema"] == "residency-report/1"
    assert filed.out == ""
    assert (folder / "report.json").read_text(encoding="utf-8") == printed.out


def test_two_forms_one_to_a_file(folder: Path, cli: Cli) -> None:
    done = cli(*audit_of("inside", "--format", "json:report.json", "--format", "text"))
    assert done.code == 0
    assert "consistent" in done.out
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["claims"]


def test_results_are_on_stdout_only_and_plain_in_a_pipe(folder: Path, cli: Cli) -> None:
    done = cli(*audit_of("inside"))
    assert done.err == ""
    assert "\x1b" not in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_a_saved_report_renders_as_the_audit_did(folder: Path, cli: Cli) -> None:
    first = cli(*audit_of("outside"))
    cli(*audit_of("outside", "--format", "json:report.json"))
    again = cli("report", "report.json")
    assert (again.code, again.out) == (0, first.out)
    as_json = cli("report", "report.json", "--format", "json")
    assert as_json.out == (folder / "report.json").read_text(encoding="utf-8")


def test_explain_takes_a_finding_or_its_beginning(folder: Path, cli: Cli) -> None:
    cli(*audit_of("outside", "--format", "json:report.json"))
    finding = json.loads((folder / "report.json").read_text(encoding="utf-8"))["findings"][0]["id"]
    whole, start = cli("explain", "report.json", finding), cli("explain", "report.json", finding[:6])
    assert whole.code == start.code == 0
    assert whole.out == start.out
    assert "R206" in whole.out
    assert cli("explain", "report.json", "F-zzz").code == 2


@pytest.mark.parametrize(
    "change",
    [
        {"claims": [{}]},
        {"claims": 3},
        {"claims": [3]},
        {"findings": [{"id": "F-1"}]},
        {"inputs": {}},
        {"inputs": [{"path": "x"}]},
        {"seen": None},
        {"as_of": 7},
        {"options": []},
        {"warnings": None},
        {"quarantine": [{}]},
    ],
)
def test_a_damaged_report_is_an_input_error(folder: Path, cli: Cli, change: dict[str, object]) -> None:
    cli(*audit_of("outside", "--format", "json:report.json"))
    document = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    (folder / "bad.json").write_text(json.dumps(document | change), encoding="utf-8")
    for command in (["report", "bad.json"], ["explain", "bad.json", "F-1"]):
        done = cli(*command)
        assert done.code in (0, 2)
        if done.code:
            assert "bad.json" in one_line(done)
    shown = cli("report", "bad.json")
    assert (shown.code, shown.out) == (2, "") or "audit" in shown.out


# Options


def test_dry_run_shows_the_scope_and_asks_no_source(folder: Path, cli: Cli) -> None:
    done = cli("audit", "outside.csv", "--claims", "claims.toml", "--dry-run")
    assert (done.code, done.err) == (0, "")
    assert "api.acme.example" in done.out
    assert "violated" not in done.out


def test_quarantine_writes_every_record_and_redaction_hides_clients(folder: Path, cli: Cli) -> None:
    bad = "2026-06-01T12:00:00,192.0.2.99,20.1.1.1,443,tcp,1,1,api.acme.example\n"
    (folder / "mixed.csv").write_text(table(INSIDE) + bad, encoding="utf-8")
    done = cli(*audit_of("mixed", "--quarantine", "q.ndjson"))
    assert done.code == 0
    (record,) = [json.loads(line) for line in (folder / "q.ndjson").read_text(encoding="utf-8").splitlines()]
    assert (record["path"], record["line"]) == ("mixed.csv", 3)
    assert "offset" in record["reason"]
    assert record["value"] == "2026-06-01T12:00:00"
    cli(*audit_of("mixed", "--quarantine", "q.ndjson", "--redact-clients", "--format", "json:report.json"))
    for name in ("q.ndjson", "report.json"):
        assert "192.0.2.99" not in (folder / name).read_text(encoding="utf-8")
        assert "192.0.2.7" not in (folder / name).read_text(encoding="utf-8")


def test_relying_on_a_party_stands_in_the_report(folder: Path, cli: Cli) -> None:
    own = json.loads(json.dumps(EVIDENCE).replace("carrier", "acme"))
    (folder / "evidence.json").write_text(json.dumps(own), encoding="utf-8")
    assert cli(*audit_of("inside")).code == 3
    done = cli(*audit_of("inside", "--rely-on", "acme"))
    assert done.code == 0
    assert "relying on acme" in " ".join(done.out.split())


def test_max_age_and_floor_reach_the_verdict(folder: Path, cli: Cli) -> None:
    (folder / "inside.csv").write_text(table(INSIDE).replace("2026-06-01", "2026-06-09"), encoding="utf-8")
    assert cli(*audit_of("inside", "--max-age", 8)).code == 0
    assert cli(*audit_of("inside", "--max-age", 7)).code == 3
    assert cli(*audit_of("inside", "--min-assurance", "measured")).code == 3


# Subcommands


def test_version(cli: Cli) -> None:
    for flag in ("--version", "-V"):
        assert cli(flag) == (0, f"residency {__version__}\n", "")


@pytest.mark.parametrize(
    "args", [[], ["audit"], ["claims"], ["claims", "new"], ["sites"], ["data"], ["report"], ["explain"]]
)
def test_help_is_a_result(cli: Cli, args: list[str]) -> None:
    done = cli(*args, "--help")
    assert (done.code, done.err) == (0, "")
    assert "Usage" in done.out


def test_a_new_claim_file_lints_clean(folder: Path, cli: Cli) -> None:
    assert cli("claims", "new", "mine.toml", "--vendor", "Acme Ltd").code == 0
    done = cli("claims", "lint", "mine.toml")
    assert (done.code, done.err) == (0, "")
    assert "1 claim, no faults" in done.out
    assert "warning" not in done.out
    again = cli("claims", "new", "mine.toml")
    assert again.code == 2
    assert "exists" in one_line(again)
    assert cli("claims", "new", "mine.toml", "--force").code == 0


def test_a_new_claim_file_on_stdout_is_toml(cli: Cli) -> None:
    done = cli("claims", "new")
    assert tomllib.loads(done.out)["schema"] == "residency/1"


def test_claims_list_names_every_pack(cli: Cli) -> None:
    done = cli("claims", "list")
    assert done.code == 0
    unfolded = done.out.replace("\n", "")
    assert all(name[:12] in unfolded for name in shipped_packs())


def test_claims_show_a_pack_in_words(cli: Cli) -> None:
    done = cli("claims", "show", "tiktok-clover")
    assert done.code == 0
    assert "site:tiktok/hamar" in done.out or "Norway" in done.out or "tiktok" in done.out
    assert max(map(len, done.out.splitlines())) <= 120


def test_claims_schema_is_json(cli: Cli) -> None:
    assert "$defs" in json.loads(cli("claims", "schema").out)


def test_sites(cli: Cli) -> None:
    done = cli("sites", "list", "hamar")
    assert done.code == 0
    assert "tiktok/hamar" in done.out
    assert "eu-west-1" not in done.out
    assert "Dublin" in cli("sites", "show", "provider:aws/eu-west-1").out
    assert "source" in cli("sites", "show", "site:tiktok/hamar").out


def test_data_status_lists_every_table(cli: Cli) -> None:
    from residency.shipped import manifest

    done = cli("data", "status")
    assert done.code == 0
    unfolded = done.out.replace("\n", "")
    assert all(entry[:8] in unfolded for entry in manifest())


# As a process


def process(folder: Path, *args: object, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "residency", *map(str, args)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, **env},
    )


def test_the_module_is_the_command(folder: Path) -> None:
    done = process(folder, *audit_of("outside"))
    out, err = done.communicate(timeout=60)
    assert (done.returncode, err) == (1, "")
    assert "violated" in out


def test_a_reader_that_goes_away_is_no_failure(folder: Path) -> None:
    (folder / "many.csv").write_text(table(*(f"20.1.{i % 200}.{i // 200 + 1}" for i in range(3000))), encoding="utf-8")
    done = process(folder, *audit_of("many", "--format", "json"))
    assert done.stdout is not None
    assert done.stderr is not None
    assert done.stdout.read(10)
    done.stdout.close()
    err = done.stderr.read()
    done.stderr.close()
    assert (done.wait(timeout=60), err) == (0, "")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_of_another_encoding_is_no_failure(folder: Path, encoding: str) -> None:
    done = process(folder, *audit_of("inside"), PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    out, err = done.communicate(timeout=60)
    assert (done.returncode, err) == (0, "")
    assert "consistent" in out


def test_an_interrupt_is_130_and_one_line(folder: Path) -> None:
    os.mkfifo(folder / "endless.csv")
    done = process(folder, "audit", "endless.csv", "--claims", "claims.toml", "--threads", 1)
    with open(folder / "endless.csv", "w", encoding="utf-8") as pipe:
        pipe.write(table(INSIDE))
        pipe.flush()
        done.send_signal(signal.SIGINT)
    _, err = done.communicate(timeout=60)
    assert done.returncode == 130
    assert err == "residency: error: interrupted\n"


def failing_with(folder: Path, error: str) -> subprocess.CompletedProcess[str]:
    """Run an audit in which the audit itself fails with the given error."""
    code = (
        "import sys, residency.auditing as a\n"
        f"def broken(*args, **kwargs): raise {error}\n"
        "a.audit = broken\n"
        "import residency.cli as c\n"
        "sys.exit(c.main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, *map(str, audit_of("inside"))]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_an_interrupt_while_the_engine_works_is_130_too(folder: Path) -> None:
    """DuckDB raises RuntimeError("Query interrupted") where Python would raise KeyboardInterrupt."""
    done = failing_with(folder, "RuntimeError('Query interrupted')")
    assert (done.returncode, done.stderr) == (130, "residency: error: interrupted\n")


def test_an_interrupt_that_was_told_as_an_error_of_an_input_is_130_too(folder: Path) -> None:
    code = "__import__('residency.errors').errors.InputError('x') from RuntimeError('Query interrupted')"
    done = failing_with(folder, code)
    assert (done.returncode, done.stderr) == (130, "residency: error: interrupted\n")


def test_an_internal_failure_is_4_and_one_line(folder: Path) -> None:
    done = failing_with(folder, "RuntimeError('a\\nb\\x1b[31m' + 'x' * 9999)")
    assert done.returncode == 4
    assert "internal failure: RuntimeError" in one_line(Done(4, "", done.stderr))
    assert done.stdout == ""


def test_no_color_and_pipes(folder: Path) -> None:
    done = process(folder, *audit_of("inside"), NO_COLOR="1", FORCE_COLOR="1")
    out, _ = done.communicate(timeout=60)
    assert "\x1b" not in out
