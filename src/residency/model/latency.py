"""Round-trip times that were measured on purpose: from which vantage, to what, how, and what was set aside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from residency.model.network import Vantage


class RttKind(StrEnum):
    """What answered: an echo request, a SYN, a hello that needs the server's key, or an application."""

    ICMP = "icmp"
    TCP = "tcp"
    SYN = "syn"
    TLS = "tls"
    QUIC = "quic"
    APP = "app"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """The least round-trip time of one vantage to one target by one kind of answer, over `samples` of them.

    `target` is the canonical text of an address, or a name or label as written; `at` is when the least time was seen.
    """

    vantage: Vantage
    target: str
    is_address: bool
    rtt_ms: float
    kind: RttKind
    samples: int = 1
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A row of a file of times that was not used: its line or the number of its entry from 1, and why."""

    number: int
    reason: str
    value: str = ""
