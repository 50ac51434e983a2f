"""Files of round-trip times: our CSV (DESIGN 7.4), RIPE Atlas results with their probe list, Globalping results.

One reader for each shape fills a `Times`, which keeps the least time of every vantage, target and kind and sets aside
what is no time: zero or less, not a number, beyond `LIMITS.max_rtt_ms` (files mark losses so: 100000.0, 1e12).
A row set aside is counted, with its line or number and the reason; a file that holds no time at all is refused.

Not checked: that a vantage stands where its file says. `evaluate.mesh` finds the worst of those, where the vantages
measured each other.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from os import PathLike, fspath
from pathlib import Path

from residency.errors import LimitError, SourceError, shorten
from residency.files import read_capped
from residency.limits import LIMITS
from residency.model.evidence import Snapshot
from residency.model.latency import Latency, RefusedRow, RttKind
from residency.model.names import HostNameError, normalise_host
from residency.model.network import Vantage, parse_address


@dataclass(frozen=True, slots=True, kw_only=True)
class RttFile:
    """One file of times as read: the least times, the rows set aside, and the vantages by their own addresses.

    `aliases` are addresses of vantages (address -> vantage name), by which one vantage measures another.
    """

    path: str
    snapshot: Snapshot
    latencies: tuple[Latency, ...]
    refused: tuple[RefusedRow, ...]
    rows: int
    aliases: tuple[tuple[str, str], ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """Everything that was measured, sorted."""
        return tuple(sorted({one.target for one in self.latencies}))


class Times:
    """Collects times: the least of each vantage, target and kind; keeps what it refuses, with its reason."""

    def __init__(self) -> None:
        self.rows = 0
        self.refused: list[RefusedRow] = []
        self.vantages: dict[str, Vantage] = {}
        self._least: dict[tuple[str, str, RttKind], Latency] = {}
        self._targets: dict[str, tuple[str, bool] | str] = {}

    def refuse(self, number: int, reason: str, value: object = "") -> None:
        """Set a row aside; raises LimitError where nearly nothing is a time."""
        if len(self.refused) >= LIMITS.max_rtt_rows_refused:
            raise LimitError(f"holds more than {LIMITS.max_rtt_rows_refused:,} rows that are no times: {reason}")
        self.refused.append(RefusedRow(number=number, reason=reason, value=shorten(value)))

    def count(self) -> None:
        """Count one row; raises LimitError beyond the cap."""
        self.rows += 1
        if self.rows > LIMITS.max_rtt_rows:
            raise LimitError(f"holds more than {LIMITS.max_rtt_rows:,} times; split it")

    def stand(self, vantage: Vantage) -> str:
        """Remember where a vantage stands; return why not, where the same name stood elsewhere or the file is full."""
        known = self.vantages.get(vantage.name)
        if known is None:
            if len(self.vantages) >= LIMITS.max_vantages:
                raise LimitError(f"names more than {LIMITS.max_vantages:,} vantages; split it")
            self.vantages[vantage.name] = vantage
            return ""
        moved = (known.lat, known.lon, known.radius_km) != (vantage.lat, vantage.lon, vantage.radius_km)
        return f"vantage `{shorten(vantage.name)}` stands elsewhere in an earlier row" if moved else ""

    def add(
        self, number: int, vantage: str, target: str, rtt_ms: object, kind: RttKind, at: datetime | None = None
    ) -> None:
        """Add one time of a vantage that stands, or set it aside."""
        value, reason = read_rtt(rtt_ms)
        if value is None:
            self.refuse(number, reason, rtt_ms)
            return
        read = self._target(target)
        if isinstance(read, str):
            self.refuse(number, read, target)
            return
        text, is_address = read
        key = (vantage, text, kind)
        known = self._least.get(key)
        if known is None:
            where = self.vantages[vantage]
            self._least[key] = Latency(
                vantage=where, target=text, is_address=is_address, rtt_ms=value, kind=kind, at=at
            )
            return
        samples = known.samples + 1
        if value < known.rtt_ms:
            self._least[key] = replace(known, rtt_ms=value, at=at, samples=samples)
        else:
            self._least[key] = replace(known, samples=samples)

    def latencies(self) -> tuple[Latency, ...]:
        """Everything kept, by target, vantage and kind."""
        return tuple(self._least[key] for key in sorted(self._least, key=lambda k: (k[1], k[0], k[2].value)))

    def _target(self, text: str) -> tuple[str, bool] | str:
        found = self._targets.get(text)
        if found is None:
            found = self._targets[text] = read_target_text(text)
        return found


def read_rtt(value: object) -> tuple[float | None, str]:
    """Return (ms, "") or (None, why): a time is a finite number above zero and at most `LIMITS.max_rtt_ms`."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None, "rtt_ms: not a number"
    if isinstance(value, str) and "_" in value:
        return None, "rtt_ms: not a number"
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None, "rtt_ms: not a number"
    if not math.isfinite(number):
        return None, "rtt_ms: not finite"
    if number <= 0:
        return None, "rtt_ms: not above zero: no round trip takes no time"
    if number < LIMITS.min_rtt_ms:
        return None, f"rtt_ms: under {LIMITS.min_rtt_ms:g} ms: shorter than any clock here can tell"
    if number > LIMITS.max_rtt_ms:
        return None, f"rtt_ms: over {LIMITS.max_rtt_ms:g} ms: a mark for a loss, not a time"
    return number, ""


