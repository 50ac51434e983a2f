"""Finds the inputs: files, the files of folders in order, and tables in memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from residency.errors import InputError


@dataclass(frozen=True, slots=True)
class Item:
    """One input as given: how it is called, and the file or the table."""

    name: str
    file: Path | None
    table: Any = None


def expand(inputs: Sequence[object]) -> list[Item]:
    """Return every input in the order given; a folder stands for its files, sorted by name, hidden ones left out."""
    items: list[Item] = []
    tables = 0
    for one in inputs:
        if not isinstance(one, (str, os.PathLike)):
            tables += 1
            items.append(Item(f"<table {tables}>", None, one))
            continue
        path = Path(os.fsdecode(one))
        if path.is_dir():
            items.extend(_files_under(path))
        elif path.exists():
            items.append(Item(str(path), path))
        else:
            raise InputError("no such file or folder", path=path)
    if not items:
        raise InputError("nothing to read: no input was given")
    return items


def _files_under(folder: Path) -> list[Item]:
    found: list[Item] = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found.extend(
            Item(str(Path(root, name)), Path(root, name))
            for name in files
            if not name.startswith(".") and Path(root, name).is_file()
        )
    if not found:
        raise InputError("a folder without files", path=folder)
    return sorted(found, key=lambda item: Path(item.name).relative_to(folder).parts)
