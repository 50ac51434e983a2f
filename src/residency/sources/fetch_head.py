"""The head of an HTTP answer: the few fields that are read, and what a status means for a fetch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from residency.sources.fetched import FetchError, Outcome

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({429, 503})
_GONE = frozenset({404, 410})


class Head:
    """Status and the few headers that are read, names in lower case; the first of a repeated one counts."""

    def __init__(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.status = status
        self._headers: dict[str, str] = {}
        for name, value in headers:
            self._headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1").strip())

    @property
    def content_type(self) -> str:
        return self._headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def encoding(self) -> str:
        return self._headers.get("content-encoding", "").lower()

    @property
    def length(self) -> int:
        text = self._headers.get("content-length", "")
        return int(text) if text.isdecimal() and len(text) < 20 else 0

    @property
    def location(self) -> str:
        if not (found := self._headers.get("location", "")):
            raise FetchError(Outcome.MALFORMED, "redirect", "a redirect that does not say whither", status=self.status)
        return found

    @property
    def retry_after_s(self) -> float | None:
        """Seconds to wait (RFC 9110 section 10.2.3: a number, or a date); None where it is not said."""
        text = self._headers.get("retry-after", "")
        if text.isascii() and text.isdecimal():
            return float(text[:9])
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def check_head(head: Head, host: str) -> None:
    """Raise the fault of a status that brings no document."""
    if head.status == 200:
        return
    if head.status in _GONE:
        raise FetchError(Outcome.NOT_FOUND, "", f"{host} knows nothing of it", status=head.status)
    wait_s = head.retry_after_s if head.status in _BUSY else None
    if wait_s is not None or head.status == 429:
        said = "" if wait_s is None else f" for {wait_s:.0f} s"
        what = f"{host} asks to be left alone{said}"
        raise FetchError(Outcome.RATE_LIMITED, "", what, status=head.status, retry_after_s=wait_s)
    outcome = Outcome.UNREACHABLE if head.status >= 400 else Outcome.MALFORMED
    raise FetchError(outcome, "status", f"{host} answered with status {head.status}", status=head.status)
