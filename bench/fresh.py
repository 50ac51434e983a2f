"""Runs code in a fresh interpreter, as a user would start it, and returns what it tells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any


def run(code: str, *args: object) -> dict[str, Any]:
    """Run code with arguments and return the JSON of the last line that it prints; leave with its error if it fails."""
    # An installation has compiled modules: let the first run write those of a checkout.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
