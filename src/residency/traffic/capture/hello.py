"""What the readers of names hand back: the opening of a conversation as its client or its server said it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class More(Enum):
    """So far so good, but the end has not been seen: ask again with more bytes."""

    MORE = "more"


MORE = More.MORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """A ClientHello, from TLS over TCP or from QUIC.

    `sni` is the name as sent: ASCII, neither lowered nor freed of a root dot, perhaps no host name at all; None where
    none was sent or it cannot be used, and then `fault` says why if one was sent. `length` counts the bytes of the
    stream up to the hello's end: record headers included in TLS, bytes of the CRYPTO stream in QUIC.

    `is_outer`: an Encrypted ClientHello of type outer stands beside the name (RFC 9849), so the name may be the
    front's, and the host that was really asked for may be another. A browser without a key for the host sends such an
    extension as grease (RFC 9849 section 6.2), and then the name is the host. No field of the hello tells the two
    apart: that is what grease is for. Both are marked, because the two mistakes do not weigh the same: a grease hello
    read as outer costs certainty about one flow (which DNS can still name), an outer hello read as grease accuses a
    host of a conversation that it never had.
    """

    sni: str | None
    is_outer: bool
    alpn: tuple[str, ...]
    length: int
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHello:
    """The start of a ServerHello. A retry (HelloRetryRequest) needed no key of the server: its time proves less."""

    is_retry: bool
