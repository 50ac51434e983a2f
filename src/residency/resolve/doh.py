"""DNS over HTTPS (RFC 8484): POSTs to the address stated, over HTTP/2 where the server speaks it.

The connection goes to that address; nothing is looked up. No redirect is followed and no proxy of the environment used.
"""

from __future__ import annotations

import asyncio
import ssl

import httpcore

from residency.limits import LIMITS
from residency.model.resolution import LookupOutcome, NameServer
from residency.resolve.exchange import Received, unanswered, unreachable
from residency.resolve.wire import Fit, Query, fit

_TYPE = b"application/dns-message"
_MAX_MESSAGE = 65_535
_O = LookupOutcome


class DnsOverHttps:
    """Asks one server over HTTPS."""

    def __init__(self, server: NameServer, context: ssl.SSLContext) -> None:
        self._url = httpcore.URL(
            scheme=b"https", host=server.address.encode(), port=server.port, target=server.path.encode()
        )
        self._name = server.host or server.address
        authority = f"[{self._name}]" if ":" in self._name else self._name
        host = authority if server.port == 443 else f"{authority}:{server.port}"
        self._headers = [(b"host", host.encode()), (b"accept", _TYPE), (b"content-type", _TYPE)]
        self._slots = asyncio.Semaphore(LIMITS.max_dns_streams_at_once)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context, http1=True, http2=True, max_connections=LIMITS.max_dns_connections
        )

    async def exchange(self, query: Query, until: float) -> Received:
        """Ask with one POST."""
        headers = [*self._headers, (b"content-length", str(len(query.wire)).encode())]
        extensions = {"sni_hostname": self._name}
        try:
            async with (
                asyncio.timeout_at(until),
                self._slots,
                self._pool.stream(
                    b"POST", self._url, headers=headers, content=query.wire, extensions=extensions
                ) as response,
            ):
                return await _read(response, query)
        except TimeoutError:
            return unanswered("https", "no whole answer in time")
        except httpcore.RemoteProtocolError as error:
            what = f"no HTTP that can be read: {error}"
            return Received(transport="https", fault=_O.MALFORMED, detail=what[:200])
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            return unreachable("https", error)

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()


async def _read(response: httpcore.Response, query: Query) -> Received:
    if response.status != 200:
        is_busy = response.status == 429 or response.status >= 500
        fault = _O.SERVFAIL if is_busy else _O.REFUSED
        return Received(transport="https", fault=fault, detail=f"HTTP status {response.status}")
    kinds = [value for name, value in response.headers if name.lower() == b"content-type"]
    if not kinds or kinds[0].split(b";")[0].strip().lower() != _TYPE:
        return Received(transport="https", fault=_O.MALFORMED, detail="an HTTP answer that is no DNS message")
    wire = bytearray()
    async for chunk in response.aiter_stream():
        wire += chunk
        if len(wire) > _MAX_MESSAGE:
            return Received(transport="https", fault=_O.MALFORMED, detail="an HTTP answer longer than any DNS message")
    if fit(bytes(wire), query) is Fit.NO:
        return Received(transport="https", fault=_O.MALFORMED, detail="a DNS message that answers something else")
    return Received(transport="https", wire=bytes(wire))
