"""The folder of a long job: a lock, a manifest of what the job is bound to, and room for what it keeps.

What of the reading is done stands in the engine's database (`residency.traffic.steps`), not here.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from residency.errors import UsageError, shorten

_SCHEMA = "residency-workspace/1"
_MANIFEST, _LOCK = "manifest.json", "lock"
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

    def room(self, name: str) -> Path:
        """Return the folder of one reading, made where it is not there."""
        made = self.folder / name
        made.mkdir(exist_ok=True)
        return made

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
            if any(one.name != _LOCK for one in self.folder.iterdir()):
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
        made = self.folder / f"{_MANIFEST}.new"
        with made.open("w", encoding="utf-8") as file:
            json.dump({"schema": _SCHEMA, "bound": self._bound}, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        made.replace(self.folder / _MANIFEST)


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


def free_bytes(folder: str | os.PathLike[str]) -> int:
    """Return how much room is left where a folder is; 0 where nobody can tell."""
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
