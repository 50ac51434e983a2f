"""Opens DuckDB the way this package needs it, and turns its exceptions into ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from residency.errors import InputError, LimitError, UsageError

if TYPE_CHECKING:
    import duckdb

    from residency.traffic.records import ReadOptions


def connect(options: ReadOptions, temp_dir: str) -> duckdb.DuckDBPyConnection:
    """Open an in-memory database that spills to `temp_dir` and never fetches an extension."""
    import duckdb

    threads = options.threads or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else options.threads
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("SET autoload_known_extensions = false")
        connection.execute("SET memory_limit = ?", [options.memory_limit])
        connection.execute("SET temp_directory = ?", [temp_dir])
        connection.execute("SET TimeZone = 'UTC'")
        if _has_progress_bar(connection):
            connection.execute("SET enable_progress_bar = false")
        connection.execute("SET preserve_insertion_order = false")  # lines are numbered, outputs sorted
        if threads:
            connection.execute("SET threads = ?", [threads])
    except duckdb.Error as error:
        connection.close()
        raise UsageError(f"cannot start the engine: {first_line(error)}") from error
    return connection


def _has_progress_bar(connection: duckdb.DuckDBPyConnection) -> bool:
    """Say whether the engine would draw a bar: in a notebook without ipywidgets it neither does nor lets it be set."""
    found = connection.execute("SELECT current_setting('enable_progress_bar')").fetchone()
    return found is not None and bool(found[0])


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
    except duckdb.OutOfMemoryException as error:
        raise LimitError(f"memory limit reached while {doing}: {first_line(error)}; raise it", path=path) from error
    except duckdb.OutOfRangeException as error:
        raise LimitError(f"a number is out of range while {doing}: {first_line(error)}", path=path) from error
    except duckdb.Error as error:
        raise InputError(f"cannot be read while {doing}: {first_line(error)}", path=path) from error


def quoted(identifier: str) -> str:
    """Quote an SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def scalar(connection: duckdb.DuckDBPyConnection, sql: str, values: list[object] | None = None) -> int:
    """Return the one integer that a query yields (0 for null)."""
    rows = connection.execute(sql, values or []).fetchall()  # all of them: an open result blocks the connection
    return int(rows[0][0] or 0) if rows else 0
