"""Whatever shell, files and surroundings are: a verdict keeps its exit code, and a fault is told in a line."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

Run: TypeAlias = Callable[..., tuple[int, str, str]]
Shell: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
AUDIT = ("audit", "flows.csv", "--claims", "claims.toml", "--quiet")
NOBODY = 65534

# Streams


@pytest.mark.parametrize(("streams", "code"), [(">&-", 1), ("<&- >&- 2>&-", 1), (">/dev/full", 2)])
def test_closed_streams_change_no_verdict(shell: Shell, violated: Path, streams: str, code: int) -> None:
    done = shell(f"residency {shlex.join(AUDIT)} --format json:report.json --format text {streams}")
    assert done.returncode == code
    assert done.stderr == ("" if code == 1 else "residency: error: No space left on device\n")
    assert json.loads((violated / "report.json").read_text(encoding="utf-8"))["claims"][0]["verdict"] == "violated"


def test_a_closed_standard_input_is_an_input_without_flows(shell: Shell, violated: Path) -> None:
    done = shell("residency audit - --claims claims.toml <&-")
    assert done.returncode == 2
    assert done.stderr.startswith("residency: error: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [shlex.join(AUDIT), "claims schema", "sites list", "audit --help"])
def test_a_reader_that_reads_nothing_is_no_failure(shell: Shell, command: str) -> None:
    """The reader closes before the first byte; a verdict keeps its exit code, so that `pipefail` sees it."""
    late = f"{{ while [ -e open ]; do sleep 0.05; done; residency {command}; }}"
    done = shell(f'touch open; {late} | rm open; echo "${{PIPESTATUS[0]}}"')
    assert (done.stdout, done.stderr) == ("1\n" if command.startswith("audit f") else "0\n", "")


# Files


@contextmanager
def without_rights() -> Iterator[None]:
    """Be nobody for a while, where the tests run as root, whom no rights of files stop."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def closed(violated: Path) -> Iterator[Path]:
    """A folder that may not be entered, in one that everybody may: those of pytest are its user's alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "closed")
        folder.mkdir()
        shutil.copy(violated / "claims.toml", name)
        shutil.copy(violated / "flows.csv", folder)
        Path(name).chmod(0o755)
        folder.chmod(0)
        yield folder
        folder.chmod(0o700)


@pytest.mark.parametrize(
    "args",
    [
        ("audit", "@/flows.csv", "--claims", "@/../claims.toml", "--quiet"),
        ("claims", "lint", "@/claims.toml"),
        ("claims", "new", "@/claims.toml", "--force"),
        ("report", "@/report.json"),
    ],
    ids=" ".join,
)
def test_what_may_not_be_read_or_written_is_one_line(closed: Path, run: Run, args: tuple[str, ...]) -> None:
    assert run(*AUDIT)[0] == 1  # all modules are loaded before the rights go
    here = [arg.replace("@/..", str(closed.parent)).replace("@", str(closed)) for arg in args]
    with without_rights():
        code, out, err = run(*here)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"residency: error: {closed}/")
    assert "ermission denied" in err


BAD_FILES = {
    "folder": None,
    "empty": b"",
    "garbage": bytes(range(256)) * 40,
    "deep.json": b"[" * 200_000,
    "list.json": b"[1, 2]",
    "a\nb\x1b[31m\u202e\udcff.csv": b"ts,server_ip\nx,y\n",
}
NO_FILES = ("missing/x", "x" * 300, "")
READS = [
    ("audit", "@", "--claims", "claims.toml", "--quiet"),
    ("audit", "flows.csv", "--claims", "@"),
    *((*AUDIT, option, "@") for option in ("--rtt", "--ranges", "--geofeed", "--evidence", "--dns", "--vantage")),
    *(("locate", "9.9.9.9", option, "@") for option in ("--geoip", "--anycast", "--relay")),
    ("locate", "--file", "@"),
    ("resolve", "--file", "@", "--replay", "missing"),
    ("resolve", "--replay", "@"),
    ("report", "@"),
    ("explain", "@", "F-1"),
    ("plan", "@"),
    ("claims", "show", "@"),
    ("flows", "@", "-o", "-", "--quiet"),
    (*AUDIT, "--temp-dir", "@"),
]


@pytest.mark.parametrize("args", READS, ids=lambda args: " ".join(a for a in args if a not in AUDIT[1:]))
def test_a_file_that_is_none_of_that_kind_is_told_in_lines(
    violated: Path, run: Run, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(violated / "cache"))
    for name, content in BAD_FILES.items():
        path = violated / name
        path.mkdir() if content is None else path.write_bytes(content)
    for name in (*BAD_FILES, *NO_FILES):
        code, out, err = run(*(name if arg == "@" else arg for arg in args))
        told = ascii((name, code, err[:200]))
        assert code in (0, 1, 2, 3), told
        if code != 2:
            continue
        assert out == "" or args[0] == "locate", told
        assert err.endswith("\n"), told
        assert all(line.startswith("residency: error: ") and line.isprintable() for line in err.splitlines()), told
        assert "Errno" not in err, told
        assert "Error:" not in err, told


@pytest.mark.parametrize(
    "args",
    [
        (*AUDIT, "--format", "json:@"),
        (*AUDIT, "--quarantine", "@"),
        ("flows", "flows.csv", "-o", "@", "--format", "csv", "--quiet"),
        ("claims", "new", "@", "--force"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("target", ["missing/x/y", "claims.toml/x", "x" * 300])
def test_a_place_that_cannot_be_written_is_one_line(
    violated: Path, run: Run, args: tuple[str, ...], target: str
) -> None:
    code, _, err = run(*(arg.replace("@", target) for arg in args))
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith(f"residency: error: {target[:80]}")


# Surroundings


@pytest.mark.parametrize(
    "env",
    [
        {
            "HOME": "/nonexistent",
            "XDG_CACHE_HOME": "/nonexistent",
            "COLUMNS": "20",
            "https_proxy": "http://192.0.2.1:1",
        },
        {"HOME": "", "COLUMNS": "-5", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TERM": ""},
    ],
    ids=str,
)
def test_surroundings_change_no_verdict(shell: Shell, violated: Path, env: dict[str, str]) -> None:
    done = shell(f"residency {shlex.join(AUDIT)} --format text --format json:report.json", **env)
    assert (done.returncode, done.stderr) == (1, "")
    assert "violated" in done.stdout
    (claim,) = json.loads((violated / "report.json").read_text(encoding="utf-8"))["claims"]
    assert (claim["verdict"], claim["assurance"]) == ("violated", "declared")


def test_a_folder_that_is_gone_is_no_failure(shell: Shell, violated: Path) -> None:
    done = shell("mkdir gone && cd gone && rmdir ../gone && residency audit x.csv --claims y.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "residency: error: y.toml: no such file" in done.stderr
