"""Lists folded side by side: the one in force answers, with its distance in time; no date never contradicts."""

from __future__ import annotations

import json
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sources.range_documents import as_text

import residency
from residency.errors import LimitError
from residency.limits import LIMITS
from residency.model.evidence import Statement
from residency.model.network import Addresses, parse_address
from residency.model.place import Gazetteer
from residency.sources.given_ranges import fold_ranges, range_sources
from residency.sources.interface import Source
from residency.sources.provider_ranges import embedded_ranges
from residency.sources.range_files import RangeList, read_ranges, unknown_regions

SHIPPED = {source.provider: source for source in embedded_ranges()}
Rows = list[tuple[str, str]]


def aws(day: date, rows: Rows, group: str = "") -> RangeList:
    key = {"network_border_group": group} if group else {}
    prefixes = [{"ip_prefix": prefix, "region": region, "service": "EC2"} | key for prefix, region in rows]
    document = {"syncToken": "1", "createDate": f"{day}-00-00-00", "prefixes": prefixes, "ipv6_prefixes": []}
    return read_ranges(json.dumps(document).encode(), path=f"aws-{day}.json")


def ask(source: Source, day: date, *texts: str) -> list[Statement | None]:
    answer = source.answer(Addresses([parse_address(text) for text in texts]), [day] * len(texts))
    return [None if code < 0 else answer.statements[code] for code in answer.codes.tolist()]


def regions(source: Source, day: date, text: str) -> set[str]:
    (said,) = ask(source, day, text)
    return {place.provider_region or "" for place in said.places} if said else set()


FIRST, SECOND, THIRD = date(2026, 1, 10), date(2026, 2, 10), date(2026, 3, 10)


def test_no_files_are_the_embedded_sources() -> None:
    assert range_sources([]) == list(embedded_ranges())
    assert range_sources([], embedded=False) == []


def test_for_each_flow_the_list_nearest_before_it_answers() -> None:
    lists = [aws(FIRST, [("3.5.140.0/22", "eu-west-1")]), aws(SECOND, [("3.5.140.0/22", "us-east-1")])]
    (source,) = fold_ranges(lists)
    assert source.snapshot.edges == (FIRST, SECOND)
    asked = {
        FIRST - timedelta(days=9): ("aws/eu-west-1", FIRST),
        FIRST: ("aws/eu-west-1", FIRST),
        SECOND - timedelta(days=1): ("aws/eu-west-1", FIRST),
        SECOND: ("aws/us-east-1", SECOND),
        SECOND + timedelta(days=99): ("aws/us-east-1", SECOND),
    }
    for day, (region, listed) in asked.items():
        (said,) = ask(source, day, "3.5.141.7")
        assert said is not None
        assert {place.provider_region for place in said.places} == {region}
        assert said.listed == (listed, listed)


def test_a_prefix_that_left_no_longer_hides_a_wider_one() -> None:
    wide, narrow = ("3.5.140.0/22", "eu-west-1"), ("3.5.141.0/24", "us-east-1")
    (source,) = fold_ranges([aws(FIRST, [wide]), aws(SECOND, [wide, narrow]), aws(THIRD, [wide])])
    assert regions(source, FIRST, "3.5.141.7") == {"aws/eu-west-1"}
    assert regions(source, SECOND, "3.5.141.7") == {"aws/us-east-1"}
    assert regions(source, SECOND + timedelta(days=1), "3.5.141.7") == {"aws/us-east-1"}
    assert regions(source, THIRD, "3.5.141.7") == {"aws/eu-west-1"}


def test_a_list_without_a_prefix_parts_the_lists_around_it() -> None:
    """Listed in January and March, gone in February: on a day of February it is not `listed on that day`."""
    row = ("3.5.140.0/22", "eu-west-1")
    (source,) = fold_ranges([aws(FIRST, [row]), aws(SECOND, [("3.6.0.0/16", "ap-south-1")]), aws(THIRD, [row])])
    (said,) = ask(source, SECOND + timedelta(days=3), "3.5.141.7")
    assert said is not None
    assert said.listed == (FIRST, FIRST)
    assert said.prefix_since is None


def test_the_first_day_of_a_later_prefix_is_kept_over_a_gap() -> None:
    row = ("3.5.140.0/22", "eu-west-1")
    other = ("3.6.0.0/16", "ap-south-1")
    fourth = THIRD + timedelta(days=30)
    (source,) = fold_ranges([aws(FIRST, [other]), aws(SECOND, [row]), aws(THIRD, [other]), aws(fourth, [row])])
    (said,) = ask(source, fourth, "3.5.141.7")
    assert said is not None
    assert (said.listed, said.prefix_since) == ((fourth, fourth), SECOND)


