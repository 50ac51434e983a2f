"""`--format NAME[:PATH]` of a report: which forms, where each goes, and what must not be written over.

Reads the environment of GitHub Actions, so that `report` need not.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from residency.cli import completing, terminal
from residency.errors import UsageError
from residency.report.formats import FORMATS, Page

Forms = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        "-f",
        metavar="NAME[:PATH]",
        help=f"{', '.join(FORMATS)}; to a file with :PATH (repeatable).",
        autocompletion=completing.report_forms,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One form that was asked for; `path` is None for standard output."""

    name: str
    path: Path | None
    appends: bool = False


def choose(given: Iterable[str], *, inputs: Iterable[object] = (), outputs: Iterable[Path | None] = ()) -> list[Chosen]:
    """Read `--format` options. Raises UsageError where a file would be lost or a terminal be sent bytes.

    `inputs` are the files and folders that the command reads, `outputs` what it writes besides.
    """
    found = [_chosen(text) for text in given] or [Chosen(name="text", path=None)]
    if sum(one.path is None for one in found) > 1:
        raise UsageError("two forms for stdout; give all but one a file, as in --format json:report.json")
    read = [_whole(path) for path in inputs if isinstance(path, str | os.PathLike) and path != "-"]
    taken = {_whole(path) for path in outputs if path is not None}
    for one in found:
        if one.path is None:
            _check_terminal(one.name)
            continue
        target = _whole(one.path)
        if any(target == path or (path in target.parents and target.exists()) for path in read):
            raise UsageError("is read by this command; write the report to another file", path=one.path)
        if target in taken:
            raise UsageError("is written twice; give each form a file of its own", path=one.path)
        if not _may_be_written(target):  # said now, not after hours of reading
            raise UsageError("cannot be written: the folder of a report must exist, and it be a file", path=one.path)
        taken.add(target)
    return found


def _whole(path: str | os.PathLike[str]) -> Path:
    """Return the place a path leads to; as it stands where nobody can tell (the current folder is gone)."""
    try:
        return Path(path).resolve()
    except OSError:
        return Path(path)


def _may_be_written(target: Path) -> bool:
    try:
        return not target.is_dir() and target.parent.is_dir()
    except OSError:  # such a name cannot be
        return False


def _chosen(text: str) -> Chosen:
    name, path = terminal.parse_format(text, FORMATS)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if name == "github" and path is None and summary:
        return Chosen(name=name, path=Path(summary), appends=True)
    return Chosen(name=name, path=path)


def _check_terminal(name: str) -> None:
    if FORMATS[name].is_binary and sys.stdout.isatty():
        raise UsageError(f"{name} is not for a terminal; give it a file, as in --format {name}:findings.{name}")


def write(
    document: Mapping[str, Any], chosen: Iterable[Chosen], told: AbstractContextManager[None] | None = None
) -> None:
    """Write every form that was chosen; `told` surrounds the making of each (a saved report may be damaged)."""
    with told or nullcontext():
        made = [(one, FORMATS[one.name](document, _page(one))) for one in chosen]
    for one, result in made:
        terminal.write(result, one.path, appends=one.appends)


def _page(one: Chosen) -> Page:
    page = terminal.page() if one.path is None else Page()
    if FORMATS[one.name].draws_maps:
        from residency.sources.atlas import shipped_atlas

        return replace(page, atlas=shipped_atlas())
    if one.path is not None and one.appends and one.path.exists():
        return replace(page, max_bytes=max(0, page.max_bytes - one.path.stat().st_size))
    return page
