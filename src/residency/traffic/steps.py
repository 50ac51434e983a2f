"""What of a reading is done: a step's rows and the note that it is done are committed in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

State = dict[str, Any]
"""What a step leaves for the steps after it beside its rows: anything that JSON can hold."""


class Steps:
    """The steps of one reading by name. Where nothing is kept they are plain calls, without transactions."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, is_kept: bool) -> None:
        self._con, self.is_kept = connection, is_kept
        self._done: dict[str, State] = {}
        if is_kept:
            connection.execute("CREATE TABLE IF NOT EXISTS steps (name VARCHAR PRIMARY KEY, state VARCHAR)")
            rows = connection.execute("SELECT name, state FROM steps").fetchall()
            self._done = {name: json.loads(state) for name, state in rows}

    def is_done(self, name: str) -> bool:
        """Did a former run do this step?"""
        return name in self._done

    def take(self, name: str, work: Callable[[], State | None]) -> State:
        """Do a step, unless a former run did; return what it left."""
        if name in self._done:
            return self._done[name]
        if not self.is_kept:
            return work() or {}
        self._con.begin()
        try:
            state = work() or {}
            self._con.execute("INSERT INTO steps VALUES (?, ?)", [name, json.dumps(state)])
            self._con.commit()
        except BaseException:
            self._roll_back()
            raise
        return state

    def start_over(self) -> None:
        """Drop what the step under way has written: an error of the engine ends its transaction."""
        if self.is_kept:
            self._roll_back()
            self._con.begin()

    def _roll_back(self) -> None:
        import duckdb

        with suppress(duckdb.Error, RuntimeError):  # it is over already, or the database is: nothing was committed
            self._con.rollback()
