"""Finds the inputs: files, the files of folders and patterns in order, standard input, and tables in memory."""

from __future__ import annotations

import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from residency.errors import InputError
from residency.traffic.tables import is_stream, spool

STDIN = "<stdin>"
_PATTERN_SIGNS = "*?["
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class Item:
    """One input as given: how it is called, and the file or the table.

    `is_found` says that nobody named it: a folder or a pattern holds it, and it may be no traffic at all.
    """

    name: str
    file: Path | None
    table: Any = None
    is_found: bool = False


def expand(inputs: Sequence[object]) -> list[Item]:
    """Return every input in the order given.

    A folder stands for its files, a pattern (`logs/**/*.parquet`) for what it matches, both sorted by name with hidden
    files left out. A file that has the name of a pattern is that file. Raises InputError for what is not there.
    """
    items: list[Item] = []
    tables = 0
    for one in inputs:
        if isinstance(one, Item):
            items.append(one)
            continue
        if not isinstance(one, (str, os.PathLike)):
            tables += 1
            items.append(Item(f"<table {tables}>", None, one))
            continue
        path = Path(os.fsdecode(one))
        if path.is_dir():
            items.extend(_files_under(path))
        elif path.exists():
            items.append(Item(str(path), path))
        elif any(sign in str(path) for sign in _PATTERN_SIGNS):
            items.extend(_matching(path))
        else:
            raise InputError("no such file or folder", path=path)
    if not items:
        raise InputError("nothing to read: no input was given")
    return items


@contextmanager
def spooled(inputs: Sequence[object], temp_dir: str | None = None) -> Iterator[list[object]]:
    """Yield the inputs with standard input (`-`) as a file and streams of rows as tables: all may be read twice.

    A file that is called `-` is given as `./-`. Raises InputError where standard input is named more than once.
    """
    if sum(_is_stdin(one) for one in inputs) > 1:
        raise InputError("standard input (-) can be read only once")
    with ExitStack() as stack:
        folder = partial(_folder, stack, temp_dir)
        tables = count(1)
        ready: list[object] = []
        for one in inputs:
            if _is_stdin(one):
                ready.append(_stdin(folder()))
            elif isinstance(one, (str, os.PathLike, Item)):
                ready.append(one)
            else:
                name = f"<table {next(tables)}>"
                ready.append(spool(one, name, folder()) if is_stream(one) else one)
        yield ready


def _is_stdin(one: object) -> bool:
    return isinstance(one, str) and one == "-"


def _folder(stack: ExitStack, temp_dir: str | None) -> str:
    made = tempfile.TemporaryDirectory(prefix="residency-", dir=temp_dir, ignore_cleanup_errors=True)
    return stack.enter_context(made)


def _stdin(folder: str) -> Item:
    path = Path(folder, "stdin")
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=STDIN) from error
    return Item(STDIN, path)


def partition_columns(path: str) -> dict[str, str | None]:
    """Return the columns that the folders of a path stand for, as Hive writes them: `dt=2026-06-01/vantage=here`."""
    found: dict[str, str | None] = {}
    for folder in Path(path).parts[:-1]:
        name, sign, value = folder.partition("=")
        if sign and name.isidentifier():
            found[name.lower()] = None if value == _HIVE_NULL else unquote(value)
    return found


def _matching(pattern: Path) -> list[Item]:
    found: list[Item] = []
    for name in sorted(glob.glob(str(pattern), recursive=True), key=lambda one: Path(one).parts):
        path = Path(name)
        if path.is_file():
            found.append(Item(name, path, is_found=True))
        elif not str(pattern).endswith("**") and path.is_dir():
            found.extend(_files_under(path))
    if not found:
        raise InputError("no file matches", path=pattern)
    return list({item.name: item for item in found}.values())


def _files_under(folder: Path) -> list[Item]:
    found: list[Item] = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found.extend(
            Item(str(Path(root, name)), Path(root, name), is_found=True)
            for name in files
            if not name.startswith(".") and Path(root, name).is_file()
        )
    if not found:
        raise InputError("a folder without files", path=folder)
    return sorted(found, key=lambda item: Path(item.name).relative_to(folder).parts)
