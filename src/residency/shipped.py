"""Find the data that ships with residency and verify it against its manifest on every load.

One locator serves a wheel (the folder lies inside the package) and a checkout (it lies beside `src`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from residency.errors import SourceError
from residency.model.evidence import Snapshot

_HERE = Path(__file__).resolve().parent
_REINSTALL = "reinstall residency, or rebuild data/ as data/build/README.md says"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the manifest: a shipped file with its source, licence, date and hash."""

    file: str
    size: int
    rows: int
    snapshot: Snapshot
    note: str
    listings: dict[str, tuple[date, ...]]  # provider -> days on which its list was taken


def data_root() -> Path:
    """Return the folder of shipped data; raises SourceError where there is none."""
    for folder in (_HERE / "data", _HERE.parents[1] / "data"):
        if (folder / "manifest.json").is_file():
            return folder
    raise SourceError(f"the data that ships with residency is missing; {_REINSTALL}")


def data_path(name: str) -> Path:
    """Return the path of a shipped file or folder by its name below data/ (not verified)."""
    path = data_root() / name
    if not path.exists():
        raise SourceError(f"shipped data `{name}` is missing; {_REINSTALL}")
    return path


@lru_cache(maxsize=1)
def manifest() -> dict[str, Entry]:
    """Return the manifest's entries by id; raises SourceError for a damaged manifest."""
    path = data_root() / "manifest.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        entries = [_entry(item) for item in raw["entries"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"the manifest of shipped data is damaged; {_REINSTALL}", path=path) from error
    return {entry.snapshot.id: entry for entry in entries}


def read_verified(entry_id: str) -> tuple[bytes, Entry]:
    """Return the bytes of a shipped file whose name, size and sha256 agree with the manifest."""
    entry = manifest().get(entry_id)
    if entry is None:
        raise SourceError(f"shipped data has no entry `{entry_id}`; {_REINSTALL}")
    path = data_path(entry.file)
    content = path.read_bytes()
    if len(content) != entry.size or hashlib.sha256(content).hexdigest() != entry.snapshot.sha256:
        raise SourceError(f"differs from its manifest (size or sha256); {_REINSTALL}", path=path)
    return content, entry


def _entry(item: dict[str, object]) -> Entry:
    listings = {
        provider: tuple(date.fromisoformat(day) for day in days)
        for provider, days in dict(item.get("snapshots") or {}).items()  # type: ignore[call-overload]
    }
    built = item.get("built")
    max_age = item.get("max_age_days")
    return Entry(
        file=str(item["file"]),
        size=int(str(item["bytes"])),
        rows=int(str(item["rows"])),
        note=str(item.get("note") or ""),
        listings=listings,
        snapshot=Snapshot(
            id=str(item["id"]),
            kind=str(item["kind"]),
            name=str(item["name"]),
            author=str(item["author"]),
            built=datetime.fromisoformat(str(built)).date() if built else None,
            sha256=str(item["sha256"]),
            licence=str(item["licence"]),
            lineage=str(item.get("lineage") or ""),
            max_age_days=int(str(max_age)) if max_age is not None else None,
            attribution=str(item.get("attribution") or ""),
            source=str(item.get("source") or ""),
        ),
    )
