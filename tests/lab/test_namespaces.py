"""Namespaces are taken away again, also when their maker was killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.lab.lab import needs
from tests.lab.namespaces import PREFIX, ip, namespaces, sweep, within

HOLD = """
import sys
from tests.lab.namespaces import namespaces, use_resolver
with namespaces("client") as (client,):
    use_resolver(client, "10.0.0.1")
    print(client, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _able() -> None:
    if missing := needs():
        pytest.skip(missing)


def ours() -> set[str]:
    return {line.split()[0] for line in ip("netns", "list").splitlines() if line.startswith(PREFIX)}


def test_nothing_is_left_afterwards() -> None:
    with namespaces("client") as (client,):
        assert client in ours()
        sleeper = subprocess.Popen(within(client, "sleep", "60"))
        assert sleeper.poll() is None
    assert client not in ours()
    assert sleeper.wait(timeout=5) != 0


def test_what_a_killed_run_left_is_swept(project: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as maker:
        assert maker.stdout is not None
        left = maker.stdout.readline().strip()
        sweep()
        assert left in ours(), "a run that still goes on keeps its namespaces"
        maker.kill()
    assert Path("/etc/netns", left).exists()
    sweep()
    assert left not in ours()
    assert not Path("/etc/netns", left).exists()
