"""Reads the host of the first HTTP/1.x request of a stream (RFC 9112 sections 3.2 and 5.1).

The caller joins the segments and asks again, with all bytes from the stream's start, as long as the answer is MORE.
Left to others: later requests of the same connection, which may name other hosts; HTTP/2, also without TLS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from residency.limits import LIMITS
from residency.traffic.capture.hello import MORE, More

_METHOD = re.compile(rb"[A-Z-]{1,20}(?: |\Z)")
_REQUEST_LINE = re.compile(rb"([A-Z-]{1,20}) ([!-~\x80-\xff]+) HTTP/1\.[01]")
_END_OF_HEADER = re.compile(rb"\n\r?\n")
_FIELD_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ABSOLUTE_FORM = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
# A name, an IPv4 address or an IPv6 literal, and perhaps a port; the rest of reg-name (RFC 3986) names no host.
_AUTHORITY = re.compile(rb"([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The first request of a stream. `host`: as sent, without the port; None where `fault` says why.

    `is_for_proxy`: the target named the host in full (absolute form, or CONNECT), so the server of this conversation
    is a proxy and not the host.
    """

    host: str | None
    is_for_proxy: bool = False
    fault: str | None = None


def read_request(data: bytes | memoryview) -> Request | More | None:
    """Read the request line and the header at the start of the client's stream.

    MORE: it may still become a request. None: this is not HTTP/1.x. A header over the cap of `residency.limits` has
    no host, since a second Host might stand in what was not read.
    """
    cap = LIMITS.max_http_header_bytes
    head = bytes(data[: cap + 1]).lstrip(b"\r\n")  # RFC 9112 section 2.2: empty lines before the request are ignored
    line, ended, _ = head.partition(b"\n")
    if not ended:
        return MORE if len(data) <= cap and (not head or _METHOD.match(head)) else None
    request = _REQUEST_LINE.fullmatch(line.rstrip(b"\r"))
    if request is None:
        return None
    end = _END_OF_HEADER.search(head)
    if end is None:
        return MORE if len(data) <= cap else Request(host=None, fault=f"a header of more than {cap} bytes")
    return _request(request[1], request[2], head[len(line) + 1 : end.start() + 1])


def _request(method: bytes, target: bytes, header: bytes) -> Request:
    fields, fault = _hosts(header)
    if fault is not None:
        return Request(host=None, fault=fault)
    if method == b"CONNECT":
        return _named(target, is_for_proxy=True)
    absolute = _ABSOLUTE_FORM.match(target)
    if absolute is not None:  # it overrules Host (RFC 9112 section 3.2.2)
        return _named(absolute[1].rpartition(b"@")[2], is_for_proxy=True)
    if not fields:
        return Request(host=None, fault="no Host")
    return _named(fields[0], is_for_proxy=False)


def _named(authority: bytes, *, is_for_proxy: bool) -> Request:
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        return Request(host=None, is_for_proxy=is_for_proxy, fault="a host that is no name and no address")
    return Request(host=found[1].decode("ascii"), is_for_proxy=is_for_proxy)


def _hosts(header: bytes) -> tuple[list[bytes], str | None]:
    """Return the values of Host, and why none of them may be believed."""
    values: list[bytes] = []
    was_host = False
    for line in header.split(b"\n"):
        if was_host and line[:1] in (b" ", b"\t"):
            return [], "a Host folded over lines"
        name, _, value = line.partition(b":")
        was_host = name.strip(b" \t\r").lower() == b"host"
        if was_host and not _FIELD_NAME.fullmatch(name):
            return [], "white space around the word Host"  # RFC 9112 section 5.1: readers differ in what it means
        if was_host:
            values.append(value.strip(b" \t\r"))
    if len(values) > 1:
        return [], "several Host fields"
    return values, None
