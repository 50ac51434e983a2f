"""Kills a kept job at random moments and lets it go on: no flow may be lost or doubled, every report must be the same.

`python tests/jobs/crash.py --kills 200 --full 20 --interrupts 20` (also `make crash`). Each run is a fork of this
process, so that a kill does not wait for imports. A full disk is a small tmpfs (root), else a largest
size of files.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.jobs.job import write_job

from residency import limits
from residency.traffic import streams


@dataclass(slots=True)
class Outcome:
    """What came of one series of crashes."""

    crashes: int = 0
    resumes: int = 0
    faults: list[str] = field(default_factory=list)
    said: set[str] = field(default_factory=set)


class Crashes:
    """One job, its report as it should be, and ways to stop it."""

    def __init__(self, folder: Path, rows: int, seed: int = 1) -> None:
        self._folder, self._draw = folder, random.Random(seed)
        self._args = ["audit", *write_job(folder, rows), "--no-embedded", "--threads", "2", "--fail-on", "never"]
        started = time.perf_counter()
        self.expected = self._report(self._run(None, resume=False))
        self.seconds = time.perf_counter() - started
        plain = folder / "plain.json"
        code, said = _forked([*self._args, "--format", f"json:{plain}"])
        assert code == 0, said
        assert plain.read_bytes() == self.expected, "a kept job and one that is not kept differ"

    @property
    def records(self) -> dict[str, int]:
        """How many records each input has in the report."""
        return {one["path"]: one["records"] for one in json.loads(self.expected)["inputs"]}

    def kill(self, times: int) -> Outcome:
        """Kill -9 at random moments."""
        return self._crash(times, self._stop(signal.SIGKILL), {-signal.SIGKILL})

    def interrupt(self, times: int) -> Outcome:
        """Press Ctrl-C at random moments; it must end with 130 and say how to go on."""
        found = self._crash(times, self._stop(signal.SIGINT), {130, -signal.SIGINT})
        wrong = [text for text in found.said if text and "interrupted" not in text]
        return Outcome(found.crashes, found.resumes, found.faults + wrong, found.said)

    def fill(self, times: int) -> Outcome:
        """Run on a disk that is too small, then on a larger one."""
        total = Outcome()
        for turn in range(times):
            with _small_disk(self._folder / "disk", 1 + self._draw.randrange(4), turn) as (place, enlarge, limit):
                code, said = _forked(self._command(place, resume=False), file_bytes=limit)
                total.crashes += code != 0
                if code not in (0, 2) or (code == 2 and "no space left" not in said.lower()) or said.count("\n") > 1:
                    total.faults.append(f"exit {code}: {said}")
                total.said.add(said.strip())
                enlarge()
                self._finish(place, total)
        return total

    def _stop(self, number: int) -> Callable[[int], None]:
        def stop(child: int) -> None:
            time.sleep(self._draw.uniform(0, self.seconds * 1.05))
            os.kill(child, number)

        return stop

    def _crash(self, times: int, stop: Callable[[int], None], codes: set[int]) -> Outcome:
        """Stop jobs until `times` of them were; a job is stopped again while it goes on, until it ends by itself."""
        total = Outcome()
        for _ in range(10 * times):
            if total.crashes >= times:
                break
            place = Path(tempfile.mkdtemp(prefix="job-", dir=self._folder))
            for turn in range(1, 4):
                code, said = _forked(self._command(place, resume=turn > 1), beside=stop)
                if code == 0:
                    break
                total.crashes += 1
                total.said.add(said.strip())
                if code not in codes:
                    total.faults.append(f"exit {code}: {said}")
                if total.crashes >= times:
                    break
            self._finish(place, total)
            shutil.rmtree(place)
        return total

    def _finish(self, place: Path, total: Outcome) -> None:
        total.resumes += 1
        code, said = _forked(self._command(place, resume=True))
        if code != 0:
            total.faults.append(f"resume: exit {code}: {said}")
        elif self._report(place) != self.expected:
            total.faults.append(f"another report in {place}")

    def _run(self, place: Path | None, *, resume: bool) -> Path:
        place = place or Path(tempfile.mkdtemp(prefix="job-", dir=self._folder))
        code, said = _forked(self._command(place, resume=resume))
        assert code == 0, said
        return place

    def _command(self, place: Path, *, resume: bool) -> list[str]:
        kept = ["--workspace", str(place / "work"), *(["--resume"] if resume else [])]
        return [*self._args, *kept, "--format", f"json:{self._folder / place.name}.json"]

    def _report(self, place: Path) -> bytes:
        return (self._folder / f"{place.name}.json").read_bytes()


def _forked(
    args: Sequence[str], beside: Callable[[int], None] | None = None, file_bytes: int | None = None
) -> tuple[int, str]:
    """Run a command in a fork; return its exit code (negative for a signal) and what it said on stderr."""
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            _be_the_command(args, said.fileno(), file_bytes)
        if beside is not None:
            beside(child)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return os.waitstatus_to_exitcode(status), said.read().decode()


def _be_the_command(args: Sequence[str], stderr: int, file_bytes: int | None) -> None:
    code = 4
    try:
        os.dup2(stderr, 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
        if file_bytes is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, resource.RLIM_INFINITY))
        from residency.cli import main

        code = main(args)
    except KeyboardInterrupt:
        code = 130  # before the command began
    finally:
        sys.stderr.flush()
        os._exit(code)


@contextmanager
def _small_disk(place: Path, size_mb: int, turn: int) -> Iterator[tuple[Path, Callable[[], None], int | None]]:
    """Yield a folder with little room, what gives it more, and the largest size of a file where it is no tmpfs."""
    place.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "none", place], capture_output=True)
    folder = place / f"job-{turn}"
    try:
        folder.mkdir()
        if mounted.returncode:
            yield folder, lambda: None, size_mb << 18
            return

        def enlarge() -> None:
            subprocess.run(["mount", "-o", "remount,size=1g", place], check=True)

        yield folder, enlarge, None
    finally:
        if mounted.returncode:
            shutil.rmtree(folder)
        else:
            subprocess.run(["umount", place], check=True)


def quick_folder() -> str | None:
    """Return a folder in memory where there is one: a kill is no power cut, so no disk needs to be waited for."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def import_all() -> None:
    """Import what a fork need not import again; nothing of it starts a thread or opens the engine."""
    for name in ("auditing", "claims.loading", "cli.app", "report.formats", "sources.gazetteer", "traffic"):
        importlib.import_module(f"residency.{name}")
    for name in ("duckdb", "pyarrow.csv", "publicsuffixlist"):
        importlib.import_module(name)


