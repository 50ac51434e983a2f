"""How commands speak: results on stdout, progress and remarks on stderr, colour only on terminals."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import typer

from residency.errors import UsageError, did_you_mean, shorten
from residency.model.verdict import QuarantinedRecord
from residency.report import as_json
from residency.report.formats import Page
from residency.report.medium import printable
from residency.report.redact import Redactor


def page() -> Page:
    """Return the width and colour of stdout; NO_COLOR and pipes turn colour off, FORCE_COLOR turns it on in a pipe."""
    wanted = sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))
    colour = wanted and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Page(width=min(shutil.get_terminal_size((80, 24)).columns, 120), colour=colour)


def parse_format(text: str, known: Collection[str] = ("text", "json")) -> tuple[str, Path | None]:
    """Read one `NAME[:PATH]` option; the path is None for stdout."""
    name, _, path = text.partition(":")
    if name not in known:
        raise UsageError(f"--format `{shorten(name)}`: one of {', '.join(sorted(known))}{did_you_mean(name, known)}")
    return name, Path(path) if path else None


def write(result: str | bytes, path: Path | None, *, appends: bool = False) -> None:
    """Write a result to stdout, or to a file: whole or not at all, unless it is added to one.

    Where the reader of stdout has gone (`| head`), the rest is dropped and the command goes on: its exit code is the
    verdict, and a verdict does not depend on who reads it.
    """
    if path is None:
        try:
            _write_out(result)
        except BrokenPipeError:
            drop_stdout()
        return
    content = result if isinstance(result, bytes) else result.encode("utf-8", "backslashreplace")
    try:
        if appends or (path.exists() and not path.is_file()):  # a pipe or a device cannot be replaced
            with path.open("ab") as file:
                file.write(content)
        else:
            _replace(Path(os.path.realpath(path)), content)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", path=path) from error


def _write_out(result: str | bytes) -> None:
    if isinstance(result, bytes):
        sys.stdout.flush()
        sys.stdout.buffer.write(result)
    else:
        sys.stdout.write(result)
    sys.stdout.flush()


def _replace(path: Path, content: bytes) -> None:
    """Put a file in place whole; half a report must never lie there."""
    part = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
        if path.exists():
            shutil.copymode(path, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def drop_stdout() -> None:
    """Let what is still to be written to stdout vanish, also what the interpreter flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(text: str) -> None:
    """Say in one line on stderr what was wrong."""
    print(f"residency: error: {printable(text, 500)}", file=sys.stderr)


@contextlib.contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[str, float], None] | None]:
    """Show a bar on stderr while work goes on; None where stderr is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=1.0)

        def show(what: str, done: float) -> None:
            bar.update(task, description=what[:60], completed=min(max(done, 0.0), 1.0))

        yield show


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let an interrupt say what it has to say: how a kept job goes on."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise typer.Abort(*error.args) from error


@contextlib.contextmanager
def quarantine_file(
    path: Path | None, redactor: Redactor | None = None
) -> Iterator[Callable[[QuarantinedRecord], None] | None]:
    """Open the file that takes quarantined records, one JSON object a line; None where there is none."""
    if path is None:
        yield None
        return
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", path=path) from error
    with file:

        def put(record: QuarantinedRecord) -> None:
            row = as_json.quarantined(record)
            if redactor is None:
                row["value"] = record.value
            else:
                row |= {"path": redactor.text(record.path), "reason": redactor.text(record.reason)}
            file.write(json.dumps(row, sort_keys=True) + "\n")

        yield put
