"""Turn a MaxMind DB file into interval columns: the work of a child process that may run out of time or memory.

`import_database` is a function of the bytes and the clock. Run as a module it reads a request on stdin, limits itself,
writes the columns and answers with one line of JSON. The C reader is never used: it crashes on flipped bits. The file
is read by residency's own strict reader, and the pure Python reader of `maxminddb` must agree on networks from all
over the file.
"""

from __future__ import annotations

import hashlib
import io
import ipaddress
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from residency.errors import SourceError
from residency.limits import LIMITS
from residency.sources.interval_cache import write_columns
from residency.sources.mmdb_data import DataSection, Identity, damaged
from residency.sources.mmdb_metadata import Metadata, read_metadata
from residency.sources.mmdb_shapes import Kept, Ties, keep
from residency.sources.mmdb_tree import NOTHING, Leaves, read_tree

Progress = Callable[[str, float], None]
SECOND_READINGS = 256  # networks that maxminddb reads too
_SAYS_COUNTRY = ("country", "city", "enterprise")
_RECORDS_A_STEP = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A database as columns, and what is known of it."""

    columns: dict[str, NDArray[Any]]
    about: dict[str, object]


def import_database(
    content: bytes, now: datetime, *, progress: Progress | None = None, second_readings: int = SECOND_READINGS
) -> Imported:
    """Read a whole database into columns; raises SourceError with the offset of what is wrong.

    1. Metadata against the file. 2. The tree is a tree. 3. The data from start to end. 4. Every leaf is a record and
    every record has a leaf. 5. What the records say. 6. A second reader agrees.
    """
    step = progress or _say_nothing
    step("reading the tree", 0.0)
    metadata = read_metadata(content, now)
    leaves = read_tree(content, metadata)
    step("reading the records", 0.3)
    section = DataSection(content, metadata.data_start, metadata.data_end)
    standing = section.read_all()
    _check_records(standing, leaves, metadata)
    codes, kept = _keep_all(section, standing, metadata, step)
    _check_kept(kept, metadata)
    _second_reading(content, section, standing, leaves, metadata, second_readings)
    step("writing columns", 0.9)
    columns = {**_interval_columns(leaves, standing, codes, metadata), **_value_columns(kept)}
    about = {
        "database_type": metadata.database_type,
        "description": metadata.description,
        "built_at": metadata.built_at.isoformat(),
        "fingerprint": metadata.fingerprint,
        "networks": leaves.networks,
        "holds": sorted(_holds(kept)),
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
    return Imported(columns=columns, about=about)


def _say_nothing(_what: str, _done: float) -> None:
    return


def _check_records(standing: Mapping[int, Identity], leaves: Leaves, metadata: Metadata) -> None:
    """Leaves name records by their start; every record is named; no two are the same."""
    both = np.concatenate([leaves.v4_records, leaves.v6_records])
    named = np.unique(both[both != NOTHING]) + metadata.data_start
    starts = np.fromiter(standing, dtype=np.int64, count=len(standing))
    astray = np.setdiff1d(named, starts)
    if len(astray):
        raise damaged("the search tree points into the middle of a record", int(astray[0]))
    identities = np.fromiter(standing.values(), dtype=np.int64, count=len(standing))
    lost = np.setdiff1d(starts, named)
    if len(lost):
        raise damaged("no network leads to this record", int(lost[0]))
    distinct, first = np.unique(identities, return_index=True)
    if len(distinct) != len(identities):
        double = np.setdiff1d(np.arange(len(identities)), first)[0]
        raise damaged("a record is stored twice", int(starts[double]))


def _keep_all(
    section: DataSection, standing: Mapping[int, Identity], metadata: Metadata, step: Progress
) -> tuple[dict[int, int], list[Kept]]:
    """Return record offset -> code (`NOTHING` for a record that says nothing), and what each code stands for."""
    codes: dict[int, int] = {}
    known: dict[Kept, int] = {}
    ties = Ties()
    is_maxmind = metadata.database_type.startswith(("GeoIP2-", "GeoLite2-"))
    for number, (offset, identity) in enumerate(standing.items()):
        record = section.value(identity)
        if is_maxmind:
            ties.check(record, offset)
        kept = keep(record, offset)
        codes[offset] = known.setdefault(kept, len(known)) if kept != Kept() else NOTHING
        if not number % _RECORDS_A_STEP:
            step("reading the records", 0.3 + 0.6 * number / len(standing))
    return codes, list(known)


def _check_kept(kept: list[Kept], metadata: Metadata) -> None:
    says = metadata.database_type.lower()
    if any(word in says for word in _SAYS_COUNTRY) and not any(k.country for k in kept):
        raise damaged(
            f"its type is `{metadata.database_type[:60]}`, and no record names a country", metadata.data_start
        )


def _holds(kept: list[Kept]) -> set[str]:
    found = {
        "country": any(k.country for k in kept),
        "city": any(k.city for k in kept),
        "position": any(k.lat is not None for k in kept),
        "registered country": any(k.registered for k in kept),
        "asn": any(k.asn for k in kept),
    }
    return {name for name, is_held in found.items() if is_held}


def _second_reading(
    content: bytes,
    section: DataSection,
    standing: Mapping[int, Identity],
    leaves: Leaves,
    metadata: Metadata,
    readings: int,
) -> None:
    """Ask maxminddb's pure Python reader for networks spread over the file; raises SourceError where it disagrees."""
    from maxminddb.const import MODE_FD
    from maxminddb.errors import InvalidDatabaseError
    from maxminddb.reader import Reader

    rows_v4 = np.linspace(0, len(leaves.v4_starts) - 1, min(readings, len(leaves.v4_starts)), dtype=np.int64)
    rows_v6 = np.linspace(0, len(leaves.v6_starts) - 1, min(readings, len(leaves.v6_starts)), dtype=np.int64)
    asked: list[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]] = [
        (ipaddress.IPv4Address(int(leaves.v4_starts[row])), int(leaves.v4_records[row])) for row in rows_v4.tolist()
    ]
    for row in rows_v6.tolist():
        packed = bytes(leaves.v6_starts[row]).ljust(16, b"\0")
        if leaves.v6_records[row] != NOTHING:  # IPv4 and its aliases are left out of the tree of IPv6
            asked.append((ipaddress.IPv6Address(packed), int(leaves.v6_records[row])))
    try:
        with Reader(io.BytesIO(content), MODE_FD) as reader:
            for address, record in asked:
                theirs = reader.get(address)
                ours = None if record == NOTHING else section.value(standing[record + metadata.data_start])
                if theirs != ours:
                    raise damaged(f"two readers disagree on {address}", metadata.data_start)
    except (InvalidDatabaseError, UnicodeDecodeError, ValueError, TypeError) as error:
        raise damaged("a second reader refuses it", metadata.data_start) from error


