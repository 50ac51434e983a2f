"""What a fetch asks for and what comes of it: kinds of documents, outcomes with their causes.

A fetch never raises for what the network or a server did: it returns a `Fetched` whose outcome says which of
eight things happened. No socket is opened here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from residency.errors import SourceError
from residency.limits import LIMITS
from residency.sources.strict_json import JsonValue


class Outcome(StrEnum):
    """How a fetch ended; only `ok` carries a body."""

    OK = "ok"
    NOT_FOUND = "not_found"
    RATE_LIMITED = "rate_limited"
    REFUSED_BY_POLICY = "refused_by_policy"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"

    @property
    def is_outage(self) -> bool:
        """Does it say nothing of the document, so that asking again later is right?"""
        return self in (Outcome.RATE_LIMITED, Outcome.TIMEOUT, Outcome.UNREACHABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchKind:
    """One kind of document: what to ask for, what may come back, and how much of it.

    `max_bytes` counts the decompressed body. An answer without a Content-Type is read; one of a type that
    is not listed is malformed, since an HTML page with status 200 is how most failures look.
    """

    name: str
    accept: str
    content_types: frozenset[str]
    max_bytes: int
    is_json: bool


_JSON_TYPES = frozenset({"application/json", "text/json", "text/plain"})
_BINARY_TYPES = frozenset({"application/octet-stream", "binary/octet-stream"})
_CSV_TYPES = frozenset({"text/csv", "application/csv", "text/plain"})

RDAP = FetchKind(
    name="rdap",
    accept="application/rdap+json, application/json;q=0.9",
    content_types=frozenset({"application/rdap+json", "application/json"}),
    max_bytes=LIMITS.max_rdap_bytes,
    is_json=True,
)
BOOTSTRAP = FetchKind(
    name="bootstrap",
    accept="application/json",
    content_types=_JSON_TYPES,
    max_bytes=LIMITS.max_bootstrap_bytes,
    is_json=True,
)
GEOFEED = FetchKind(
    name="geofeed",
    accept="application/geofeed+csv, text/csv, text/plain;q=0.9, */*;q=0.1",
    content_types=_CSV_TYPES | _BINARY_TYPES | {"application/geofeed+csv"},
    max_bytes=LIMITS.max_geofeed_bytes,
    is_json=False,
)
RANGES_JSON = FetchKind(
    name="ranges",
    accept="application/json, */*;q=0.1",
    content_types=_JSON_TYPES | _BINARY_TYPES,
    max_bytes=LIMITS.max_ranges_bytes,
    is_json=True,
)
RANGES_TEXT = FetchKind(
    name="ranges-text",
    accept="text/csv, text/plain, */*;q=0.1",
    content_types=_CSV_TYPES | _BINARY_TYPES,
    max_bytes=LIMITS.max_ranges_bytes,
    is_json=False,
)
# The page on which Microsoft names this week's list of service tags; only its links are of use.
PAGE = FetchKind(
    name="page",
    accept="text/html",
    content_types=frozenset({"text/html", "application/xhtml+xml"}),
    max_bytes=LIMITS.max_bootstrap_bytes,
    is_json=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The end of one fetch.

    `cause` is a short stable word within the outcome (`redirects`, `duplicate key`, `address`), `reason` the
    sentence for people. `url` is what was asked, `final_url` where the redirects led, `address` the one
    connected to. `body` and `document` (for JSON kinds) are empty unless the outcome is `ok`; `excerpt` is
    the escaped beginning of a malformed answer. `sha256` is that of the decompressed body.
    """

    url: str
    kind: str
    outcome: Outcome
    fetched_at: datetime
    cause: str = ""
    reason: str = ""
    final_url: str = ""
    status: int | None = None
    address: str = ""
    sha256: str = ""
    retry_after_s: float | None = None
    excerpt: str = ""
    body: bytes = b""
    document: JsonValue = None

    @property
    def is_ok(self) -> bool:
        """Is there a body to read?"""
        return self.outcome is Outcome.OK

    def __str__(self) -> str:
        """Say the outcome as in `malformed(duplicate key): …`."""
        cause = f"({self.cause})" if self.cause else ""
        return f"{self.outcome}{cause}: {self.reason}" if self.reason else f"{self.outcome}{cause}"


class FetchError(SourceError):
    """Why a fetch cannot end well; the fetcher turns it into a `Fetched`."""

    def __init__(
        self,
        outcome: Outcome,
        cause: str,
        reason: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        excerpt: str = "",
    ) -> None:
        super().__init__(reason)
        self.outcome, self.cause, self.reason = outcome, cause, reason
        self.status, self.retry_after_s, self.excerpt = status, retry_after_s, excerpt


def refused(cause: str, reason: str) -> FetchError:
    """Return the fault of a request that the policy does not allow."""
    return FetchError(Outcome.REFUSED_BY_POLICY, cause, reason)
