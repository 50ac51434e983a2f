"""Opens DuckDB the way this package needs it, and turns its exceptions into ours."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from residency.errors import InputError, LimitError, ResidencyError, UsageError

if TYPE_CHECKING:
    import duckdb

    from residency.traffic.records import ReadOptions


SCRATCH = "scratch"
"""The catalogue in memory of what no database keeps: conversions stage their rows there."""

_FULL = ("No space left on device", "File too large", "Disk quota exceeded", "max_temp_directory_size")
_FULL_CODES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def connect(options: ReadOptions, temp_dir: str, database: str = ":memory:") -> duckdb.DuckDBPyConnection:
    """Open a database, by default in memory, that spills to `temp_dir` and never fetches an extension."""
    import duckdb

    threads = options.threads or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else options.threads
    connection = _open(database)
    try:
        connection.execute(f"ATTACH ':memory:' AS {SCRATCH}")
        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("SET autoload_known_extensions = false")
        connection.execute("SET memory_limit = ?", [options.memory_limit])
        connection.execute("SET temp_directory = ?", [temp_dir])
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET parquet_metadata_cache = true")  # a footer is asked five times
        if _has_progress_bar(connection):
            connection.execute("SET enable_progress_bar = false")
        connection.execute("SET preserve_insertion_order = false")  # lines are numbered, outputs sorted
        if threads:
            connection.execute("SET threads = ?", [threads])
    except duckdb.Error as error:
        connection.close()
        raise UsageError(f"cannot start the engine: {first_line(error)}") from error
    return connection


def threads_of(connection: duckdb.DuckDBPyConnection) -> int:
    """Return how many threads the engine uses, and so may whatever works in its stead."""
    return scalar(connection, "SELECT current_setting('threads')")


def _has_progress_bar(connection: duckdb.DuckDBPyConnection) -> bool:
    """Say whether the engine would draw a bar: in a notebook without ipywidgets it neither does nor lets it be set."""
    found = connection.execute("SELECT current_setting('enable_progress_bar')").fetchone()
    return found is not None and bool(found[0])


def _open(database: str) -> duckdb.DuckDBPyConnection:
    import duckdb

    try:
        return duckdb.connect(database)
    except duckdb.Error as error:
        if is_full(error):
            raise LimitError("no space left", path=database) from error
        raise UsageError(f"cannot be opened as a database: {first_line(error)}", path=database) from error


def scratch(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Return a cursor with temporary tables of its own, whose other tables stand in the catalogue in memory."""
    cursor = connection.cursor()
    cursor.execute(f"USE {SCRATCH}")
    return cursor


def is_full(error: BaseException | None) -> bool:
    """Did something fail because a disk, a quota or a file's largest size was reached?"""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL_CODES:
            return True
        if any(words in str(error) for words in _FULL):
            return True
        error = error.__cause__
    return False


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's text, cut."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


@contextmanager
def seam(path: str, doing: str) -> Iterator[None]:
    """Turn what DuckDB raises while `doing` something with `path` into our errors."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise _ours(error, doing, path) from error


def _ours(error: duckdb.Error, doing: str, path: str) -> ResidencyError:
    import duckdb

    said = first_line(error)
    if is_full(error):
        return LimitError(f"no space left while {doing}: {said}", path=path)
    if isinstance(error, duckdb.OutOfMemoryException):
        return LimitError(f"memory limit reached while {doing}: {said}; raise it", path=path)
    if isinstance(error, duckdb.OutOfRangeException):
        return LimitError(f"a number is out of range while {doing}: {said}", path=path)
    return InputError(f"cannot be read while {doing}: {said}", path=path)


def quoted(identifier: str) -> str:
    """Quote an SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def has_table(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Is there a table of this name in the catalogue that the connection uses?"""
    sql = "SELECT count(*) FROM duckdb_tables() WHERE table_name = ? AND database_name = current_database()"
    return scalar(connection, sql, [name]) > 0


def scalar(connection: duckdb.DuckDBPyConnection, sql: str, values: list[object] | None = None) -> int:
    """Return the one integer that a query yields (0 for null)."""
    rows = connection.execute(sql, values or []).fetchall()  # all of them: an open result blocks the connection
    return int(rows[0][0] or 0) if rows else 0