def _interval_columns(
    leaves: Leaves, standing: Mapping[int, Identity], codes: Mapping[int, int], metadata: Metadata
) -> dict[str, NDArray[Any]]:
    offsets = np.fromiter(standing, dtype=np.int64, count=len(standing)) - metadata.data_start
    values = np.fromiter((codes[offset] for offset in standing), dtype=np.int32, count=len(standing))
    found: dict[str, NDArray[Any]] = {}
    for family, starts, records in (
        ("v4", leaves.v4_starts, leaves.v4_records),
        ("v6", leaves.v6_starts, leaves.v6_records),
    ):
        at = np.clip(np.searchsorted(offsets, records), 0, len(offsets) - 1)
        said = np.where(records == NOTHING, np.int32(NOTHING), values[at])
        changes = np.ones(len(said), dtype=bool)
        changes[1:] = said[1:] != said[:-1]
        found[f"{family}_starts"], found[f"{family}_codes"] = starts[changes], said[changes]
    return found


def _value_columns(kept: list[Kept]) -> dict[str, NDArray[Any]]:
    def texts(name: str, values: list[str]) -> dict[str, NDArray[Any]]:
        coded = [value.encode("utf-8") for value in values]
        ends = np.cumsum([0, *(len(text) for text in coded)])
        return {f"{name}_at": ends.astype(np.uint32), f"{name}_text": np.frombuffer(b"".join(coded), np.uint8)}

    def numbers(values: list[float | None]) -> NDArray[np.float64]:
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

    return {
        "country": np.array([k.country for k in kept], dtype="S2"),
        "part": np.array([k.part for k in kept], dtype="S6"),
        "registered": np.array([k.registered for k in kept], dtype="S2"),
        "lat": numbers([k.lat for k in kept]),
        "lon": numbers([k.lon for k in kept]),
        "radius_km": numbers([k.radius_km for k in kept]),
        "asn": np.array([k.asn for k in kept], dtype=np.uint32),
        "says_anycast": np.array([k.says_anycast for k in kept], dtype=np.uint8),
        **texts("city", [k.city for k in kept]),
        **texts("organisation", [k.organisation for k in kept]),
    }


def _limit_this_process() -> None:
    try:
        import resource
    except ImportError:  # Windows: the parent's clock is the only limit
        return
    for what, limit in (
        (resource.RLIMIT_CPU, LIMITS.mmdb_import_cpu_s),
        (resource.RLIMIT_AS, LIMITS.mmdb_import_memory_bytes),
        (resource.RLIMIT_FSIZE, LIMITS.mmdb_import_file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _say(line: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Answer the request on stdin: {"path", "sha256", "now", "folder"}; every line of the answer is a JSON object."""
    request = json.loads(sys.stdin.readline())
    _limit_this_process()
    try:
        if os.stat(request["path"]).st_size > LIMITS.max_mmdb_bytes:
            raise SourceError(f"larger than {LIMITS.max_mmdb_bytes:,} bytes, which is not read as a database")
        content = Path(request["path"]).read_bytes()
        if hashlib.sha256(content).hexdigest() != request["sha256"]:
            raise SourceError("changed while it was read; try again")
        imported = import_database(
            content,
            datetime.fromisoformat(request["now"]),
            progress=lambda what, done: _say({"what": what, "done": done}),
        )
        about = imported.about | {"file": os.path.basename(request["path"])}
        write_columns(Path(request["folder"]), imported.columns, about)
    except SourceError as error:
        _say({"error": error.what, "offset": error.offset})
    except (OSError, MemoryError) as error:
        _say({"error": f"cannot be imported: {type(error).__name__} {error}", "offset": None})
    else:
        _say({"imported": True})


if __name__ == "__main__":
    main()
