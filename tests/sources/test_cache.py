"""The cache of fetched documents: age, negative answers, versions, damage."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from residency.errors import SourceError
from residency.limits import LIMITS
from residency.sources.cache import FetchCache
from residency.sources.fetched import Fetched, Outcome

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
URL = "https://rdap.example/ip/20.0.0.1"


def fetched(body: bytes = b"{}", *, days_ago: float = 0.0, outcome: Outcome = Outcome.OK, url: str = URL) -> Fetched:
    return Fetched(
        url=url,
        kind="rdap",
        outcome=outcome,
        fetched_at=NOW - timedelta(days=days_ago),
        sha256=hashlib.sha256(body).hexdigest() if outcome is Outcome.OK else "",
        body=body if outcome is Outcome.OK else b"",
        status=200 if outcome is Outcome.OK else 404,
        final_url=url,
    )


def latest(cache: FetchCache, max_age_days: float = 30) -> Fetched | None:
    return cache.latest("rdap", URL, now=NOW, max_age_days=max_age_days)


def test_nothing_is_kept_at_first_and_no_file_is_made(tmp_path: Path) -> None:
    cache = FetchCache(tmp_path / "new")
    assert latest(cache) is None
    assert cache.ranges("rdap", now=NOW, max_age_days=30) == ()
    assert cache.versions("rdap", URL) == ()
    assert not (tmp_path / "new").exists()


def test_a_document_comes_back_with_its_date(tmp_path: Path) -> None:
    FetchCache(tmp_path).put(fetched(b"abc", days_ago=3))
    found = latest(FetchCache(tmp_path))
    assert found == fetched(b"abc", days_ago=3)


def test_a_document_that_is_too_old_or_of_the_future_is_asked_for_again(tmp_path: Path) -> None:
    cache = FetchCache(tmp_path)
    cache.put(fetched(days_ago=3))
    assert latest(cache, 3) is not None
    assert latest(cache, 2.9) is None
    cache.put(fetched(days_ago=-1))
    assert latest(cache) is None


def test_not_found_is_kept_for_a_shorter_time_than_a_document(tmp_path: Path) -> None:
    cache = FetchCache(tmp_path)
    cache.put(fetched(outcome=Outcome.NOT_FOUND, days_ago=LIMITS.not_found_max_age_days))
    found = latest(cache)
    assert found is not None
    assert (found.outcome, found.status) == (Outcome.NOT_FOUND, 404)
    cache.put(fetched(outcome=Outcome.NOT_FOUND, days_ago=LIMITS.not_found_max_age_days + 0.1))
    assert latest(cache) is None


@pytest.mark.parametrize("outcome", [o for o in Outcome if o not in (Outcome.OK, Outcome.NOT_FOUND)])
def test_an_outage_is_not_kept_and_does_not_replace_what_is(tmp_path: Path, outcome: Outcome) -> None:
    cache = FetchCache(tmp_path)
    cache.put(fetched(b"abc", days_ago=1))
    assert not cache.put(fetched(outcome=outcome))
    found = latest(cache)
    assert found is not None
    assert found.body == b"abc"


def test_versions_lie_side_by_side_where_asked(tmp_path: Path) -> None:
    cache = FetchCache(tmp_path)
    for body, days in ((b"a", 9), (b"b", 5), (b"b", 2)):
        cache.put(fetched(body, days_ago=days), replaces=False)
    found = cache.versions("rdap", URL)
    assert [(f.body, (NOW - f.fetched_at).days) for f in found] == [(b"a", 9), (b"b", 2)]
    cache.put(fetched(b"c"))
    assert [f.body for f in cache.versions("rdap", URL)] == [b"c"]


def test_ranges_of_both_families_survive(tmp_path: Path) -> None:
    cache = FetchCache(tmp_path)
    cache.put(fetched(days_ago=2), covers=(4, 20 << 24, (21 << 24) - 1))
    cache.put(fetched(days_ago=40, url=URL + "6"), covers=(6, 2**127, 2**128 - 1))
    (young,) = cache.ranges("rdap", now=NOW, max_age_days=30)
    assert (young.family, young.first, young.last, young.url) == (4, 20 << 24, (21 << 24) - 1, URL)
    assert [r.last for r in cache.ranges("rdap", now=NOW, max_age_days=50)] == [(21 << 24) - 1, 2**128 - 1]


def test_a_changed_body_is_refused(tmp_path: Path) -> None:
    cache = FetchCache(tmp_path)
    cache.put(fetched(b"country: IE, and more of it to be found in the file"))
    content = cache.path.read_bytes()
    assert content.count(b"country: IE") == 1
    cache.path.write_bytes(content.replace(b"country: IE", b"country: CN"))
    with pytest.raises(SourceError, match="was changed"):
        latest(cache)


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\x00" + bytes(200)])
def test_a_damaged_file_is_one_error_that_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    cache = FetchCache(tmp_path)
    cache.path.write_bytes(content)
    for use in (lambda: latest(cache), lambda: cache.put(fetched())):
        with pytest.raises(SourceError, match="delete the file"):
            use()


def test_the_cache_lies_in_the_user_s_folder_unless_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert FetchCache().path.name == "fetched.sqlite"
    assert "residency" in FetchCache().path.parts
