"""The one way out to the network: https GETs under a policy, with hard limits and a typed outcome for each.

Each fetch goes these steps; a redirect starts again at the first.
1. The URL is checked: https, an allowed host and port, no user information (`fetch_policy`).
2. The host is resolved once a session; every answer must be public.
3. The connection goes to one of those very addresses, with TLS for the host's name. Nothing resolves it again.
4. The status decides: a redirect (three at most), a wait (429 and 503 with Retry-After), or a body.
5. The body is counted after decompression and given up at its cap (`body`), then read strictly.

One deadline covers all of it. Proxy settings of the environment are not honoured, no cookie is kept, nothing is
sent but the headers below. No other module opens a socket.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urljoin

import httpcore

from residency.errors import shorten
from residency.limits import LIMITS
from residency.sources.body import Body
from residency.sources.fetch_head import REDIRECTS, Head, check_head
from residency.sources.fetch_policy import FetchPolicy, Target, check_addresses, check_url
from residency.sources.fetched import Fetched, FetchError, FetchKind, Outcome, refused
from residency.sources.strict_json import JsonError, JsonValue, parse_json

T = TypeVar("T")
_AGENT = b"residency (where is this address held?)"


class Fetcher:
    """Fetches documents under one policy. Its methods never raise for what the network did (see `Fetched`)."""

    def __init__(self, policy: FetchPolicy) -> None:
        self.policy = policy

    def get(self, url: str, kind: FetchKind) -> Fetched:
        """Fetch one document; a server's Retry-After is waited for as far as the deadline allows."""
        return _run(lambda: self.aget(url, kind))

    def get_many(self, urls: Iterable[str], kind: FetchKind) -> list[Fetched]:
        """Fetch many documents side by side, in the order of `urls`; each has its own deadline.

        A host that asks for a pause of up to a minute gets it, outside of the deadlines.
        """
        listed = list(urls)
        return _run(lambda: self.aget_many(listed, kind))

    async def aget(self, url: str, kind: FetchKind) -> Fetched:
        """Do what `get` does, in a running event loop."""
        async with self.session() as session:
            return await session.get(url, kind)

    async def aget_many(self, urls: Iterable[str], kind: FetchKind) -> list[Fetched]:
        """Do what `get_many` does, in a running event loop."""
        async with self.session() as session:
            return list(await asyncio.gather(*(session.get(url, kind, is_patient=True) for url in urls)))

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Open a session: its fetches share connections, resolved addresses and the pace of each host."""
        backend = _PinnedBackend()
        pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(cafile=self.policy.ca_file),
            network_backend=backend,
            max_connections=self.policy.max_concurrent,
            keepalive_expiry=self.policy.deadline_s,
        )
        async with pool:
            yield Session(self.policy, pool, backend.pins)

    def run(self, work: Callable[[Session], Coroutine[None, None, T]]) -> T:
        """Run a coroutine function with a session, from code that is not asynchronous."""

        async def inside() -> T:
            async with self.session() as session:
                return await work(session)

        return _run(inside)


class Session:
    """The fetches of one event loop that share connections, addresses and pace; made by `Fetcher.session`."""

    def __init__(
        self, policy: FetchPolicy, pool: httpcore.AsyncConnectionPool, pins: dict[str, tuple[str, ...]]
    ) -> None:
        self._policy, self._pool, self._pins = policy, pool, pins
        self._resolving: dict[str, asyncio.Lock] = {}
        self._slots = asyncio.Semaphore(policy.max_concurrent)
        self._paces: dict[str, _Pace] = {}

    async def get(self, url: str, kind: FetchKind, *, is_patient: bool = False) -> Fetched:
        """Fetch one document. `is_patient` grants the pauses that a server asks for beyond the deadline."""
        try:
            host = check_url(url, self._policy).host
        except FetchError as fault:
            return self._ended(url, kind, fault)
        pace = self._paces.setdefault(host, _Pace(self._policy.max_per_host, self._policy.min_interval_ms / 1000))
        clock = asyncio.get_running_loop().time
        deadline: float | None = None
        for attempt in range(1, LIMITS.max_fetch_attempts + 1):
            async with pace.slots, self._slots:
                await pace.wait()
                if deadline is None or is_patient:
                    deadline = clock() + self._policy.deadline_s
                found = await self._attempt(url, kind, deadline)
            wait_s = found.retry_after_s
            if wait_s is None or wait_s > LIMITS.max_retry_after_s or attempt == LIMITS.max_fetch_attempts:
                break
            if not is_patient and clock() + wait_s >= deadline:
                break
            pace.pause(wait_s)
        return found

    async def _attempt(self, url: str, kind: FetchKind, deadline: float) -> Fetched:
        """Fetch once, with redirects, before the deadline; every fault becomes an outcome."""
        seen = _Seen(url)
        try:
            async with asyncio.timeout_at(deadline):
                return await self._follow(seen, kind)
        except TimeoutError:
            fault = FetchError(Outcome.TIMEOUT, "deadline", f"not done within {self._policy.deadline_s:g} s")
        except FetchError as error:
            fault = error
        return replace(
            self._ended(url, kind, fault), final_url=seen.url, address=seen.address, status=fault.status or seen.status
        )

    async def _follow(self, seen: _Seen, kind: FetchKind) -> Fetched:
        asked = seen.url
        for hop in range(self._policy.max_redirects + 1):
            target = check_url(seen.url, self._policy, is_redirect=hop > 0)
            await self._pin(target.host)
            found = await self._ask(target, kind, seen)
            if isinstance(found, Fetched):
                return replace(found, url=asked)
            seen.url = urljoin(target.url, found)
        raise refused("redirects", f"more than {self._policy.max_redirects} redirects")

    async def _pin(self, host: str) -> None:
        """Resolve a host unless this session has; from here on its connections go to these addresses."""
        async with self._resolving.setdefault(host, asyncio.Lock()):
            if host not in self._pins:
                try:
                    answers = await (self._policy.resolve or _system_addresses)(host)
                except OSError as error:
                    raise FetchError(Outcome.UNREACHABLE, "dns", f"{host} does not resolve") from error
                self._pins[host] = check_addresses(host, answers, self._policy)

    async def _ask(self, target: Target, kind: FetchKind, seen: _Seen) -> Fetched | str:
        """Send one request; return what was fetched, or where the server redirects to."""
        url = httpcore.URL(scheme=b"https", host=target.host.encode(), port=target.port, target=target.path.encode())
        headers = [(b"accept", kind.accept.encode()), (b"accept-encoding", b"gzip"), (b"user-agent", _AGENT)]
        # Several addresses share the time to connect, so that one that swallows packets does not cost all of it.
        patience = {"timeout": {"connect": self._policy.deadline_s}}
        try:
            async with self._pool.stream(b"GET", url, headers=headers, extensions=patience) as response:
                seen.take(response)
                head = Head(response.status, response.headers)
                if head.status in REDIRECTS:
                    return head.location
                check_head(head, target.host)
                return await self._read(response, head, kind, seen)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            raise _unreachable(target.host, error, began=seen.has_body) from error

    async def _read(self, response: httpcore.Response, head: Head, kind: FetchKind, seen: _Seen) -> Fetched:
        body = Body(head.encoding, kind.max_bytes)
        try:
            if head.content_type and head.content_type not in kind.content_types:
                raise await _wrong_type(response, head, body)
            if not head.encoding and head.length > kind.max_bytes:
                raise FetchError(Outcome.TOO_LARGE, "body", f"the answer says that it holds {head.length:,} bytes")
            seen.has_body = True
            async for chunk in response.aiter_stream():
                body.feed(chunk)
            content, sha256 = body.finish()
        finally:
            body.close()
        if not kind.is_json:
            _check_text(content)
        return Fetched(
            url=seen.url,
            kind=kind.name,
            outcome=Outcome.OK,
            fetched_at=datetime.now(UTC),
            final_url=seen.url,
            status=head.status,
            address=seen.address,
            sha256=sha256,
            body=content,
            document=_read_document(content) if kind.is_json else None,
        )

    def _ended(self, url: str, kind: FetchKind, fault: FetchError) -> Fetched:
        return Fetched(
            url=url,
            kind=kind.name,
            outcome=fault.outcome,
            fetched_at=datetime.now(UTC),
            cause=fault.cause,
            reason=fault.reason,
            final_url=url,
            status=fault.status,
            retry_after_s=fault.retry_after_s,
            excerpt=fault.excerpt,
        )


@dataclass(slots=True)
class _Seen:
    """How far a fetch has come: what is said of it when it ends early."""

    url: str
    status: int | None = None
    address: str = ""
    has_body: bool = False

    def take(self, response: httpcore.Response) -> None:
        self.status = response.status
        stream = response.extensions.get("network_stream")
        peer = stream.get_extra_info("server_addr") if stream is not None else None
        self.address = str(peer[0]) if peer else ""


@dataclass(slots=True)
class _Pace:
    """How fast one host is asked: so many at once, a distance between two starts, and the pauses it asked for."""

    at_once: int
    interval_s: float
    slots: asyncio.Semaphore = field(init=False)
    next_start: float = 0.0

    def __post_init__(self) -> None:
        self.slots = asyncio.Semaphore(self.at_once)

    async def wait(self) -> None:
        """Sleep until it is this request's turn."""
        clock = asyncio.get_running_loop().time
        while (now := clock()) < self.next_start:
            await asyncio.sleep(self.next_start - now)
        self.next_start = now + self.interval_s

    def pause(self, seconds: float) -> None:
        """Let nobody start at this host for so long."""
        self.next_start = max(self.next_start, asyncio.get_running_loop().time() + seconds)


