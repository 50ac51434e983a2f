"""Networks that answer from many places or for many services: anycast, shared fronts, private relays.

They name no place. An anycast service has no single one; behind a front or a relay stands something else, of which
its address says nothing. Three sources: the shipped table, a list of the user's own, and a relay's egress list.
Absence from a list is no evidence of anything.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from os import PathLike
from pathlib import Path

from residency.errors import Fault, LimitError, SourceError, shorten
from residency.files import read_capped
from residency.limits import LIMITS
from residency.model.evidence import Kind, Snapshot, Statement
from residency.model.network import Addresses
from residency.shipped import read_verified
from residency.sources.interface import Answer
from residency.sources.intervals import DatedPrefixes
from residency.sources.range_files import Prefix, check_prefix

_V4_ADDRESSES = 1 << 32


class NetworkList:
    """Prefixes with what is said of them; the longest prefix that holds an address answers, on any day."""

    def __init__(
        self,
        snapshot: Snapshot,
        rows: Sequence[tuple[Prefix, Statement]],
        *,
        faults: Sequence[Fault] = (),
        notes: Sequence[str] = (),
    ) -> None:
        self._snapshot = snapshot
        self._rows = tuple(rows)
        self.faults, self.notes = tuple(faults), tuple(notes)
        self._prefixes = DatedPrefixes.undated([prefix for prefix, _ in self._rows])

    @property
    def snapshot(self) -> Snapshot:
        """The list's version."""
        return self._snapshot

    def answer(self, addresses: Addresses, days: Sequence[date]) -> Answer:
        """Say what the longest listed prefix says of every address."""
        return Answer.of_rows(self._prefixes.longest(addresses), lambda row: self._rows[row][1])


@lru_cache(maxsize=1)
def published_anycast() -> NetworkList:
    """Return the shipped table of anycast services and shared fronts (loaded once a process)."""
    content, entry = read_verified("anycast")
    rows = []
    for row in csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")):
        prefix = check_prefix(row["prefix"])
        if isinstance(prefix, str):
            raise SourceError(f"the shipped list of anycast services: {row['prefix']}: {prefix}")
        many = row["kind"] == "anycast"
        says = f"{row['service']} of {row['operator']}: " + ("anycast" if many else "a front of many services")
        rows.append((prefix, _say(entry.snapshot, says, is_anycast=many)))
    return NetworkList(entry.snapshot, rows)


def anycast_file(path: str | PathLike[str]) -> NetworkList:
    """Read a list of anycast prefixes: one a line, its name after a comma if it has one, `#` before a comment.

    Malformed lines are left out, and stand in `faults`. Raises SourceError where most are or none is a prefix,
    LimitError for a list that covers over 1 % of all IPv4 addresses: it would void nearly everything.
    """
    content = _read(Path(path))
    snapshot = _snapshot("anycast", f"anycast prefixes in {Path(path).name}", str(path), content)
    prefixes, faults = _prefixes(_lines(content, path), path)
    notes = [*_share(prefixes, path), *_left_out(faults, path)]
    rows = [
        (prefix, _say(snapshot, f"{shorten(row[1].strip(), 40) if len(row) > 1 else ''} anycast".strip(), True))
        for prefix, row in prefixes
    ]
    return NetworkList(snapshot, rows, faults=faults[: LIMITS.max_faults_kept], notes=notes)


def relay_file(path: str | PathLike[str]) -> NetworkList:
    """Read a private relay's egress list: `prefix,country,region,city` a line (Apple's published CSV).

    Its places are where the relay's clients are said to be. A server address in it is a front, and has no place.
    """
    content = _read(Path(path))
    snapshot = _snapshot("relay", f"private relay addresses in {Path(path).name}", str(path), content)
    prefixes, faults = _prefixes(_lines(content, path), path, least_columns=2)
    rows = []
    for prefix, row in prefixes:
        client = ", ".join(shorten(part.strip(), 40) for part in (row[3:4] + row[1:2]) if part.strip())
        says = f"private relay, listed for clients in {client}" if client else "private relay"
        rows.append((prefix, _say(snapshot, says, is_anycast=False)))
    return NetworkList(snapshot, rows, faults=faults[: LIMITS.max_faults_kept], notes=_left_out(faults, path))


def _say(snapshot: Snapshot, says: str, is_anycast: bool) -> Statement:
    return Statement(
        kind=Kind.NETWORK,
        source=snapshot.id,
        author=snapshot.author,
        says=says,
        anycast=is_anycast,
        network="cdn",
    )


def _snapshot(kind: str, name: str, path: str, content: bytes) -> Snapshot:
    sha256 = hashlib.sha256(content).hexdigest()
    return Snapshot(
        id=f"{kind}-{sha256[:8]}",
        kind="network",
        name=shorten(name),
        author="given",
        built=None,
        sha256=sha256,
        licence="given by the auditor",
        source=path,
    )


def _read(path: Path) -> bytes:
    try:
        return read_capped(path, LIMITS.max_ranges_bytes)
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", path=path) from error


def _lines(content: bytes, path: str | PathLike[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of every line that is neither empty nor a comment."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError("not UTF-8 text; write a prefix a line", path=path, offset=error.start) from error
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.partition("#")[0].strip()
        if bare:
            yield number, bare.split(",")


def _prefixes(
    lines: Iterable[tuple[int, list[str]]], path: str | PathLike[str], *, least_columns: int = 1
) -> tuple[list[tuple[Prefix, list[str]]], list[Fault]]:
    found: list[tuple[Prefix, list[str]]] = []
    faults: list[Fault] = []
    for number, row in lines:
        read = check_prefix(row[0].strip())
        if len(row) < least_columns:
            read = f"fewer than {least_columns} columns"
        if isinstance(read, str):
            faults.append(Fault(where=f"line {number}", line=number, what=f"{shorten(row[0])}: {read}"))
        else:
            found.append((read, row))
        if len(found) > LIMITS.max_range_prefixes:
            raise LimitError(f"a list of over {LIMITS.max_range_prefixes} prefixes", path=path)
    if len(faults) > len(found) or not found:
        first = faults[0] if faults else Fault(where="line 1", line=1, what="no prefix")
        raise SourceError(
            f"no list of prefixes: {first.what}; write one a line, as in 192.5.5.0/24", path=path, line=first.line
        )
    return found, faults


def _share(prefixes: Sequence[tuple[Prefix, list[str]]], path: str | PathLike[str]) -> Iterator[str]:
    """Warn of a list that covers much of IPv4; refuse one that covers too much."""
    share = sum(1 << (32 - length) for family, _, length in {p for p, _ in prefixes} if family == 4) / _V4_ADDRESSES
    if share > LIMITS.max_listed_share:
        raise LimitError(f"{share:.1%} of all IPv4 addresses are called anycast; give a narrower list", path=path)
    if share > LIMITS.warn_listed_share:
        yield f"{path}: {share:.2%} of all IPv4 addresses are called anycast"


def _left_out(faults: Sequence[Fault], path: str | PathLike[str]) -> list[str]:
    if not faults:
        return []
    return [f"{path}: {len(faults)} malformed lines are left out, first line {faults[0].line}: {faults[0].what}"]
