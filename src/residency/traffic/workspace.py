"""The folder of a long job: a lock, a manifest of what the job is bound to, and room for what it keeps.

What of the reading is done stands in the engine's database (`residency.traffic.steps`), not here.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from residency.errors import LimitError, UsageError, shorten
from residency.traffic.inputs import Item
from residency.traffic.records import ReadOptions

_SCHEMA = "residency-workspace/1"
_MANIFEST, _NEW_MANIFEST, _LOCK = "manifest.json", "manifest.json.new", "lock"
_REMEDY = "name another folder, or remove this one to start anew"


class Workspace:
    """A locked folder for one job; a context manager.

    Raises UsageError where the folder is in use, holds something else, or holds a job and `resume` is not said.
    With `resume`, a folder that holds nothing yet begins a job: the same command can be run until it succeeds.
    """

    def __init__(self, folder: str | os.PathLike[str], *, resume: bool = False) -> None:
        self.folder = Path(folder)
        self._lock: int | None = None
        self._bound: dict[str, Any] = {}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            self._read_manifest(resume)
        except OSError as error:
            self.close()
            raise UsageError(f"cannot be used as a workspace: {error.strerror or error}", path=folder) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the folder go; what is in it stays."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def bind(self, what: Mapping[str, Any]) -> None:
        """Bind the job to values by name (what JSON can hold); raises UsageError for one that was another before."""
        for name, value in what.items():
            if name in self._bound and self._bound[name] != value:
                raise UsageError(
                    f"was begun with {_difference(name, self._bound[name], value)}; {_REMEDY}", path=self.folder
                )
        if what.keys() - self._bound.keys():
            self._bound |= what
            self._write_manifest()

    def room(self, name: str) -> str:
        """Return the folder of one reading, made where it is not there."""
        made = self.folder / name
        made.mkdir(exist_ok=True)
        return str(made)

    def spill(self, name: str, temp_dir: str | None) -> str:
        """Return a new folder for what the engine spills: in the room of a reading, unless another is named."""
        if temp_dir is not None:
            return tempfile.mkdtemp(prefix="residency-", dir=temp_dir)
        made = self.folder / name / "spill"
        shutil.rmtree(made, ignore_errors=True)  # of a run that was killed
        made.mkdir(parents=True)
        return str(made)

    def _take_lock(self) -> None:
        self._lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            import fcntl
        except ImportError:  # not there on Windows, where the engine's own lock on its database must do
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel lets go of it however we end
        except BlockingIOError:
            who = os.read(self._lock, 20).decode("ascii", "replace").strip()
            at_work = f"process {who}" if who.isdigit() else "another process"
            raise UsageError(
                f"{at_work} works in it; wait for that, or name another folder", path=self.folder
            ) from None
        os.truncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def _read_manifest(self, resume: bool) -> None:
        path = self.folder / _MANIFEST
        if not path.exists():
            if {one.name for one in self.folder.iterdir()} - {_LOCK, _NEW_MANIFEST}:
                raise UsageError("holds other files and no job; name an empty or a new folder", path=self.folder)
            return
        if not resume:
            raise UsageError(f"holds a job already: add --resume to go on with it; else {_REMEDY}", path=self.folder)
        try:
            found = json.loads(path.read_bytes())
            is_ours = found["schema"] == _SCHEMA and isinstance(found["bound"], dict)
        except (ValueError, TypeError, KeyError):
            is_ours = False
        if not is_ours:
            raise UsageError(f"its {_MANIFEST} is damaged or of another version; {_REMEDY}", path=self.folder)
        self._bound = found["bound"]

    def _write_manifest(self) -> None:
        made = self.folder / _NEW_MANIFEST
        try:
            with made.open("w", encoding="utf-8") as file:
                json.dump({"schema": _SCHEMA, "bound": self._bound}, file, indent=1, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            made.replace(self.folder / _MANIFEST)
        except OSError as error:
            raise UsageError(
                f"its {_MANIFEST} cannot be written: {error.strerror or error}", path=self.folder
            ) from error


@contextmanager
def resumable(folder: str | os.PathLike[str] | None, *, resume: bool) -> Iterator[Workspace | None]:
    """Yield the workspace of a job, or None where no folder is named; an interrupt says how to go on."""
    if folder is None:
        if resume:
            raise UsageError("--resume needs the --workspace that the job was begun in")
        yield None
        return
    with Workspace(folder, resume=resume) as workspace:
        try:
            yield workspace
        except (KeyboardInterrupt, RuntimeError) as error:
            if isinstance(error, RuntimeError) and str(error) != "Query interrupted":  # the engine's word for it
                raise
            kept = f"interrupted; what was read is kept in {shorten(os.fspath(folder), 200)}: go on with --resume"
            raise KeyboardInterrupt(kept) from error


def binding(items: Sequence[Item], options: ReadOptions, cuts: Sequence[int], name: str) -> dict[str, object]:
    """Return what a kept reading depends on, by the names that a refused resume shows."""
    import duckdb

    inputs: dict[str, object] = {}
    for item in items:
        if item.file is not None:
            found = item.file.stat()
            inputs[item.name] = [found.st_size, found.st_mtime_ns]
        else:
            inputs[item.name] = "a table"  # its rows are hashed when it is opened
    return {
        "inputs": inputs,
        "order of inputs": [item.name for item in items],
        "--input-format": options.input_format,
        "--time-unit": options.time_unit,
        f"dates at which answers change ({name})": list(cuts),
        "version of DuckDB": duckdb.__version__,
    }


def no_room(folders: Sequence[str], need: int, *, is_kept: bool) -> LimitError:
    """Return the error of a full disk: which of the folders, what is left, what may be needed, and what to do."""
    folder = min((one for one in folders if os.path.exists(one)), key=_free_bytes, default=folders[0])
    then = "then run the same command again with --resume" if is_kept else "or name a larger disk with --temp-dir"
    return LimitError(
        f"no space left in it ({_free_bytes(folder):,} bytes free; this job may need as much as its inputs have, "
        f"{need:,} bytes, and more where they are compressed): free some, {then}",
        path=folder,
    )


def _free_bytes(folder: str) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def _difference(name: str, before: Any, now: Any) -> str:
    """Say in a few words how two bound values differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys() | now.keys()):
            if key not in now:
                return f"{name} {shorten(key, 100)}, which is not given now"
            if key not in before:
                return f"other {name}: {shorten(key, 100)} is new"
            if before[key] != now[key]:
                return f"another content of {shorten(key, 100)} ({name})"
    if isinstance(before, str | int | None) and isinstance(now, str | int | None):
        return f"{name} {shorten(before, 60)}, now it is {shorten(now, 60)}"
    return f"other {name}"