async def _wrong_type(response: httpcore.Response, head: Head, body: Body) -> FetchError:
    """Return the fault of an answer of another type, with its beginning."""
    async for chunk in response.aiter_stream():
        body.feed(chunk[: 4 * LIMITS.max_excerpt_characters])
        break
    what = f"an answer of type {shorten(head.content_type)}"
    return FetchError(Outcome.MALFORMED, "content-type", what, status=head.status, excerpt=_excerpt(body.beginning()))


def _excerpt(content: bytes) -> str:
    text = content.decode("utf-8", "backslashreplace")
    return shorten(text, LIMITS.max_excerpt_characters)[: LIMITS.max_excerpt_characters]


def _read_document(content: bytes) -> JsonValue:
    try:
        return parse_json(content)
    except JsonError as error:
        raise FetchError(Outcome.MALFORMED, error.cause, str(error), excerpt=_excerpt(content[:512])) from error


def _check_text(content: bytes) -> None:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"not UTF-8 at byte {error.start}"
        raise FetchError(Outcome.MALFORMED, "utf-8", what, excerpt=_excerpt(content[:512])) from error


def _unreachable(host: str, error: Exception, *, began: bool) -> FetchError:
    if began and isinstance(error, httpcore.RemoteProtocolError | httpcore.ReadError):
        return FetchError(Outcome.MALFORMED, "truncated", "the answer ends before its end")
    chain = (error, error.__cause__, error.__context__)
    cause = "tls" if any(isinstance(e, ssl.SSLError) for e in chain) else "connection"
    return FetchError(Outcome.UNREACHABLE, cause, f"{host}: {shorten(str(error) or type(error).__name__)}")


