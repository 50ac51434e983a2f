"""Runs code in a fresh interpreter, as a user would start it, and returns what it tells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

_IMPORT = "import residency, residency.traffic\n"
_NO_SHA256 = """
from residency.traffic.hashing import Hasher
Hasher._hash = lambda self, path, size: "0" * 64
"""


def without_sha256(audit: str) -> str:
    """Return the code of an audit that leaves out the sha256 of large inputs: no engine beside it makes one."""
    return audit.replace(_IMPORT, _IMPORT + _NO_SHA256)


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
