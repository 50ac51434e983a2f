"""`data update` against a real HTTPS server on loopback: what is kept, what is refused, and what is left alone."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.sources.conftest import Audit, Web

from residency.errors import SourceError, UsageError
from residency.sources import update
from residency.sources.fetch_policy import check_url
from residency.sources.given_ranges import range_sources
from residency.sources.interface import Source
from residency.sources.provider_ranges import embedded_ranges
from residency.sources.update import (
    PUBLISHED,
    PublishedList,
    Updated,
    choose_lists,
    kept_files,
    policy_for,
    update_ranges,
)

AWS = {
    "syncToken": "1",
    "createDate": "2026-11-02-10-00-00",
    "prefixes": [{"ip_prefix": "3.5.140.0/22", "region": "eu-west-1", "service": "EC2"}],
    "ipv6_prefixes": [],
}
FASTLY = {"addresses": ["23.235.32.0/20"], "ipv6_addresses": ["2a04:4e40::/32"]}


def fetch(web: Web, folder: Path, list_id: str, path: str, form: str = "json") -> Updated:
    item = PublishedList(list_id=list_id, provider=list_id, url=web.url(path), form=form)
    (found,) = update_ranges(web.fetcher(), [item], folder)
    return found


def test_a_list_is_kept_under_its_own_day_with_its_hash(web: Web, tmp_path: Path) -> None:
    web.page("/aws.json", json.dumps(AWS))
    found = fetch(web, tmp_path, "aws", "/aws.json")
    assert (found.failed, found.day, found.is_new, found.prefixes) == ("", date(2026, 11, 2), True, 1)
    assert found.kept == tmp_path / "aws" / "2026-11-02.json"
    assert json.loads(found.kept.read_bytes()) == AWS
    note = found.kept.with_name("2026-11-02.json.sha256").read_text()
    assert note == f"{found.sha256}  2026-11-02.json\n"
    assert sorted(p.name for p in found.kept.parent.iterdir()) == ["2026-11-02.json", "2026-11-02.json.sha256"]
    again = fetch(web, tmp_path, "aws", "/aws.json")
    assert (again.is_new, again.sha256) == (False, found.sha256)


def test_a_list_without_a_date_is_of_the_day_on_which_it_was_fetched(web: Web, tmp_path: Path) -> None:
    web.page("/fastly", json.dumps(FASTLY))
    before = datetime.now(UTC).date()
    found = fetch(web, tmp_path, "fastly", "/fastly")
    assert found.day is not None
    assert before <= found.day <= datetime.now(UTC).date()
    assert found.warnings == ()


def test_snapshots_lie_side_by_side_and_are_read_as_ranges(web: Web, tmp_path: Path) -> None:
    later = AWS | {"createDate": "2026-11-20-10-00-00"}
    web.page("/aws.json", json.dumps(AWS))
    web.page("/aws.json", json.dumps(later))
    for _ in range(2):
        assert not fetch(web, tmp_path, "aws", "/aws.json").failed
    files = kept_files(tmp_path)
    assert [Path(file).name for file in files] == ["2026-11-02.json@2026-11-02", "2026-11-20.json@2026-11-20"]
    (source,) = range_sources(files, embedded=False)
    assert source.snapshot.edges == (date(2026, 11, 2), date(2026, 11, 20))


def test_the_word_updated_reads_what_is_kept(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = update.kept_folder()
    assert tmp_path in folder.parents
    with pytest.raises(SourceError, match="data update"):
        range_sources(["updated"])
    web.page("/aws.json", json.dumps(AWS))
    fetch(web, folder, "aws", "/aws.json")
    edges = {source.snapshot.id: source.snapshot.edges for source in range_sources(["updated"])}
    assert date(2026, 11, 2) in edges["ranges-aws"]


def test_what_is_kept_changes_nothing_unless_it_is_asked_for(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    web.page("/aws.json", json.dumps(AWS))
    fetch(web, update.kept_folder(), "aws", "/aws.json")
    shipped: list[Source] = list(embedded_ranges())
    assert range_sources([]) == shipped


def test_the_page_that_names_azures_list_is_followed(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = web.url("/tags")
    monkeypatch.setattr(update, "_AZURE_LIST", re.compile(re.escape(base) + r"/ServiceTags_(\d{8})\.json"))
    links = "".join(f'<a href="{base}/ServiceTags_{day}.json">x</a>' for day in ("20261012", "20261109", "20269999"))
    web.page("/page", f"<html>{links}</html>", type="text/html; charset=utf-8")
    tag = {"name": "AzureCloud.westeurope", "properties": {"region": "westeurope", "addressPrefixes": ["20.1.0.0/16"]}}
    web.page("/tags/ServiceTags_20261109.json", json.dumps({"changeNumber": 1, "cloud": "Public", "values": [tag]}))
    found = fetch(web, tmp_path, "azure", "/page", form="page")
    assert (found.failed, found.day) == ("", date(2026, 11, 9))


def test_microsofts_links_are_told_from_others() -> None:
    base = "https://download.microsoft.com/download/7/1/d/71d86715-5596-4529-9b13-da13a5de5b63/"
    page = f'"{base}ServiceTags_Public_20261109.json" "{base}x.exe" "https://evil.example/ServiceTags_Public_20261231.json"'
    assert update._newest_link(page.encode()) == (f"{base}ServiceTags_Public_20261109.json", date(2026, 11, 9))


@pytest.mark.parametrize(
    ("body", "type_", "why"),
    [
        ("<html>Sign in</html>", "text/html", "malformed"),
        ("{}", "application/json", "no list of ranges"),
        (json.dumps(FASTLY), "application/json", "another list"),
        ('{"prefixes": [', "application/json", "malformed"),
        (json.dumps(AWS)[:-1] + ', "syncToken": "2"}', "application/json", "duplicate key"),
        (json.dumps(AWS | {"createDate": "2999-01-01-00-00-00"}), "application/json", "2999-01-01"),
    ],
)
def test_what_is_no_list_is_not_kept(web: Web, tmp_path: Path, body: str, type_: str, why: str) -> None:
    web.page("/aws.json", body, type=type_)
    found = fetch(web, tmp_path, "aws", "/aws.json")
    assert why in found.failed
    assert found.kept is None
    assert list(tmp_path.rglob("*.json")) == []


def test_one_that_fails_keeps_none_from_the_others(web: Web, tmp_path: Path) -> None:
    web.page("/aws.json", json.dumps(AWS))
    lists = [
        PublishedList(list_id="fastly", provider="fastly", url=web.url("/missing")),
        PublishedList(list_id="azure", provider="azure", url=web.url("/missing"), form="page"),
        PublishedList(list_id="aws", provider="aws", url=web.url("/aws.json")),
    ]
    found = update_ranges(web.fetcher(), lists, tmp_path)
    assert [bool(item.failed) for item in found] == [True, True, False]
    assert "not_found" in found[0].failed
    assert "--ranges FILE" in found[1].failed


def test_only_the_servers_of_the_lists_are_asked(web: Web, tmp_path: Path, audit: Audit) -> None:
    web.page("/aws.json", b"", status=302, headers=["Location: https://evil.example/aws.json"])
    found = fetch(web, tmp_path, "aws", "/aws.json")
    assert "refused_by_policy" in found.failed
    assert set(audit.connected) <= {"127.0.0.1"}


def test_a_kept_file_that_was_changed_is_refused(web: Web, tmp_path: Path) -> None:
    web.page("/aws.json", json.dumps(AWS))
    kept = fetch(web, tmp_path, "aws", "/aws.json").kept
    assert kept is not None
    kept.write_text(json.dumps(AWS | {"syncToken": "2"}))
    with pytest.raises(SourceError, match="differs"):
        kept_files(tmp_path)
    kept.with_name(kept.name + ".sha256").unlink()
    with pytest.raises(SourceError, match="cannot be read"):
        kept_files(tmp_path)


def test_a_folder_that_cannot_be_written_is_one_typed_error(web: Web, tmp_path: Path) -> None:
    (tmp_path / "aws").write_text("a file where the folder belongs")
    web.page("/aws.json", json.dumps(AWS))
    assert "cannot be written" in fetch(web, tmp_path, "aws", "/aws.json").failed


def test_every_official_address_is_https_and_allowed_by_its_policy() -> None:
    for item in PUBLISHED:
        assert check_url(item.url, policy_for([item])).url.startswith("https://")
        others = policy_for([other for other in PUBLISHED if other.provider != item.provider])
        with pytest.raises(SourceError):
            check_url(item.url, others)


def test_lists_are_chosen_by_provider_or_by_name() -> None:
    assert choose_lists([]) == PUBLISHED
    assert {item.list_id for item in choose_lists(["gcp"])} == {"gcp", "google"}
    assert {item.list_id for item in choose_lists(["google", "aws"])} == {"google", "aws"}
    with pytest.raises(UsageError, match="acme"):
        choose_lists(["acme"])
