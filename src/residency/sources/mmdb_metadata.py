"""Read and check the metadata of a MaxMind DB file: what the tree and the data are read by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from residency.errors import SourceError
from residency.limits import LIMITS
from residency.sources.mmdb_data import DataSection, Value, damaged

MARKER = b"\xab\xcd\xefMaxMind.com"
_MAX_METADATA_BYTES = 128 * 1024  # of the format, marker included
SEPARATOR_BYTES = 16
_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a database says of itself; `data_start` and `data_end` are offsets, `fingerprint` the sha256 of it all."""

    database_type: str
    description: str
    built_at: datetime
    ip_version: int
    node_count: int
    record_size_bits: int
    data_start: int
    data_end: int
    fingerprint: str

    @property
    def node_bytes(self) -> int:
        """Size of one node: two records."""
        return self.record_size_bits // 4


def read_metadata(content: bytes, now: datetime) -> Metadata:
    """Read the metadata at the end of a file and check it against the file's size and the clock.

    Refused: another major version, sizes that do not fit the file, a separator that is not empty, a build time before
    2000 or more than a day after `now`. Raises SourceError.
    """
    marker = content.rfind(MARKER, max(0, len(content) - _MAX_METADATA_BYTES))
    if marker < 0:
        raise SourceError("not a MaxMind DB file (no metadata at its end); give a .mmdb file, decompressed")
    start = marker + len(MARKER)
    raw = DataSection(content, start, len(content)).read_one()
    if not isinstance(raw, Mapping):
        raise damaged("the metadata are no map", start)
    if _integer(raw, "binary_format_major_version", start) != 2:
        raise SourceError("a MaxMind DB file of another major version than 2; residency reads version 2")
    record_size_bits = _integer(raw, "record_size", start)
    node_count = _integer(raw, "node_count", start)
    ip_version = _integer(raw, "ip_version", start)
    if record_size_bits not in (24, 28, 32) or ip_version not in (4, 6):
        raise damaged(f"record size {record_size_bits} or IP version {ip_version} do not exist", start)
    if not 0 < node_count <= LIMITS.max_mmdb_nodes:
        raise damaged(f"{node_count:,} nodes, where 1 to {LIMITS.max_mmdb_nodes:,} are read", start)
    tree_bytes = node_count * record_size_bits // 4
    if tree_bytes + SEPARATOR_BYTES > marker:
        raise damaged("the search tree is larger than the file", start)
    if any(content[tree_bytes : tree_bytes + SEPARATOR_BYTES]):
        raise damaged("the search tree does not end where the metadata say", tree_bytes)
    return Metadata(
        database_type=_text(raw.get("database_type")),
        description=_description(raw.get("description")),
        built_at=_built_at(_integer(raw, "build_epoch", start), now),
        ip_version=ip_version,
        node_count=node_count,
        record_size_bits=record_size_bits,
        data_start=tree_bytes + SEPARATOR_BYTES,
        data_end=marker,
        fingerprint=hashlib.sha256(content[marker:] + len(content).to_bytes(8, "big")).hexdigest(),
    )


def check_build_time(built_at: datetime, now: datetime) -> None:
    """Refuse a database from the future (more than a day after `now`) or from before 2000; raises SourceError."""
    if not _OLDEST <= built_at <= now + timedelta(days=1):
        raise _impossible_time(f"on {built_at:%Y-%m-%d}", now)


def _built_at(epoch_s: int, now: datetime) -> datetime:
    latest_s = int((now + timedelta(days=1)).timestamp())
    if not int(_OLDEST.timestamp()) <= epoch_s <= latest_s:
        raise _impossible_time(f"{epoch_s} s after 1970", now)
    return datetime.fromtimestamp(epoch_s, UTC)


def _impossible_time(when: str, now: datetime) -> SourceError:
    return SourceError(f"says that it was built {when}; today is {now:%Y-%m-%d}: get the file anew, or set the clock")


def _integer(raw: Mapping[str, Value], key: str, offset: int) -> int:
    value = raw.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise damaged(f"the metadata lack the number {key}", offset)
    return value


def _text(value: Value | None) -> str:
    return value[: LIMITS.max_mmdb_text_characters] if isinstance(value, str) else ""


def _description(value: Value | None) -> str:
    if isinstance(value, Mapping) and value:
        return _text(value.get("en") or next(iter(value.values())))
    return ""
