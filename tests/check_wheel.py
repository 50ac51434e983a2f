"""Build the wheel, install it in an empty environment, and run the demo from another folder, data included."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command and return what it printed; stop with its error where it fails."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    """Check the wheel from end to end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT, cwd=folder)
        wheel = next(folder.glob("residency-*.whl"))
        venv.create(folder / "empty", with_pip=True)
        binaries = folder / "empty" / "bin"
        run(binaries / "python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
        demo = run(binaries / "residency", "demo", cwd=folder)
        for word in ("violated", "consistent", "inconclusive"):
            if word not in demo:
                sys.exit(f"the demo of the installed wheel does not show `{word}`:\n{demo}")
        run(binaries / "residency", "data", "status", cwd=folder)
        run(binaries / "residency", "claims", "lint", "tiktok-clover", cwd=folder)
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB; installs, and its demo shows all three verdicts")


if __name__ == "__main__":
    main()
