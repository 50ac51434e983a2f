"""A job that is killed, interrupted or out of disk goes on, and its report has the bytes of one that was not.

In a process of its own: it forks, and what forks should have no threads. `make crash` does the same for longer.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CRASH = Path(__file__).with_name("crash.py")


def test_a_job_survives_kills_interrupts_and_a_full_disk() -> None:
    counts = ["--kills", "8", "--full", "2", "--interrupts", "2"]
    done = subprocess.run([sys.executable, str(CRASH), *counts], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kill -9: 8 stops" in done.stdout
    assert "Ctrl-C: 2 stops" in done.stdout
