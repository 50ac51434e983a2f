"""Geofeeds as a source: the most specific prefix answers, by the feed's author; an implausible feed places nothing."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.errors import SourceError
from residency.evaluate.locate import place_in, weigh
from residency.limits import LIMITS
from residency.model.evidence import Assurance, Kind, Statement
from residency.model.network import Addresses, parse_address
from residency.model.place import Gazetteer, Place
from residency.model.verdict import Where
from residency.sources.gazetteer import shipped_gazetteer
from residency.sources.geofeed import FeedCounts, Geofeed
from residency.sources.rdap_answer import RegisteredNetwork

DAY = date(2026, 6, 1)
SMALL = """# a feed
20.0.0.0/16,IE,IE-D,Dublin,
20.0.5.0/24,NO,,Oslo,
20.0.5.7,ES,ES-CN,,
20.0.6.0/24,,,,
2600:1::/32,US,US-VA,Ashburn,
2600:1:2::/48,DE,,,
"""


def feed(text: str = SMALL, published: date | None = DAY) -> Geofeed:
    return Geofeed(text.encode(), author="acme", published=published)


def ask(source: Geofeed, *texts: str) -> list[Statement | None]:
    answer = source.answer(Addresses([parse_address(t) for t in texts]), [DAY] * len(texts))
    return [None if code < 0 else answer.statements[code] for code in answer.codes.tolist()]


def places(source: Geofeed, *texts: str) -> list[list[Place] | None]:
    return [None if said is None else sorted(said.places) for said in ask(source, *texts)]


def test_no_addresses_no_answers() -> None:
    assert ask(feed()) == []


def test_the_most_specific_prefix_answers() -> None:
    asked = ("20.0.1.1", "20.0.5.1", "20.0.5.7", "20.1.0.0", "2600:1::1", "2600:1:2::1", "2600:2::1", "::ffff:20.0.5.1")
    assert places(feed(), *asked) == [
        [Place("IE", part="IE-D")],
        [Place("NO")],
        [Place("ES", part="ES-CN")],
        None,
        [Place("US", part="US-VA")],
        [Place("DE")],
        None,
        [Place("NO")],
    ]


def test_a_prefix_without_a_country_hides_the_wider_one() -> None:
    (said,) = ask(feed(), "20.0.6.1")
    assert said is not None
    assert (said.places, said.says) == (frozenset(), "20.0.6.0/24: no place said")


def test_what_is_not_public_gets_no_answer() -> None:
    assert ask(feed(), "10.0.0.1", "2001:0:1::1") == [None, None]


def test_a_statement_is_its_author_s() -> None:
    source = feed()
    (said,) = ask(source, "20.0.1.1")
    assert said is not None
    assert (said.kind, said.author, said.lineage) == (Kind.DECLARED, "acme", "acme")
    assert said.source == source.snapshot.id
    assert (said.listed, said.says) == ((DAY, DAY), "20.0.0.0/16: Dublin, IE-D")
    assert source.snapshot.built == DAY


def test_a_feed_places_an_address_as_declared_and_not_for_its_own_author(gazetteer: Gazetteer) -> None:
    (said,) = ask(feed(), "20.0.5.1")
    assert said is not None
    area = gazetteer.area(["NO"], datetime(2026, 6, 1, tzinfo=UTC))
    weighed = weigh([said], parse_address("20.0.5.1"), first=DAY, last=DAY)
    assert place_in(weighed, area).assurance is Assurance.DECLARED
    assert place_in(weighed, area, without=frozenset({"acme"})).where is Where.UNKNOWN


def test_a_date_is_read_from_the_comments_where_none_is_given() -> None:
    dated = "# AWS Geofeed, lastupdated (rfc3339): 2026-08-22T16:53:12+00:00\n" + SMALL
    assert feed(dated, None).published == date(2026, 8, 22)
    assert feed(dated).published == DAY
    assert feed("# last updated 2026-02-31\n" + SMALL, None).published is None


def test_an_undated_feed_says_so() -> None:
    source = feed(published=None)
    (said,) = ask(source, "20.0.1.1")
    assert said is not None
    assert (said.listed, source.snapshot.built) == (None, None)


def test_lines_divide_exactly() -> None:
    source = feed(SMALL + "20.0.5.0/24,NO,,Oslo,\nnonsense\n20.9.0.0/16,IE,,,\n20.9.0.0/16,US,,,\n")
    assert source.counts == FeedCounts(usable=6, repeated=1, malformed=3)
    assert [(line.line, line.reason) for line in source.malformed] == [
        (9, "1 fields where five are due"),
        (10, "the prefix is listed with another place too"),
        (11, "the prefix is listed with another place too"),
    ]
    assert places(source, "20.9.0.1") == [None]


@given(st.permutations(SMALL.splitlines()[1:]), st.integers(1, 3))
def test_order_and_repetition_of_lines_do_not_matter(lines: list[str], times: int) -> None:
    asked = ("20.0.1.1", "20.0.5.1", "20.0.5.7", "20.0.6.1", "2600:1::1", "2600:1:2::1", "20.1.0.0")
    assert places(feed("\n".join(lines * times) + "\n"), *asked) == places(feed(), *asked)


def test_101_000_subscribers_in_249_countries_are_implausible(gazetteer: Gazetteer) -> None:
    codes = cycle(sorted(shipped_gazetteer().countries))
    lines = (f"2a09:bac{n >> 16:x}:{n & 0xFFFF:x}:1::/64,{next(codes)},,," for n in range(101_000))
    source = Geofeed("\n".join(lines).encode(), author="relay", published=DAY)
    assert source.counts.usable == 101_000
    assert len(source.implausible) == 2
    (said,) = ask(source, "2a09:bac0:5:1::9")
    assert said is not None
    assert said.places == frozenset()
    assert "weight zero: implausible_feed" in said.says
    weighed = weigh([said], parse_address("2a09:bac0:5:1::9"), first=DAY, last=DAY)
    area = gazetteer.area(["EEA"], datetime(2026, 6, 1, tzinfo=UTC))
    assert place_in(weighed, area).where is Where.UNKNOWN


def test_only_the_holder_s_networks_count() -> None:
    held = RegisteredNetwork(
        family=4, first=20 << 24, last=(20 << 24) + 0xFFFF, handle="N", name="N", holder="acme", country="IE"
    )
    source = Geofeed(b"20.0.0.0/24,IE,,,\n21.0.0.0/24,IE,,,\n20.0.0.0/15,IE,,,\n", author="acme", within=[held])
    assert places(source, "20.0.0.1", "21.0.0.1", "20.1.0.1") == [[Place("IE")], None, None]
    assert source.counts == FeedCounts(usable=1, repeated=0, malformed=0, outside=2)
    assert source.implausible == ()


def test_a_feed_is_weighed_as_a_whole_where_only_a_part_of_it_counts() -> None:
    held = RegisteredNetwork(
        family=4, first=20 << 24, last=(20 << 24) + 0xFFFF, handle="N", name="N", holder="acme", country="IE"
    )
    lines = "".join(f"30.{n}.0.1,IE,,,\n" for n in range(20)) + "20.0.0.0/24,IE,,,\n"
    source = Geofeed(lines.encode(), author="acme", within=[held])
    assert source.implausible
    assert places(source, "20.0.0.1") == [[]]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (SMALL.encode("utf-16"), "is not UTF-8"),
        ("20.0.0.0/24,JP,,東京,\n".encode("shift-jis"), "is not UTF-8"),
        (b"prefix;country\n20.0.0.0/24;IE\n", "none of its 2 lines is a geofeed entry"),
        (b"<html><body>Not here</body></html>\n", "none of its 1 lines"),
        (b"#" * (LIMITS.max_geofeed_bytes + 1), "a geofeed of over"),
    ],
)
def test_what_is_no_feed_is_one_error_with_its_path(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "feed.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=why) as caught:
        Geofeed.from_file(path, author="acme")
    assert caught.value.path == str(path)


def test_a_missing_file_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        Geofeed.from_file(tmp_path / "none.csv")


def test_the_author_of_a_file_is_its_name_unless_given(tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    path.write_text("\ufeff" + SMALL, encoding="utf-8")
    assert Geofeed.from_file(path).author == "feed.csv"
    assert Geofeed.from_file(path, author="acme").counts == FeedCounts(6, 0, 0)


SHARED = {
    "aws/aws-geofeed.txt": (10661, 0, 0),
    "fastah/cloudflare-starlink-sample-12rows.csv": (12, 0, 1),
    "fastah/malformed-quality.csv": (1, 4, 1),
    "mm-geofeed-verifier/geofeed-valid.csv": (3, 0, 0),
    "mm-geofeed-verifier/malformed-quoting.csv": (2, 1, 0),
    "mm-geofeed-verifier/whitespace-then-short-row.csv": (1, 1, 0),
}


@pytest.fixture(scope="module")
def geofeeds() -> Path:
    folder = os.environ.get("RESIDENCY_SHARED")
    if not folder:
        pytest.skip("RESIDENCY_SHARED is not set: the shared inputs are not here")
    return Path(folder) / "inputs" / "geofeeds"


@pytest.mark.parametrize("name", sorted(SHARED))
def test_every_real_feed_is_read(geofeeds: Path, name: str) -> None:
    source = Geofeed.from_file(geofeeds / name)
    assert (source.counts.usable, source.counts.malformed, len(source.implausible)) == SHARED[name]


def test_a_mapping_that_is_no_feed_is_refused(geofeeds: Path) -> None:
    with pytest.raises(SourceError, match="none of its 142 lines"):
        Geofeed.from_file(geofeeds / "aws" / "loc-mapping.txt")


def test_users_behind_a_relay_are_not_data_in_china(geofeeds: Path) -> None:
    source = Geofeed.from_file(geofeeds / "fastah" / "cloudflare-starlink-sample-12rows.csv", published=DAY)
    (said,) = ask(source, "104.28.255.182")
    assert said is not None
    assert said.places == frozenset()
    assert "Heze" in said.says


def test_a_short_row_is_set_aside_at_its_line(geofeeds: Path) -> None:
    source = Geofeed.from_file(geofeeds / "mm-geofeed-verifier" / "whitespace-then-short-row.csv")
    assert [line.line for line in source.malformed] == [5]
