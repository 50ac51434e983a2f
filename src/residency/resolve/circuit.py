"""When a server may be asked: so many at once, a pace, and a pause for one that fails again and again.

After many failures in a row the circuit opens: everybody waits, then one question is tried. Once that has failed a few
times, those that wait are told so without being asked; a question now and then still finds out whether it is back.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from residency.limits import LIMITS
from residency.model.resolution import LookupOutcome

_FAILURES = frozenset({LookupOutcome.TIMEOUT, LookupOutcome.SERVFAIL, LookupOutcome.REFUSED})


@dataclass(slots=True, kw_only=True)
class Circuit:
    """The state of one server in one run."""

    interval_s: float
    next_start: float = 0.0
    failures: int = 0
    pauses: int = 0
    closed_until: float = 0.0
    last_fault: LookupOutcome = LookupOutcome.TIMEOUT

    @property
    def is_open(self) -> bool:
        """Has the server failed so often that it is left alone?"""
        return self.failures >= LIMITS.dns_circuit_failures

    async def admit(self, until: float) -> bool:
        """Wait for this question's turn; False where the server is not asked, as it fails or time is up."""
        if self.is_open and not await self._wait_out(until):
            return False
        if not self.interval_s:
            return True
        now = asyncio.get_running_loop().time()
        start = max(now, self.next_start)
        if start >= until:
            return False
        self.next_start = start + self.interval_s
        if start > now:
            await asyncio.sleep(start - now)
        return True

    async def _wait_out(self, until: float) -> bool:
        """Wait until the pause is over and this question is the one that tries."""
        loop = asyncio.get_running_loop()
        while self.is_open:
            now = loop.time()
            if now >= self.closed_until:
                self.closed_until = now + LIMITS.dns_circuit_pause_s  # others wait for what this one finds
                return True
            if self.pauses > LIMITS.dns_circuit_pauses:
                return False
            if self.closed_until >= until:
                return False
            await asyncio.sleep(self.closed_until - now)
        return True

    def report(self, outcome: LookupOutcome) -> None:
        """Take note of how a question ended."""
        if outcome not in _FAILURES:
            self.failures = self.pauses = 0
            return
        was_open = self.is_open
        self.failures += 1
        self.last_fault = outcome
        if self.is_open:
            now = asyncio.get_running_loop().time()
            self.closed_until = now + LIMITS.dns_circuit_pause_s
            self.pauses += was_open
