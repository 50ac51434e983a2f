"""Columns on disk: one file each, checksummed, written whole or not at all, mapped into memory when first used.

A folder of the cache holds `header.json` (what the columns are, with its own sha256) and the columns as plain bytes.
A flipped bit anywhere is seen when the column is first asked for; whoever opened it builds the folder anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from residency.errors import SourceError

HEADER = "header.json"
_MAX_HEADER_BYTES = 1 << 20
_DTYPES = frozenset({"|u1", "|S2", "|S6", "|S16", "<i4", "<u4", "<f4", "<f8"})


class DamagedCacheError(SourceError):
    """Columns that are not what was written; building them again mends it."""


def write_columns(folder: Path, columns: Mapping[str, NDArray[Any]], about: Mapping[str, object]) -> None:
    """Write columns and a header into an empty folder; the header last, so that a cut is seen."""
    listed = {}
    for name, column in columns.items():
        kind = column.dtype.newbyteorder("<").str
        if kind not in _DTYPES:
            raise ValueError(f"column {name} has the type {kind}")
        content = np.ascontiguousarray(column).astype(kind, copy=False).tobytes()
        (folder / f"{name}.bin").write_bytes(content)
        listed[name] = {"dtype": kind, "rows": len(column), "sha256": hashlib.sha256(content).hexdigest()}
    body = json.dumps({"about": dict(about), "columns": listed}, sort_keys=True)
    header = json.dumps({"sha256": hashlib.sha256(body.encode()).hexdigest(), "body": body})
    (folder / HEADER).write_text(header, encoding="utf-8")


class Columns:
    """The columns of one folder; each is verified and mapped when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        """Read the header; raises DamagedCacheError where it is missing or not as written."""
        self._folder = folder
        try:
            with (folder / HEADER).open("rb") as file:
                header = json.loads(file.read(_MAX_HEADER_BYTES))
            body = str(header["body"])
            if hashlib.sha256(body.encode()).hexdigest() != header["sha256"]:
                raise DamagedCacheError("the header differs from its checksum", path=folder)
            read = json.loads(body)
            self.about: dict[str, Any] = read["about"]
            self._listed: dict[str, dict[str, Any]] = read["columns"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamagedCacheError("the header cannot be read", path=folder) from error
        self._mapped: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return a column as it was written, read-only; raises DamagedCacheError where it is not."""
        if name not in self._mapped:
            self._mapped[name] = self._map(name)
        return self._mapped[name]

    def verify(self) -> None:
        """Look at every column; raises DamagedCacheError at the first that is not as written."""
        for name in self._listed:
            self[name]

    def _map(self, name: str) -> NDArray[Any]:
        listed, path = self._listed[name], self._folder / f"{name}.bin"
        kind, rows = np.dtype(listed["dtype"]), int(listed["rows"])
        try:
            if path.stat().st_size != kind.itemsize * rows:
                raise DamagedCacheError("a column is cut or grown", path=path)
            column = np.memmap(path, dtype=kind, mode="r", shape=(rows,)) if rows else np.empty(0, dtype=kind)
        except OSError as error:
            raise DamagedCacheError(f"a column cannot be read: {error.strerror}", path=path) from error
        if hashlib.sha256(column.data).hexdigest() != listed["sha256"]:
            raise DamagedCacheError("a column differs from its checksum", path=path)
        plain: NDArray[Any] = np.asarray(column)  # an ordinary view: memmap's own indexing is slower
        return plain


@contextmanager
def new_folder(final: Path) -> Iterator[Path]:
    """Give an empty folder beside `final` and rename it to `final` at the end; leave nothing behind after an error.

    Where another process was faster its folder stays: both hold the same content under the same name.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=final.parent))
    try:
        yield scratch
        try:
            os.replace(scratch, final)
        except OSError:
            if not (final / HEADER).is_file():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
