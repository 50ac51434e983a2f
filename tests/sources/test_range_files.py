"""Providers' official files: told by content, dated by themselves, strict, and equal to the shipped table.

No provider's own file is at hand. So the shipped table, which was built from the lists of these providers, is
written in each provider's documented shape and read back.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.sources.range_documents import as_text

from residency.errors import LimitError, SourceError
from residency.limits import LIMITS
from residency.model.place import Gazetteer
from residency.sources.provider_ranges import ListedSpan, embedded_ranges
from residency.sources.range_files import RangeList, read_range_file, read_ranges, show, supernets, unknown_regions

PROVIDERS = {source.provider: source for source in embedded_ranges()}
DAY = date(2026, 10, 26)
AWS: dict[str, Any] = {
    "syncToken": "1780000000",
    "createDate": "2026-08-22-21-03-07",
    "prefixes": [
        {"ip_prefix": "3.5.140.0/22", "region": "ap-northeast-2", "service": "AMAZON"},
        {"ip_prefix": "83.119.128.0/18", "region": "eu-central-1", "service": "AMAZON"},
    ],
    "ipv6_prefixes": [{"ipv6_prefix": "2a05:d018::/36", "region": "eu-west-1", "service": "EC2"}],
}
AWS["prefixes"][1]["network_border_group"] = "eu-central-1-ist-1"


def read(document: object, path: str = "list.json", day: date | None = None) -> RangeList:
    text = document if isinstance(document, str) else json.dumps(document)
    return read_ranges(text.encode(), path=path, day=day)


def listed(provider: str, day: date) -> list[ListedSpan]:
    return [row for row in PROVIDERS[provider].rows() if row.first <= day <= row.last]


@pytest.mark.parametrize("provider", sorted(set(PROVIDERS) - {"github"}))
def test_the_shipped_rows_of_a_day_come_back_from_the_official_shape(provider: str) -> None:
    rows = listed(provider, DAY)
    found = read(as_text(rows, provider, DAY), f"ServiceTags_Public_{DAY:%Y%m%d}.json")
    assert (found.list_id, found.provider, found.faults) == (provider, provider, ())
    assert found.published == (DAY if provider in ("aws", "azure", "gcp", "oracle") else None)
    regional = {row.prefix for row in rows if row.scope == "regional"}
    said = {(row.prefix, row.region): row for row in found.rows}
    assert len(said) == len(found.rows) > 10
    for row in rows:
        again = said.pop((row.prefix, row.region), None)
        if again is None:  # without region inside a wider one with a region, on this day at least
            assert row.scope == "global"
            assert regional & set(supernets(row.prefix))
            continue
        assert again.scope == row.scope
        assert again.services - {""} == set(row.services.split(",")) - {""}
    assert not said


@pytest.mark.parametrize("provider", sorted(set(PROVIDERS) - {"github"}))
def test_nearly_every_listed_region_is_in_the_shipped_table(provider: str, gazetteer: Gazetteer) -> None:
    found = unknown_regions(read(as_text(listed(provider, DAY), provider, DAY)).rows, provider, gazetteer)
    unplaced = {"azure": ["northeurope2"], "gcp": ["europe-west15"]}  # new ones that nobody has placed yet
    assert [warning.split("`")[1] for warning in found] == unplaced.get(provider, [])


def test_a_region_that_is_not_known_is_said(gazetteer: Gazetteer) -> None:
    odd = AWS | {"prefixes": [{"ip_prefix": "3.5.140.0/22", "region": "mars-north-1", "service": "EC2"}]}
    (warning,) = unknown_regions(read(odd).rows, "aws", gazetteer)
    assert "mars-north-1" in warning


def test_aws_border_groups_are_read() -> None:
    found = read(AWS)
    assert (found.name, found.published) == ("AWS ip-ranges.json", date(2026, 8, 22))
    assert [(show(row.prefix), row.region, row.border_group) for row in found.rows] == [
        ("3.5.140.0/22", "ap-northeast-2", ""),
        ("83.119.128.0/18", "eu-central-1", "eu-central-1-ist-1"),
        ("2a05:d018::/36", "eu-west-1", ""),
    ]


def test_google_without_scopes_names_no_region() -> None:
    document = {
        "syncToken": "1",
        "creationTime": "2026-06-01T01:02:03.4",
        "prefixes": [{"ipv4Prefix": "8.8.8.0/24"}, {"ipv6Prefix": "2001:4860::/32"}],
    }
    found = read(document)
    assert (found.list_id, found.provider) == ("google", "gcp")
    assert {row.scope for row in found.rows} == {"unplaced"}


@pytest.mark.parametrize(
    ("cloud", "list_id"),
    [("Public", "azure"), ("AzureGovernment", "azure-government"), ("China", "azure-china")],
)
def test_azure_clouds_are_lists_of_their_own(cloud: str, list_id: str) -> None:
    tag = {"name": "AzureCloud.norwaye", "properties": {"region": "norwaye", "addressPrefixes": ["51.13.0.0/17"]}}
    found = read({"changeNumber": 1, "cloud": cloud, "values": [tag]}, "tags.json")
    assert (found.list_id, found.provider, found.published) == (list_id, "azure", None)
    assert [(row.region, row.services) for row in found.rows] == [("norwayeast", frozenset({"AZURECLOUD"}))]


def test_an_azure_tag_without_region_does_not_hide_the_region_around_it() -> None:
    values = [
        {"name": "AzureMonitor", "properties": {"region": "", "addressPrefixes": ["51.13.1.1/32", "20.1.1.0/24"]}},
        {"name": "AzureCloud.norwaye", "properties": {"region": "norwaye", "addressPrefixes": ["51.13.0.0/17"]}},
    ]
    found = read({"changeNumber": 1, "cloud": "Public", "values": values})
    assert [(show(row.prefix), row.scope) for row in found.rows] == [
        ("20.1.1.0/24", "global"),
        ("51.13.0.0/17", "regional"),
    ]


@pytest.mark.parametrize(
    ("document", "list_id", "scope"),
    [
        ({"addresses": ["23.235.32.0/20"], "ipv6_addresses": ["2a04:4e40::/32"]}, "fastly", "anycast"),
        (
            {"hooks": ["192.30.252.0/22"], "web": ["192.30.252.0/22"], "git": ["140.82.112.0/20"], "ssh_keys": ["k"]},
            "github-meta",
            "unplaced",
        ),
        ("173.245.48.0/20\n103.21.244.0/22\n", "cloudflare", "anycast"),
        ("2400:cb00::/32\r\n2606:4700::/32", "cloudflare", "anycast"),
    ],
)
def test_lists_without_regions(document: object, list_id: str, scope: str) -> None:
    found = read(document)
    assert (found.list_id, found.published) == (list_id, None)
    assert {row.scope for row in found.rows} == {scope}
    assert not any(row.region for row in found.rows)


def test_the_region_of_digitalocean_is_its_part() -> None:
    row = next(row for row in listed("digitalocean", DAY) if row.region == "nl-nh")
    found = read(f"{show(row.prefix)},NL,NL-NH,Amsterdam,1105 AT\n")
    assert [(r.region, r.scope) for r in found.rows] == [("nl-nh", "regional")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "{}",
        "[]",
        "[1]",
        "null",
        '{"prefixes": []}',
        "hello",
        "[" * 200_000,
        '{"a":' * 200_000,
        '{"a": NaN}',
        '{"a": ' + "9" * 5_000 + "}",
        '{"a": 1, "a": 2}',
        json.dumps(AWS)[:-30],
        json.dumps(AWS | {"prefixes": [], "ipv6_prefixes": []}),
        json.dumps(AWS | {"prefixes": [1, None, {}, {"ip_prefix": 3}], "ipv6_prefixes": []}),
        "8.8.8.0/24\n9.9.9.0/24\n",
        "8.8.8.0/24,US,US-CA,Mountain View,\n",
        "<html><body>Sign in</body></html>",
        "country,prefix\n",
    ],
    ids=lambda text: text[:24],
)
def test_what_is_no_list_is_one_typed_error(text: str) -> None:
    with pytest.raises(SourceError, match=r"list\.json"):
        read(text)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(SourceError, match="UTF-8"):
        read_ranges(b'{"a": "I\xc3E"}', path="list.json")


@pytest.mark.parametrize(
    ("prefix", "why"),
    [
        ("3.5.140.1/22", "bits set"),
        ("3.5.140.0/33", "not a prefix"),
        ("010.0.0.0/8", "not a prefix"),
        ("10.0.0.0/8", "not public"),
        ("127.0.0.0/8", "not public"),
        ("2001:db8::/32", "not public"),
        ("0.0.0.0/0", "wider"),
        ("2000::/3", "wider"),
        ("3.5.140.0/22 ; DROP", "not a prefix"),
        ("\x1b[31m", "not a prefix"),
        ("1" * 10_000, "not a prefix"),
    ],
)
def test_a_malformed_prefix_is_left_out_with_its_path(prefix: str, why: str) -> None:
    bad = {"ip_prefix": prefix, "region": "eu-west-1", "service": "EC2"}
    found = read(AWS | {"prefixes": [*AWS["prefixes"], bad]})
    (fault,) = found.faults
    assert fault.where == "prefixes[2]"
    assert why in fault.what
    assert fault.what.isprintable()
    assert len(fault.what) < 200
    assert len(found.rows) == 3
    assert any("1 malformed" in warning for warning in found.warnings)


def test_entries_of_another_shape_are_left_out_with_their_path() -> None:
    tags = [
        {"name": "A.b"},
        3,
        {"name": "AzureCloud", "properties": {"region": "", "addressPrefixes": ["20.1.0.0/16", 5]}},
    ]
    with pytest.raises(SourceError, match=r"3 of 4 entries are malformed, first values\[0\]"):
        read({"changeNumber": 1, "cloud": "Public", "values": tags})
    regions = [{"region": "eu-frankfurt-1", "cidrs": [{"cidr": "130.61.0.0/16", "tags": ["OCI"]}, {"cidr": 1}]}, 7]
    with pytest.raises(SourceError, match=r"regions\[0\]\.cidrs\[1\]"):
        read({"last_updated_timestamp": "2026-06-01T00:00:00", "regions": regions})
    regions[0]["cidrs"] = [{"cidr": "130.61.0.0/16"}, {"cidr": "132.145.0.0/16"}, {"cidr": 1}]  # type: ignore[index]
    found = read({"last_updated_timestamp": "2026-06-01T00:00:00", "regions": regions[:1]})
    assert [fault.where for fault in found.faults] == ["regions[0].cidrs[2]"]


def test_a_line_that_is_no_prefix_is_named_by_its_number() -> None:
    found = read("173.245.48.0/20\n\nnonsense\n103.21.244.0/22\n")
    assert [(fault.line, fault.where) for fault in found.faults] == [(3, "line 3")]


def test_overlaps_of_different_regions_are_reported() -> None:
    inner = {"ip_prefix": "3.5.140.0/24", "region": "eu-west-1", "service": "EC2"}
    same = {"ip_prefix": "3.5.141.0/24", "region": "ap-northeast-2", "service": "EC2"}
    found = read(AWS | {"prefixes": [*AWS["prefixes"], inner, same]})
    (warning,) = found.warnings
    assert "1 prefixes" in warning
    assert "3.5.140.0/24 (eu-west-1) in 3.5.140.0/22 (ap-northeast-2)" in warning


def test_one_prefix_for_two_regions_is_reported_and_keeps_both() -> None:
    other = {"ip_prefix": "3.5.140.0/22", "region": "eu-west-1", "service": "EC2"}
    found = read(AWS | {"prefixes": [*AWS["prefixes"], other]})
    assert found.rows[0].region == "ap-northeast-2, eu-west-1"
    assert any("several regions" in warning for warning in found.warnings)


def test_a_date_is_given_where_the_list_has_none(tmp_path: Path) -> None:
    path = tmp_path / "fastly.json"
    path.write_text(json.dumps({"addresses": ["23.235.32.0/20"], "ipv6_addresses": []}))
    undated = read_range_file(path)
    assert undated.published is None
    assert any("no date" in warning for warning in undated.warnings)
    dated = read_range_file(f"{path}@2026-06-01")
    assert (dated.published, dated.warnings, dated.sha256) == (date(2026, 6, 1), (), undated.sha256)


def test_a_date_that_contradicts_the_list_is_refused() -> None:
    assert read(AWS, day=date(2026, 8, 22)).published == date(2026, 8, 22)
    with pytest.raises(SourceError, match="2026-08-22"):
        read(AWS, day=date(2026, 8, 23))


@pytest.mark.parametrize("day", ["1970-01-01", "2005-12-31", "2999-01-01"])
def test_an_impossible_date_is_refused(day: str) -> None:
    with pytest.raises(SourceError, match=day):
        read(AWS | {"createDate": f"{day}-00-00-00"})


def test_a_file_whose_name_holds_an_at_sign_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "aws.json@2026-08-21"
    path.write_text(json.dumps(AWS))
    assert read_range_file(path).published == date(2026, 8, 22)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_range_file(tmp_path / "none.json")
    with pytest.raises(SourceError, match="no date"):
        read_range_file(f"{tmp_path}/none.json@2026-02-31")
    big = tmp_path / "big.json"
    with big.open("wb") as file:
        file.truncate(LIMITS.max_ranges_bytes + 1)
    with pytest.raises(LimitError):
        read_range_file(big)