def test_the_same_content_on_two_days_is_two_lists_that_agree() -> None:
    content = b"173.245.48.0/20\n103.21.244.0/22\n"
    (source,) = fold_ranges([read_ranges(content, path="ips-v4", day=day) for day in (FIRST, SECOND)])
    assert source.listings == (FIRST, SECOND)
    (said,) = ask(source, FIRST + timedelta(days=9), "173.245.48.1")
    assert said is not None
    assert (said.listed, said.anycast) == ((FIRST, SECOND), True)


days = st.dates(date(2026, 1, 1), date(2026, 1, 20))
prefixes = st.sampled_from(["3.5.140.0/22", "3.5.141.0/24", "3.5.141.0/28", "3.5.0.0/16"])
names = st.sampled_from(["eu-west-1", "us-east-1", "ap-south-1"])
histories = st.dictionaries(days, st.dictionaries(prefixes, names, min_size=1), min_size=1, max_size=5)


@given(history=histories, day=days)
def test_the_answer_is_that_of_the_list_in_force(history: dict[date, dict[str, str]], day: date) -> None:
    """Brute force: on a day of a list, that list's longest prefix that holds the address, whatever others say."""
    (source,) = fold_ranges([aws(taken, list(rows.items())) for taken, rows in history.items()])
    before = [taken for taken in history if taken <= day]
    if not before:
        return
    holding = {int(p.split("/")[1]): region for p, region in history[max(before)].items()}
    expected = {f"aws/{holding[max(holding)]}"}
    assert regions(source, day, "3.5.141.1") == expected


@given(history=histories, day=days, order=st.randoms(use_true_random=False))
def test_order_and_repetition_of_files_do_not_matter(
    history: dict[date, dict[str, str]], day: date, order: Any
) -> None:
    lists = [aws(taken, list(rows.items())) for taken, rows in history.items()]
    shuffled = lists + lists[:2]
    order.shuffle(shuffled)
    (one,), (two,) = fold_ranges(lists), fold_ranges(shuffled)
    assert one.snapshot.sha256 == two.snapshot.sha256
    assert list(one.rows()) == list(two.rows())
    assert ask(one, day, "3.5.141.1") == ask(two, day, "3.5.141.1")


@pytest.mark.parametrize("provider", sorted(set(SHIPPED) - {"github", "azure"}))
def test_the_same_list_given_again_changes_no_place(provider: str) -> None:
    source = SHIPPED[provider]
    day = max(source.listings)
    rows = [row for row in source.rows() if row.first <= day <= row.last]
    again = read_ranges(as_text(rows, provider, day).encode(), path="again", day=day)
    folded = {s.snapshot.id: s for s in fold_ranges([again], embedded_ranges())}[source.snapshot.id]
    assert folded.listings == source.listings
    texts = [str(parse_address(_first(row.prefix)).text) for row in rows[::97]]
    for asked in (min(source.listings), day, day + timedelta(days=40)):
        for old, new in zip(ask(source, asked, *texts), ask(folded, asked, *texts), strict=True):
            assert old is not None
            assert new is not None
            assert new.places <= old.places or not old.places  # a border group may now be known
            assert (new.anycast, new.listed) == (old.anycast, old.listed)


def _first(prefix: tuple[int, int, int]) -> str:
    import ipaddress

    kind = ipaddress.IPv4Address if prefix[0] == 4 else ipaddress.IPv6Address
    return str(kind(prefix[1]))


def test_a_given_border_group_decides_what_the_shipped_list_left_open() -> None:
    """Shipped: somewhere in Frankfurt's border groups. Amazon's own file says which."""
    row = next(
        row
        for row in SHIPPED["aws"].rows()
        if (row.region, row.services, row.border_group) == ("eu-central-1", "AMAZON,EC2", "")
        and row.last == max(SHIPPED["aws"].listings)
        and row.prefix[0] == 4
    )
    text, day = _first(row.prefix), row.last + timedelta(days=7)
    open_places = ask(SHIPPED["aws"], row.last, text)[0]
    assert open_places is not None
    assert len(open_places.places) > 1
    cidr = f"{text}/{row.prefix[2]}"
    given_list = aws(day, [(cidr, "eu-central-1")], group="eu-central-1")
    folded = next(s for s in fold_ranges([given_list], embedded_ranges()) if s.provider == "aws")
    for asked in (row.last, day):
        assert regions(folded, asked, text) == {"aws/eu-central-1"}


FLOW = {
    "ts": ["2026-02-11T10:00:00Z"],
    "server_ip": ["3.5.141.7"],
    "bytes_sent": [9000],
    "bytes_received": [100],
    "host": ["b.s3.eu-west-1.amazonaws.com"],
}


def verdict_of(sources: list[Source], **options: Any) -> residency.Report:
    table = pa.table(FLOW)
    return residency.audit("example-policy-eu-names", table, sources=sources, embedded=False, **options)


