"""How far a reading is, in bytes: every byte is looked at once and loaded once, at some rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

Progress = Callable[[str, float], None]
"""Is told what is being done, with its rate, and which share of everything is done."""

_LOOKING_SHARE = 0.25  # of the time; a guess
_RATE_FROM_S = 0.5
_ASK_EVERY_S = 0.5


class Meter:
    """Turns bytes into a share of the whole and a rate."""

    def __init__(self, tell: Progress | None, total_bytes: int) -> None:
        self._tell, self._total = tell, max(total_bytes, 1)
        self._looked_at = self._loaded = self._fresh = 0
        self._since = time.perf_counter()

    def looking(self, name: str, done: int) -> None:
        """Tell that so many bytes of an input were looked at so far."""
        self._say(f"looking at {name}", self._fresh + done, self._share(self._looked_at + done, self._loaded))

    def looked_at(self, size: int, *, is_fresh: bool) -> None:
        """Count an input as looked at, by this run or by a former one."""
        self._looked_at += size
        self._fresh += size if is_fresh else 0

    def begin_loading(self) -> None:
        """Measure the rate anew: loading is slower than looking."""
        self._fresh, self._since = 0, time.perf_counter()

    def loading(self, name: str, done: float) -> None:
        """Tell that so many bytes of an input were loaded so far."""
        self._say(f"reading {name}", self._fresh + done, self._share(self._looked_at, self._loaded + done))

    @contextmanager
    def watching(self, connection: duckdb.DuckDBPyConnection, name: str, size: int) -> Iterator[None]:
        """Ask the engine now and then how far its query over an input is; it tells a second thread only."""
        if self._tell is None:
            yield
            return
        connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
        ended = Event()

        def watch() -> None:
            while not ended.wait(_ASK_EVERY_S):
                percent = connection.query_progress()
                if percent > 0:
                    self.loading(name, size * min(percent, 100) / 100)

        watcher = Thread(target=watch, name="residency-progress", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()

    def loaded(self, size: int, *, is_fresh: bool) -> None:
        """Count an input as loaded, by this run or by a former one."""
        self._loaded += size
        self._fresh += size if is_fresh else 0

    def stage(self, what: str) -> None:
        """Tell of work that grows with no input."""
        self._say(what, 0, self._share(self._looked_at, self._loaded))

    def _share(self, looked_at: float, loaded: float) -> float:
        return (_LOOKING_SHARE * looked_at + (1 - _LOOKING_SHARE) * loaded) / self._total

    def _say(self, what: str, done: float, share: float) -> None:
        if self._tell is None:
            return
        seconds = time.perf_counter() - self._since
        rate = f", {done / seconds / 1e6:,.0f} MB/s" if done and seconds > _RATE_FROM_S else ""
        self._tell(f"{what}{rate}", min(share, 1.0))