def read_target_text(text: str) -> tuple[str, bool] | str:
    """Return (canonical text, is it an address), or why it is no target: empty, or an address in a form refused."""
    stripped = text.strip()
    if not stripped or len(stripped) > LIMITS.max_vantage_name_characters:
        return "target: empty or too long"
    try:
        return parse_address(stripped).text, True
    except ValueError as error:
        if ":" in stripped and all(c in "0123456789abcdefABCDEF:.%" for c in stripped):
            return f"target: {error}"
        if stripped.replace(".", "").isdigit() or stripped.lower().startswith("0x"):
            return f"target: {error}"
    try:
        return normalise_host(stripped) or stripped, False
    except HostNameError:
        return stripped, False  # a free label


def read_rtt_files(paths: Sequence[str | PathLike[str]]) -> tuple[RttFile, ...]:
    """Read files of times, of whichever shape each is; a RIPE Atlas probe list among them places the probes.

    Raises SourceError for a file that cannot be read, is of no known shape, or holds no time that can be used;
    LimitError beyond the caps. Rows that hold no time are in `refused`.
    """
    contents = [(path, _content(path)) for path in paths]
    lists = [(path, content) for path, content in contents if _is_json(content) and _is_probe_list(path, content)]
    probes = _Probes({}, {})
    for path, content in lists:
        with _told(path):
            probes = probes.joined(content)
    given = {fspath(path) for path, _ in lists}
    return tuple(_read(path, content, probes) for path, content in contents if fspath(path) not in given)


def read_vantage_file(path: str | PathLike[str]) -> tuple[Vantage, ...]:
    """Read a CSV of vantages: `name,lat,lon` and optional `radius_km,asn,country`; raises SourceError."""
    from residency.sources.latency_csv import read_csv_vantages

    with _told(path):
        return read_csv_vantages(_content(path))


@dataclass(frozen=True, slots=True)
class _Probes:
    """Vantages by probe number, and probe names by their own addresses."""

    vantages: dict[int, Vantage]
    aliases: dict[str, str]

    def joined(self, content: bytes) -> _Probes:
        from residency.sources.latency_json import json_documents, read_probes

        vantages, aliases = read_probes(json_documents(content))
        return _Probes(self.vantages | vantages, self.aliases | aliases)


def _read(path: str | PathLike[str], content: bytes, probes: _Probes) -> RttFile:
    times = Times()
    with _told(path):
        name, aliases = _fill(content, probes, times)
        latencies = times.latencies()
        if not latencies:
            first = f"; the first row set aside: {times.refused[0].reason}" if times.refused else ""
            raise SourceError(f"holds no round-trip time that can be used{first}")
    return RttFile(
        path=fspath(path),
        snapshot=_snapshot(path, content, name, latencies),
        latencies=latencies,
        refused=tuple(times.refused),
        rows=times.rows,
        aliases=tuple(sorted(aliases.items())),
    )


def _fill(content: bytes, probes: _Probes, times: Times) -> tuple[str, dict[str, str]]:
    """Fill `times` from a file of any shape; return what it is, and its vantages by address."""
    if not _is_json(content):
        from residency.sources.latency_csv import read_csv_times

        read_csv_times(content, times)
        return "round-trip times", {}
    from residency.sources.latency_json import is_globalping, json_documents, read_atlas, read_globalping

    documents = json_documents(content)
    if any(is_globalping(one) for one in documents):
        read_globalping(documents, times)
        return "round-trip times of Globalping", {}
    if not probes.vantages:
        raise SourceError(
            "RIPE Atlas results name their probes by number only; give the probe list (what the API's /probes/ answers)"
            " with another --rtt"
        )
    read_atlas(documents, probes.vantages, times)
    return "round-trip times of RIPE Atlas", probes.aliases


@contextmanager
def _told(path: str | PathLike[str]) -> Iterator[None]:
    """Name the file in what is raised of its content."""
    try:
        yield
    except (SourceError, LimitError) as error:
        if error.path is not None:
            raise
        raised = SourceError if isinstance(error, SourceError) else LimitError
        raise raised(error.what, path=path, line=error.line, offset=error.offset) from error


def _is_json(content: bytes) -> bool:
    return content[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{")


def _is_probe_list(path: str | PathLike[str], content: bytes) -> bool:
    from residency.sources.latency_json import is_probe_list, json_documents

    with _told(path):
        return is_probe_list(json_documents(content))


def _content(path: str | PathLike[str]) -> bytes:
    try:
        return read_capped(path, LIMITS.max_rtt_file_bytes)
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", path=path) from error


def _snapshot(path: str | PathLike[str], content: bytes, name: str, latencies: Sequence[Latency]) -> Snapshot:
    digest = hashlib.sha256(content).hexdigest()
    days = sorted({one.at.date() for one in latencies if one.at is not None})
    return Snapshot(
        id=f"rtt-{digest[:12]}",
        kind="measured",
        name=f"{name}: {Path(path).name}",
        author="auditor",
        built=days[-1] if days else None,
        sha256=digest,
        licence="given by the auditor",
        lineage="auditor",
    )
