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

from residency.errors import UsageError
from residency.model.verdict import QuarantinedRecord
from residency.report import as_json
from residency.report.formats import FORMATS, Page
from residency.report.medium import printable


def page() -> Page:
    """Return the width and colour of stdout; NO_COLOR and pipes turn colour off."""
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Page(width=min(shutil.get_terminal_size((80, 24)).columns, 120), colour=colour)


def parse_format(text: str, known: Collection[str] = ("text", "json")) -> tuple[str, Path | None]:
    """Read one `NAME[:PATH]` option; the path is None for stdout."""
    name, _, path = text.partition(":")
    if name not in known:
        raise UsageError(f"--format `{name}`: one of {', '.join(sorted(known))}")
    return name, Path(path) if path else None


def parse_formats(given: list[str]) -> list[tuple[str, Path | None]]:
    """Read the forms of a report; at most one goes to stdout."""
    found = [parse_format(text, FORMATS) for text in given or ["text"]]
    if sum(path is None for _, path in found) > 1:
        raise UsageError("two forms for stdout; give all but one a file, as in --format json:report.json")
    return found


def write(text: str, path: Path | None) -> None:
    """Write a result to a file, or to stdout."""
    if path is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", path=path) from error


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
def quarantine_file(path: Path | None, *, redact: bool) -> Iterator[Callable[[QuarantinedRecord], None] | None]:
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
            row = as_json.quarantined(record) | ({} if redact else {"value": record.value})
            file.write(json.dumps(row, sort_keys=True) + "\n")

        yield put
