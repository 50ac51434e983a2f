"""Where fetched documents are kept, with their age: one SQLite file in the user's cache folder.

A document and what is known of it are written in one transaction, so a killed run leaves both or neither. The hash
is checked on every read. What a server does not have is remembered for a shorter time than what it has; an
outage is not remembered at all: the next call asks again.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from residency.errors import SourceError
from residency.limits import LIMITS
from residency.sources.fetched import Fetched, Outcome

_LAYOUT = """
CREATE TABLE IF NOT EXISTS fetched (
    kind TEXT NOT NULL, url TEXT NOT NULL, sha256 TEXT NOT NULL, outcome TEXT NOT NULL, status INTEGER,
    final_url TEXT NOT NULL, first_fetched_at TEXT NOT NULL, fetched_at TEXT NOT NULL, body BLOB NOT NULL,
    family INTEGER, first TEXT, last TEXT,
    PRIMARY KEY (kind, url, sha256)
) STRICT
"""
_BY_URL = """
SELECT kind, url, sha256, outcome, status, final_url, fetched_at, body
FROM fetched WHERE kind = ? AND url = ? ORDER BY fetched_at
"""
_Row = tuple[str, str, str, str, int | None, str, str, bytes]
_KEPT = (Outcome.OK, Outcome.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class KeptRange:
    """A kept document that speaks of a range of addresses: an RDAP answer. `first` and `last` are values."""

    family: int
    first: int
    last: int
    url: str
    fetched_at: datetime


class FetchCache:
    """Kept documents by kind and URL. Raises SourceError where the file cannot be read or written."""

    def __init__(self, folder: Path | None = None) -> None:
        """Use `folder`, or the user's cache folder for residency; made when something is first kept."""
        if folder is None:
            import platformdirs

            folder = platformdirs.user_cache_path("residency")
        self.path = folder / "fetched.sqlite"

    def put(self, fetched: Fetched, *, covers: tuple[int, int, int] | None = None, replaces: bool = True) -> bool:
        """Keep a document, or that there is none; returns False for an outcome that is not kept.

        `covers` is (family, first value, last value) of what an RDAP answer speaks of. `replaces` drops what the
        URL gave before; without it the versions lie side by side (`versions`).
        """
        if fetched.outcome not in _KEPT:
            return False
        family, first, last = (covers[0], f"{covers[1]:032x}", f"{covers[2]:032x}") if covers else (None, None, None)
        at = fetched.fetched_at.astimezone(UTC).isoformat()
        row = (fetched.kind, fetched.url, fetched.sha256, str(fetched.outcome), fetched.status, fetched.final_url)
        with self._open(is_write=True) as base:
            if replaces:
                base.execute("DELETE FROM fetched WHERE kind = ? AND url = ?", (fetched.kind, fetched.url))
            base.execute(
                "INSERT INTO fetched VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET fetched_at = excluded.fetched_at",
                (*row, at, at, fetched.body, family, first, last),
            )
        return True

    def latest(self, kind: str, url: str, *, now: datetime, max_age_days: float) -> Fetched | None:
        """Return the newest kept outcome that is young enough at `now`; None where it must be asked again.

        A `not_found` is young enough for `not_found_max_age_days` at most.
        """
        for item in reversed(list(self._read(kind, url))):
            limit = max_age_days
            if item.outcome is Outcome.NOT_FOUND:
                limit = min(limit, LIMITS.not_found_max_age_days)
            if timedelta(0) <= now - item.fetched_at <= timedelta(days=limit):
                return item
        return None

    def versions(self, kind: str, url: str) -> tuple[Fetched, ...]:
        """Return every kept version of a document, oldest first."""
        return tuple(f for f in self._read(kind, url) if f.is_ok)

    def ranges(self, kind: str, *, now: datetime, max_age_days: float) -> tuple[KeptRange, ...]:
        """Return what the kept documents of a kind cover, those that are young enough at `now`."""
        query = "SELECT family, first, last, url, fetched_at FROM fetched WHERE kind = ? AND family IS NOT NULL"
        if not self.path.exists():
            return ()
        with self._open() as base:
            rows = base.execute(query, (kind,)).fetchall()
        found = [KeptRange(f, int(a, 16), int(b, 16), url, datetime.fromisoformat(at)) for f, a, b, url, at in rows]
        return tuple(r for r in found if timedelta(0) <= now - r.fetched_at <= timedelta(days=max_age_days))

    def _read(self, kind: str, url: str) -> Iterator[Fetched]:
        if not self.path.exists():
            return
        with self._open() as base:
            rows: list[_Row] = base.execute(_BY_URL, (kind, url)).fetchall()
        for _, _, sha256, outcome, status, final_url, at, body in rows:
            if outcome == "ok" and hashlib.sha256(body).hexdigest() != sha256:
                raise SourceError("a kept document was changed; delete the file, it is filled again", path=self.path)
            yield Fetched(
                url=url,
                kind=kind,
                outcome=Outcome(outcome),
                fetched_at=datetime.fromisoformat(at),
                final_url=final_url,
                status=status,
                sha256=sha256,
                body=body,
            )

    @contextmanager
    def _open(self, *, is_write: bool = False) -> Iterator[sqlite3.Connection]:
        try:
            if is_write:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=LIMITS.fetch_deadline_s)) as base, base:
                if is_write:
                    base.execute(_LAYOUT)
                yield base
        except (sqlite3.Error, OSError) as error:
            raise SourceError(f"the cache cannot be used ({error}); delete the file", path=self.path) from error
