"""What a transport brings back from one exchange with a server: a message, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from residency.errors import shorten
from residency.model.resolution import LookupOutcome
from residency.resolve.outcomes import Meaning
from residency.resolve.wire import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message that answers the question, or b"" with how the exchange ended.

    `discarded` counts packets that were no answer to the question.
    """

    transport: str
    wire: bytes = b""
    fault: LookupOutcome | None = None
    detail: str = ""
    discarded: int = 0
    meaning: Meaning | None = None  # where the transport had to read the message already


class Transport(Protocol):
    """One way to one server. `until` is a time of the running loop; no exchange takes longer."""

    async def exchange(self, query: Query, until: float) -> Received:
        """Send a question and return what answers it; raises nothing for what the network does."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


def unanswered(transport: str, detail: str, *, discarded: int = 0) -> Received:
    """Return the end of an exchange in which no answer came."""
    return Received(transport=transport, fault=LookupOutcome.TIMEOUT, detail=detail, discarded=discarded)


def unreachable(transport: str, error: Exception) -> Received:
    """Return the end of an exchange in which the server could not be reached at all."""
    return unanswered(transport, f"not reachable: {shorten(str(error) or type(error).__name__)}")
