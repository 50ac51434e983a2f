"""A claim that one flow contradicts, and the command: in this process, or in a shell of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from residency.cli import main

CLAIM = """schema = "residency/1"
vendor = "Acme"
[[claim]]
id = "acme.eu"
statement = "Customer data is processed in the EEA."
activity = "processing"
allow = ["EEA"]
hosts = ["*.acme.example"]
"""
FLOWS = """ts,client_ip,server_ip,server_port,proto,bytes_sent,bytes_received,host
2026-10-20T12:00:00Z,192.0.2.7,3.3.2.10,443,tcp,100,200,api.acme.example
"""


class Done(NamedTuple):
    """What a run of the command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process."""

    def command(*args: object) -> Done:
        code = main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return command


@pytest.fixture
def violated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with `claims.toml` and `flows.csv`, whose one flow contradicts it."""
    (tmp_path / "claims.toml").write_text(CLAIM, encoding="utf-8")
    (tmp_path / "flows.csv").write_text(FLOWS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def shell(violated: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a line of bash in that folder, in which `residency` is this checkout's command."""
    script = violated / "bin" / "residency"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m residency "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    path = f"{script.parent}{os.pathsep}{os.environ['PATH']}"

    def bash(line: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line],
            cwd=violated,
            env={**os.environ, "PATH": path, **env},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=60,
            check=False,
        )

    return bash
