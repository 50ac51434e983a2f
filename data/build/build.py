"""Rebuild all tables: run each script in order, with one folder for the fetched packages."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

STEPS = ("countries", "borders", "land_cells", "country", "ranges", "origin", "check_regions", "manifest")
FOLDERLESS = frozenset({"manifest"})


def main() -> int:
    """Run the steps; stop at the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, help="folder for fetched packages (default: a new temporary one)")
    parser.add_argument("--only", choices=STEPS, action="append", help="run only this step (repeatable)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        for step in options.only or STEPS:
            arguments = [] if step in FOLDERLESS else ["--work", str(work)]
            script = Path(__file__).resolve().with_name(step + ".py")
            if code := subprocess.run([sys.executable, str(script), *arguments], check=False).returncode:
                print(f"{step} failed", file=sys.stderr)
                return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
