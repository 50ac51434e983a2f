"""Run an import in a child process: damage that kills the child is an error here, never a crash.

The child is a fresh interpreter in isolated mode with this process's module path, so a notebook or a script without
`if __name__ == "__main__"` is not run again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

from residency.errors import SourceError
from residency.limits import LIMITS
from residency.sources.mmdb_import import Progress

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); import runpy;"
    "runpy.run_module('residency.sources.mmdb_import', run_name='__main__')"
)
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def import_in_child(path: Path, sha256: str, folder: Path, *, now: datetime, progress: Progress | None = None) -> None:
    """Let a child write the columns of the database at `path` into `folder`.

    Raises SourceError with what the child found wrong, the signal that it died by, or the limit that it ran into.
    """
    if not sys.executable:
        raise SourceError("no Python interpreter is known to import it with; set sys.executable", path=path)
    search = json.dumps([entry or os.getcwd() for entry in sys.path])
    request = {"path": os.path.abspath(path), "sha256": sha256, "now": now.isoformat(), "folder": str(folder)}
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
        [sys.executable, "-I", "-c", _BOOT, search],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **_ONE_THREAD},
        text=True,
        encoding="utf-8",
    )
    clock = threading.Timer(LIMITS.mmdb_import_wall_s, child.kill)
    clock.daemon = True
    clock.start()
    try:
        answer = _listen(child, json.dumps(request), progress)
        code = child.wait()
    finally:
        was_in_time = clock.is_alive()
        clock.cancel()
        child.kill()
        child.wait()
    if answer.get("imported") is True and code == 0:
        return
    offset = answer.get("offset")
    what = str(answer["error"]) if "error" in answer else _how_it_ended(code, was_in_time=was_in_time)
    raise SourceError(what, path=path, offset=offset if isinstance(offset, int) else None)


def _listen(child: subprocess.Popen[str], request: str, progress: Progress | None) -> dict[str, object]:
    """Send the request, pass progress on, and return the last word; {} where there was none."""
    source, sink = child.stdout, child.stdin
    if source is None or sink is None:
        return {}
    try:
        with sink:
            sink.write(request + "\n")
    except BrokenPipeError:  # it died before it read: its exit code says how
        pass
    last: dict[str, object] = {}
    with source:
        while line := source.readline(LIMITS.mmdb_import_answer_characters):
            try:
                last = dict(json.loads(line))
            except (ValueError, TypeError, RecursionError):
                return {}
            if progress is not None and "done" in last:
                progress(str(last.get("what")), float(str(last["done"])))
    return last


def _how_it_ended(code: int, *, was_in_time: bool) -> str:
    if not was_in_time:
        return f"corrupt or far too large: its import took over {LIMITS.mmdb_import_wall_s} s; get the file anew"
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return f"corrupt: its import died by {name}; get the file anew"
    return f"corrupt: its import failed without a word (exit {code}); get the file anew"
