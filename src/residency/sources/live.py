"""Handshake times from here: TCP and TLS, measured only where the caller asks for it (`--live`).

Each attempt opens one connection to an address that the user named. The TCP time runs from the call to connect to its
end. The TLS time runs from the ClientHello leaving to the first byte that comes back, and counts only when the
handshake then ends well: the far end has proved the key of its certificate. Both can only be longer than the true
round trip, never shorter. The certificate is not held against a name or an authority: whoever ends the TLS is timed.

This module and `fetch` are the only ones that open connections.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass

from residency.errors import UsageError
from residency.limits import LIMITS
from residency.model.latency import Latency, RttKind
from residency.model.network import Address, Vantage


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTarget:
    """What to time: a public address, a port, and the name to ask for in the ClientHello (none for an address)."""

    address: Address
    port: int = 443
    host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePlan:
    """How to time: `samples` handshakes a target, from where, and whether addresses that are not public may be asked.

    `only_public` is what keeps a list of targets from being used to probe the machine's own network.
    """

    vantage: Vantage
    samples: int = 5
    with_tls: bool = True
    only_public: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.samples <= LIMITS.max_live_samples:
            raise UsageError(f"{self.samples} samples: give 1 to {LIMITS.max_live_samples}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTimes:
    """The least times found, and for each target that gave none the reason."""

    latencies: tuple[Latency, ...]
    failed: tuple[tuple[str, str], ...]


def measure_live(targets: Sequence[LiveTarget], plan: LivePlan) -> LiveTimes:
    """Time the handshakes of every target; a target that does not answer is in `failed`, never an error.

    Uses the network. Raises UsageError for too many targets or one that must not be asked.
    """
    if len(targets) > LIMITS.max_live_targets:
        raise UsageError(f"{len(targets):,} targets: --live measures at most {LIMITS.max_live_targets:,} at once")
    for target in targets:
        if plan.only_public and not target.address.is_locatable:
            raise UsageError(f"{target.address.text}: {target.address.address_class}: --live measures public addresses")
    return asyncio.run(_measure(targets, plan))


async def _measure(targets: Sequence[LiveTarget], plan: LivePlan) -> LiveTimes:
    turn = asyncio.Semaphore(LIMITS.max_live_at_once)
    deadline = asyncio.get_running_loop().time() + LIMITS.live_deadline_s

    async def one(target: LiveTarget) -> tuple[list[Latency], str]:
        async with turn:
            return await _time_target(target, plan, deadline)

    found = await asyncio.gather(*(one(target) for target in targets))
    failed = [(t.address.text, why) for t, (times, why) in zip(targets, found, strict=True) if not times]
    latencies = [latency for times, _ in found for latency in times]
    return LiveTimes(latencies=tuple(latencies), failed=tuple(failed))


async def _time_target(target: LiveTarget, plan: LivePlan, deadline: float) -> tuple[list[Latency], str]:
    """Take the samples one after the other: they would slow each other down."""
    tcp: list[float] = []
    tls: list[float] = []
    why = "no time was left"
    for _ in range(plan.samples):
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            break
        try:
            async with asyncio.timeout(min(left, LIMITS.live_attempt_s)):
                await _sample(target, plan, tcp, tls)
        except TimeoutError:
            why = "no answer in time"
        except (OSError, ssl.SSLError) as error:
            why = _reason(error)
    found = [_latency(target, plan, RttKind.TCP, tcp), _latency(target, plan, RttKind.TLS, tls)]
    return [latency for latency in found if latency is not None], why


async def _sample(target: LiveTarget, plan: LivePlan, tcp: list[float], tls: list[float]) -> None:
    started = time.perf_counter_ns()
    reader, writer = await asyncio.open_connection(target.address.text, target.port, limit=LIMITS.max_live_answer_bytes)
    tcp.append((time.perf_counter_ns() - started) / 1e6)
    try:
        if plan.with_tls:
            tls.append(await _time_hello(reader, writer, target.host))
    finally:
        writer.transport.abort()


async def _time_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str | None) -> float:
    """Return ms from the ClientHello to the first byte of its answer, once the handshake has ended well."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = _context().wrap_bio(incoming, outgoing, server_hostname=host)
    first_ms: float | None = None
    received = 0
    started = 0
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        else:
            if first_ms is None:
                raise ssl.SSLError("the handshake ended before anything came")
            return first_ms
        if outgoing.pending:
            started = time.perf_counter_ns() if first_ms is None else started
            writer.write(outgoing.read())
            await writer.drain()
        answer = await reader.read(LIMITS.max_live_answer_bytes)
        if first_ms is None:
            first_ms = (time.perf_counter_ns() - started) / 1e6
        received += len(answer)
        if not answer or received > LIMITS.max_live_answer_bytes:
            raise ConnectionResetError("the far end broke the TLS handshake off")
        incoming.write(answer)


def _context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE  # who it is plays no part: where the answer comes from is asked
    return made


def _latency(target: LiveTarget, plan: LivePlan, kind: RttKind, times: Sequence[float]) -> Latency | None:
    if not times:
        return None
    return Latency(
        vantage=plan.vantage,
        target=target.address.text,
        is_address=True,
        rtt_ms=max(min(times), LIMITS.min_rtt_ms),
        kind=kind,
        samples=len(times),
    )


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or 'the handshake failed'}"
    return os.strerror(error.errno) if error.errno else "the connection failed"
