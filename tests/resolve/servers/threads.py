"""An event loop in a thread of its own, for the servers that are written here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TypeVar

_Result = TypeVar("_Result")
_WAIT_S = 10.0


class LoopThread:
    """Runs coroutines of servers beside the test."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[object, object, _Result]) -> _Result:
        """Run a coroutine to its end in the loop, and return what it returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(_WAIT_S)

    def stop(self) -> None:
        """Cancel what still runs and end the thread."""
        self.run(self._cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_WAIT_S)
        self.loop.close()

    async def _cancel(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def loop_thread() -> Iterator[LoopThread]:
    """Give a loop that runs until the end of the block."""
    thread = LoopThread()
    try:
        yield thread
    finally:
        thread.stop()