def test_a_dated_list_contradicts_and_an_undated_one_warns(tmp_path: Path) -> None:
    meta = {"changeNumber": 1, "cloud": "Public"}
    tag = {"name": "AzureCloud.eastus", "properties": {"region": "eastus", "addressPrefixes": ["3.5.140.0/22"]}}
    path = tmp_path / "tags.json"
    path.write_text(json.dumps(meta | {"values": [tag]}))
    dated = verdict_of(range_sources([f"{path}@2026-02-01"], embedded=False))
    assert dated.verdict("example.eea-only") is residency.Verdict.VIOLATED
    (source,) = range_sources([path], embedded=False)
    undated = verdict_of([source])
    assert undated.verdict("example.eea-only") is residency.Verdict.INCONCLUSIVE
    findings = [finding for finding in undated.findings if finding.claim == "example.eea-only"]
    assert any("list date" in (finding.missing_link or "") for finding in findings)
    aged = verdict_of([source], max_age_days=1000)
    assert aged.verdict("example.eea-only") is residency.Verdict.INCONCLUSIVE
    assert isinstance(source.snapshot.id, str)
    assert source.snapshot.id.startswith("ranges-azure-undated-")


def test_the_notes_of_a_source_say_what_is_odd_in_its_files() -> None:
    odd = aws(FIRST, [("3.5.140.0/22", "mars-north-1"), ("3.5.140.0/24", "eu-west-1"), ("10.0.0.0/8", "eu-west-1")])
    twice = aws(FIRST, [("3.5.140.0/22", "eu-west-1")])
    (source,) = fold_ranges([odd, twice])
    text = "\n".join(source.notes)
    for word in ("mars-north-1", "1 malformed", "most specific", "another list of 2026-01-10"):
        assert word in text
    assert regions(source, FIRST, "3.5.142.1") == {"aws/eu-west-1"}


def test_two_lists_of_one_provider_that_are_not_the_same_list_stay_apart() -> None:
    meta = {"hooks": ["192.30.252.0/22"], "web": [], "git": []}
    google = {"creationTime": "2026-06-01T00:00:00", "prefixes": [{"ipv4Prefix": "34.64.0.0/10"}]}
    lists = [
        read_ranges(json.dumps(meta).encode(), path="meta", day=FIRST),
        read_ranges(json.dumps(google).encode(), path="goog"),
    ]
    folded = fold_ranges(lists, embedded_ranges())
    assert {s.snapshot.id for s in folded} == {s.snapshot.id for s in embedded_ranges()} | {
        "ranges-github-meta",
        "ranges-google",
    }
    meta_source = next(s for s in folded if s.snapshot.id == "ranges-github-meta")
    (said,) = ask(meta_source, FIRST, "192.30.252.1")
    assert said is not None
    assert (said.author, said.places, said.anycast, said.network) == ("github", frozenset(), False, "")


def test_too_many_files_are_refused() -> None:
    with pytest.raises(LimitError):
        range_sources(["x"] * (LIMITS.max_range_files + 1))


def test_amazons_list_with_border_groups_places_every_prefix_of_the_truth(gazetteer: Gazetteer) -> None:
    """The list of 2026-08-22 that kept the column: with it, no prefix has several countries, and none a wrong one."""
    folder = os.environ.get("RESIDENCY_SHARED")
    if not folder:
        pytest.skip("RESIDENCY_SHARED is not set: the list of known prefixes is not here")
    table = pq.ParquetFile(Path(folder) / "data" / "cloud_truth.parquet").read()
    rows = [row for row in table.to_pylist() if row["provider"] == "aws"]
    prefixes = [
        {"region": row["region"], "service": service, "network_border_group": row["border_group"]}
        | {"ipv6_prefix" if ":" in row["prefix"] else "ip_prefix": row["prefix"]}
        for row in rows
        for service in row["service"].split(",")
    ]
    document = {
        "syncToken": "1",
        "createDate": "2026-08-22-00-00-00",
        "prefixes": [item for item in prefixes if "ip_prefix" in item],
        "ipv6_prefixes": [item for item in prefixes if "ipv6_prefix" in item],
    }
    read = read_ranges(json.dumps(document).encode(), path="ip-ranges.json")
    assert unknown_regions(read.rows, "aws", gazetteer) == ()
    source = next(s for s in fold_ranges([read], embedded_ranges()) if s.provider == "aws")
    texts = [row["prefix"].split("/")[0] for row in rows]
    placed = 0
    for row, said in zip(rows, ask(source, date(2026, 8, 23), *texts), strict=True):
        assert said is not None
        if said.places:
            assert {place.country for place in said.places} == {row["country"]}, row
            placed += 1
    assert placed > 6_200