async def _system_addresses(host: str) -> list[str]:
    """Ask the system's resolver, in a thread that nobody waits for: getaddrinfo cannot be interrupted."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def deliver(found: list[str] | OSError) -> None:
        if answer.done():
            return
        if isinstance(found, OSError):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def ask() -> None:
        found: list[str] | OSError
        try:
            found = [str(info[4][0]) for info in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]
        except OSError as error:
            found = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(deliver, found)

    threading.Thread(target=ask, daemon=True, name="residency-resolve").start()
    return await answer


class _PinnedBackend(httpcore.AnyIOBackend):
    """Connects a host name to the addresses it is pinned to, and to nothing else."""

    def __init__(self) -> None:
        self.pins: dict[str, tuple[str, ...]] = {}

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first pinned address that answers; an address literal is never resolved again."""
        last: Exception = httpcore.ConnectError(f"{host} was not resolved")
        pins = self.pins.get(host, ())
        for address in pins:
            try:
                return await super().connect_tcp(
                    address, port, _share(timeout, len(pins)), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last


def _share(timeout_s: float | None, parts: int) -> float | None:
    return None if timeout_s is None else timeout_s / parts


def _run(make: Callable[[], Coroutine[None, None, T]]) -> T:
    """Run a coroutine to its end, also where an event loop already runs in this thread (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(make())
    with ThreadPoolExecutor(max_workers=1) as other:
        return other.submit(lambda: asyncio.run(make())).result()
