"""Where imported GeoIP databases lie: one folder for each content, found by sha256, with pins and a second look.

    <cache>/geoip/<sha256>-v<layout>/     the columns
    <cache>/geoip/<sha256>.pinned         somebody stated this sha256
    <cache>/geoip/seen/<name>             the sha256 of a file, as long as its size and times stay

A flipped bit that leaves a file well-formed cannot be told from the file alone. So a sha256 may be stated (an option,
or a file `NAME.mmdb.sha256` beside it), and a file that has the metadata and size of another one but not its content
is refused: one of the two is damaged.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from residency.errors import SourceError
from residency.limits import LIMITS
from residency.sources.interval_cache import Columns, DamagedCacheError, new_folder
from residency.sources.mmdb_import import Progress
from residency.sources.mmdb_process import import_in_child

LAYOUT = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_SIDECAR_BYTES = 4_096
_RACY_NS = 2_000_000_000  # a file changed this recently may change again within the same time stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An imported database: its columns, its content's sha256, and whether anybody stated that."""

    columns: Columns
    sha256: str
    is_pinned: bool


def cache_root(cache_dir: Path | None) -> Path:
    """Return the folder of imported databases, below `cache_dir` or the user's cache."""
    if cache_dir is None:
        import platformdirs

        cache_dir = platformdirs.user_cache_path("residency")
    return Path(cache_dir) / "geoip"


def stored_database(
    path: Path, *, now: datetime, cache_dir: Path | None, sha256: str | None, progress: Progress | None
) -> Stored:
    """Return the columns of the database at `path`, importing it where they are not in the cache.

    Raises SourceError: no such file, another sha256 than stated, damage, a twin with other content.
    """
    root = cache_root(cache_dir)
    stated = _stated_sha256(path, sha256)
    digest = _sha256_of(path, root)
    if stated is not None and stated != digest:
        raise SourceError(f"its sha256 is {digest}, not {stated} as stated; get the file anew", path=path)
    folder = root / f"{digest}-v{LAYOUT}"
    try:
        columns = _columns(path, digest, folder, now, progress)
        _pin(root, digest, stated)
    except OSError as error:
        raise SourceError(f"the cache cannot be written: {error.strerror}; set XDG_CACHE_HOME", path=root) from error
    is_pinned = (root / f"{digest}.pinned").is_file()
    if not is_pinned:
        _refuse_twin(path, root, digest, str(columns.about["fingerprint"]))
    return Stored(columns=columns, sha256=digest, is_pinned=is_pinned)


def stored_databases(cache_dir: Path | None = None) -> Iterator[Stored]:
    """Yield every imported database in the cache, by sha256; damaged ones are left out."""
    root = cache_root(cache_dir)
    for folder in sorted(root.glob(f"*-v{LAYOUT}")) if root.is_dir() else ():
        digest = folder.name.partition("-")[0]
        try:
            columns = Columns(folder)
        except DamagedCacheError:
            continue
        yield Stored(columns=columns, sha256=digest, is_pinned=(root / f"{digest}.pinned").is_file())


def _columns(path: Path, digest: str, folder: Path, now: datetime, progress: Progress | None) -> Columns:
    if folder.exists():
        try:
            return _verified(folder, digest)
        except DamagedCacheError:
            shutil.rmtree(folder)
    with new_folder(folder) as scratch:
        import_in_child(path, digest, scratch, now=now, progress=progress)
        _verified(scratch, digest)
    return _verified(folder, digest)


def _verified(folder: Path, digest: str) -> Columns:
    columns = Columns(folder)
    columns.verify()
    if columns.about.get("sha256") != digest:
        raise DamagedCacheError("these columns belong to another database", path=folder)
    return columns


def _pin(root: Path, digest: str, stated: str | None) -> None:
    if stated is not None:
        (root / f"{digest}.pinned").touch()


def _refuse_twin(path: Path, root: Path, digest: str, fingerprint: str) -> None:
    for other in stored_databases(root.parent):
        if other.sha256 != digest and other.columns.about.get("fingerprint") == fingerprint:
            raise SourceError(
                f"has the metadata and size of a database that was imported before (sha256 {other.sha256[:16]}…), but "
                f"not its content: one is damaged; pin the sound one with `residency data import FILE --sha256 HEX`",
                path=path,
            )


def _stated_sha256(path: Path, given: str | None) -> str | None:
    """Return the sha256 that the caller or a file beside the database states; raises SourceError where it is none."""
    where = "--sha256"
    if given is None:
        beside = Path(f"{path}.sha256")
        if not beside.is_file():
            return None
        where = beside.name
        with beside.open("rb") as file:
            given = file.read(_MAX_SIDECAR_BYTES).decode("ascii", "replace").partition(" ")[0]
    found = given.strip().lower()
    if not _SHA256.fullmatch(found):
        raise SourceError(f"{where} holds no sha256: 64 hexadecimal digits", path=path)
    return found


def _sha256_of(path: Path, root: Path) -> str:
    """Return the sha256 of a file: remembered where size, times and inode are those of the last look."""
    try:
        stat = path.stat()
        if not path.is_file():
            raise SourceError("not a file; give a .mmdb file", path=path)
        if stat.st_size > LIMITS.max_mmdb_bytes:
            raise SourceError(f"larger than {LIMITS.max_mmdb_bytes:,} bytes, the most that is read", path=path)
        note = root / "seen" / hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
        mark = f"{stat.st_dev} {stat.st_ino} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"
        remembered = _remembered(note, mark)
        if remembered and (root / f"{remembered}-v{LAYOUT}").is_dir():
            return remembered
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", path=path) from error
    _remember(note, mark, digest, stat)
    return digest


def _remembered(note: Path, mark: str) -> str:
    try:
        said, _, digest = note.read_text(encoding="ascii").strip().rpartition(" ")
    except (OSError, ValueError):
        return ""
    return digest if said == mark and _SHA256.fullmatch(digest) else ""


def _remember(note: Path, mark: str, digest: str, stat: os.stat_result) -> None:
    """Write the note; leave it for a file that was changed just now, and where the cache cannot be written."""
    import time

    if time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) < _RACY_NS:
        return
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(dir=note.parent)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{mark} {digest}\n")
        os.replace(scratch, note)
    except OSError:
        return
