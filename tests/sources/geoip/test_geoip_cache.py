"""One import a content; a stated sha256 is kept to; a damaged cache mends itself; twins are refused."""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from residency.errors import SourceError
from residency.sources import geoip_cache
from residency.sources.geoip_cache import Stored, stored_database, stored_databases

Write = Callable[..., bytes]
RECORDS = {"1.0.0.0/8": {"country_code": "IE"}, "2.0.0.0/8": {"country_code": "NO"}}
HOUR_NS = 3_600_000_000_000


@pytest.fixture
def database(tmp_path: Path, write: Write) -> Path:
    path = tmp_path / "acme.mmdb"
    path.write_bytes(write(RECORDS))
    return path


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def open_it(path: Path, cache: Path, now: datetime, sha256: str | None = None) -> Stored:
    return stored_database(path, now=now, cache_dir=cache, sha256=sha256, progress=None)


def forbid_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("imported again")

    monkeypatch.setattr(geoip_cache, "import_in_child", refuse)


def test_a_content_is_imported_once_whatever_its_name(
    monkeypatch: pytest.MonkeyPatch, database: Path, cache: Path, now: datetime
) -> None:
    first = open_it(database, cache, now)
    forbid_imports(monkeypatch)
    again = open_it(database.rename(database.with_name("other.mmdb")), cache, now)
    assert first.sha256 == again.sha256 == digest_of(database.with_name("other.mmdb"))
    assert not again.is_pinned


def test_a_file_that_stays_as_it_is_is_not_hashed_again_and_a_changed_one_is(
    monkeypatch: pytest.MonkeyPatch, database: Path, cache: Path, now: datetime, write: Write
) -> None:
    monkeypatch.setattr(geoip_cache, "_RACY_NS", -HOUR_NS)
    first = open_it(database, cache, now)
    content = database.read_bytes()
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert open_it(database, cache, now).sha256 == first.sha256
    monkeypatch.undo()
    database.write_bytes(content.replace(b"\x42NO", b"\x42SE"))
    assert digest_of(database) != first.sha256
    with pytest.raises(SourceError, match="one is damaged"):  # it was hashed anew: another content, a twin
        open_it(database, cache, now)


def test_a_file_changed_a_moment_ago_is_hashed_again(database: Path, cache: Path, now: datetime) -> None:
    stamp = time.time_ns()
    os.utime(database, ns=(stamp, stamp))
    open_it(database, cache, now)
    assert not list((cache / "geoip" / "seen").glob("*"))


def test_a_stated_sha256_is_kept_to(database: Path, cache: Path, now: datetime) -> None:
    digest = digest_of(database)
    assert open_it(database, cache, now, digest.upper()).is_pinned
    assert open_it(database, cache, now).is_pinned  # stated once for this content
    with pytest.raises(SourceError, match=f"is {digest}, not {'0' * 64} as stated"):
        open_it(database, cache, now, "0" * 64)
    with pytest.raises(SourceError, match="64 hexadecimal digits"):
        open_it(database, cache, now, "abc")


def test_a_file_beside_it_states_the_sha256(database: Path, cache: Path, now: datetime) -> None:
    beside = database.with_name("acme.mmdb.sha256")
    beside.write_text(f"{digest_of(database)}  acme.mmdb\n")
    assert open_it(database, cache, now).is_pinned
    for text in ("", "hello", "0" * 64):
        beside.write_text(text)
        with pytest.raises(SourceError):
            open_it(database, cache, now)


def test_every_flipped_bit_is_refused_where_the_sha256_is_stated(
    database: Path, cache: Path, now: datetime, maxmind: Path
) -> None:
    content = (maxmind / "test-data" / "GeoLite2-Country-Test.mmdb").read_bytes()
    database.with_name("acme.mmdb.sha256").write_text(hashlib.sha256(content).hexdigest())
    dice = random.Random(1)
    refused = 0
    for _ in range(1_000):
        bit = dice.randrange(len(content) * 8)
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        database.write_bytes(bytes(flipped))
        with pytest.raises(SourceError, match="as stated"):
            open_it(database, cache, now)
        refused += 1
    assert refused == 1_000


def test_two_contents_with_one_metadata_are_refused_until_one_is_stated(
    database: Path, cache: Path, now: datetime, write: Write
) -> None:
    other = database.with_name("copy.mmdb")
    other.write_bytes(write(RECORDS | {"2.0.0.0/8": {"country_code": "SE"}}))
    open_it(database, cache, now)
    with pytest.raises(SourceError, match="one is damaged; pin the sound one"):
        open_it(other, cache, now)
    assert open_it(other, cache, now, digest_of(other)).is_pinned
    with pytest.raises(SourceError, match="one is damaged"):
        open_it(database, cache, now)


def test_a_damaged_cache_is_built_anew(database: Path, cache: Path, now: datetime) -> None:
    digest = open_it(database, cache, now).sha256
    folder = cache / "geoip" / f"{digest}-v{geoip_cache.LAYOUT}"
    for name in ("header.json", "v4_codes.bin"):
        (folder / name).write_bytes(b"\0" * (folder / name).stat().st_size)
        stored = open_it(database, cache, now)
        assert stored.columns["v4_codes"].tolist() == [-1, 0, 1, -1]


def test_a_refused_file_leaves_nothing_behind(database: Path, cache: Path, now: datetime) -> None:
    database.write_bytes(b"no database")
    with pytest.raises(SourceError, match="not a MaxMind DB file"):
        open_it(database, cache, now)
    assert [path.name for path in (cache / "geoip").iterdir() if path.name != "seen"] == []


def test_what_cannot_be_read_is_one_line(tmp_path: Path, cache: Path, now: datetime) -> None:
    for path in (tmp_path / "absent.mmdb", tmp_path):
        with pytest.raises(SourceError) as caught:
            open_it(path, cache, now)
        assert len(str(caught.value).splitlines()) == 1


def test_a_cache_that_cannot_be_written_is_named(database: Path, tmp_path: Path, now: datetime) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(SourceError, match="XDG_CACHE_HOME"):
        open_it(database, blocked, now)


def test_the_cache_lists_what_it_holds(database: Path, cache: Path, now: datetime) -> None:
    assert list(stored_databases(cache)) == []
    open_it(database, cache, now)
    assert [(s.sha256, s.columns.about["file"]) for s in stored_databases(cache)] == [
        (digest_of(database), "acme.mmdb")
    ]