def small_spans() -> None:
    """Cut inputs of this size into many spans: what is rare at 256 MB happens in every run."""
    object.__setattr__(limits.LIMITS, "span_bytes", 1 << 13)
    object.__setattr__(limits.LIMITS, "small_span_bytes", 1 << 12)
    streams._CHUNK = 1 << 10


def main() -> int:
    """Run the long test and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("kills", "full", "interrupts"):
        parser.add_argument(f"--{name}", type=int, default=0)
    parser.add_argument("--rows", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    small_spans()
    import_all()
    with tempfile.TemporaryDirectory(prefix="residency-crash-", dir=quick_folder()) as folder:
        crashes = Crashes(Path(folder), given.rows, given.seed)
        inputs = crashes.records
        print(f"{len(inputs)} files, {sum(inputs.values()):,} records, {crashes.seconds:.1f} s when nothing stops it")
        is_good = True
        for what, times, run in (
            ("kill -9", given.kills, crashes.kill),
            ("disk full", given.full, crashes.fill),
            ("Ctrl-C", given.interrupts, crashes.interrupt),
        ):
            found = run(times)
            is_good = is_good and not found.faults
            print(f"{what}: {found.crashes} stops, {found.resumes} resumes, {len(found.faults)} faults")
            for fault in found.faults[:10]:
                print(f"  {fault.strip()}")
        return 0 if is_good else 1


if __name__ == "__main__":
    raise SystemExit(main())
