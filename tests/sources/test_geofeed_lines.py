"""The lines of a geofeed: RFC 8805, strictly; what breaks it is set aside with line and reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.limits import LIMITS
from residency.sources.gazetteer import shipped_gazetteer
from residency.sources.geofeed_lines import BadLine, FeedEntry, read_lines

COUNTRIES = shipped_gazetteer().countries


def read(text: str) -> list[FeedEntry | BadLine]:
    return read_lines(text, COUNTRIES)


def entry(line: str) -> tuple[str, str, str, str]:
    (found,) = read(line + "\n")
    assert isinstance(found, FeedEntry)
    return str(found.network), found.country, found.region, found.city


def reason(line: str) -> str:
    (found,) = read(line + "\n")
    assert isinstance(found, BadLine)
    return found.reason


@pytest.mark.parametrize("text", ["", "\n\n", "# a comment\n  # another\n\t\n", "\ufeff# a mark first\n"])
def test_blank_lines_and_comments_say_nothing(text: str) -> None:
    assert read(text) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("20.0.0.0/24,IE,IE-D,Dublin,", ("20.0.0.0/24", "IE", "IE-D", "Dublin")),
        (" 20.0.0.0/24 , ie , ie-d , Dublin , ", ("20.0.0.0/24", "IE", "IE-D", "Dublin")),
        ("20.0.0.1,IE,,,", ("20.0.0.1/32", "IE", "", "")),
        ("2600:1::/48,US,US-VA,Ashburn,20147", ("2600:1::/48", "US", "US-VA", "Ashburn")),
        ("2600:1::5,US,,,", ("2600:1::5/128", "US", "", "")),
        ("20.0.0.0/24,,,,", ("20.0.0.0/24", "", "", "")),
        ("20.0.0.0/24,IE,,,,/22,more", ("20.0.0.0/24", "IE", "", "")),
        ('20.0.0.0/24,US,US-DC,"Washington, DC",', ("20.0.0.0/24", "US", "US-DC", "Washington, DC")),
        ('20.0.0.0/24,US,,"a ""b""",', ("20.0.0.0/24", "US", "", 'a "b"')),
        ("20.0.0.0/24,CM,CM-CE,Yaoundé,", ("20.0.0.0/24", "CM", "CM-CE", "Yaoundé")),
        ("20.0.0.0/24,IE,,Dublin,\r", ("20.0.0.0/24", "IE", "", "Dublin")),
    ],
)
def test_a_line_is_read(line: str, said: tuple[str, str, str, str]) -> None:
    assert entry(line) == said


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("20.0.0.7/24,IE,,,", "bits set beyond its length"),
        ("not-a-prefix,IE,,,", "is no prefix"),
        (",,,,", "is no prefix"),
        ("2a02:/29,IE,,,", "is no prefix"),
        ("020.0.0.0/24,IE,,,", "is no prefix"),
        ("20.0.0.0/33,IE,,,", "is no prefix"),
        ("10.0.0.0/8,US,US-CA,Private range,", "is private address space"),
        ("127.0.0.0/24,US,,,", "is loopback address space"),
        ("2001:db8::/32,US,,,", "is documentation address space"),
        ("fd00::/16,US,,,", "is private address space"),
        ("0.0.0.0/0,US,,,", "wider than any holder's network"),
        ("2000::/3,US,,,", "wider than any holder's network"),
        ("20.0.0.0/24,xx,,,", "is no ISO 3166-1 code"),
        ("20.0.0.0/24,USA,,,", "is no ISO 3166-1 code"),
        ("20.0.0.0/24,EU,,,", "is no ISO 3166-1 code"),
        ("20.0.0.0/24,US,NJ,,", "is no ISO 3166-2 code"),
        ("20.0.0.0/24,US,IE-D,,", "region IE-D is not in US"),
        ("20.0.0.0/24,,IE-D,,", "region IE-D is not in no country"),
        ("20.0.0.0/24", "1 fields where five are due"),
        ("20.0.0.0/24,IE,IE-D", "3 fields where five are due"),
        ('20.0.0.0/24,"IE"x,,,', "quotes that do not match"),
        ('20.0.0.0/24,IE,,"Dublin,', "quotes that do not match"),
        ("20.0.0.0/24,IE,,Dub\x00lin,", "control or invisible character"),
        ("20.0.0.0/24,IE,,Dub\u202elin,", "control or invisible character"),
        ("20.0.0.0/24,IE,," + "x" * 2000 + ",", "a line of 2017 characters"),
    ],
)
def test_a_line_that_breaks_the_format_is_set_aside(line: str, why: str) -> None:
    assert why in reason(line)


def test_a_bad_line_keeps_its_number_and_costs_no_other() -> None:
    found = read("# one\n\n20.0.0.0/24,IE,,,\nnonsense\r\n20.0.1.0/24,NO,,,\n")
    assert [(f.line, isinstance(f, FeedEntry)) for f in found] == [(3, True), (4, False), (5, True)]


def test_four_fields_are_enough_where_no_line_has_a_postal_code() -> None:
    found = read("20.0.0.0/24,IE,IE-D,Dublin\n20.0.1.0/24,NO,,,\n")
    assert all(isinstance(f, FeedEntry) for f in found)
    found = read("20.0.0.0/24,IE,IE-D,Dublin\n20.0.1.0/24,NO,,,0150\n")
    assert found[0] == BadLine(1, "4 fields where five are due", "20.0.0.0/24,IE,IE-D,Dublin")
    assert isinstance(found[1], FeedEntry)


def test_a_last_line_without_its_end_may_be_cut_short() -> None:
    assert isinstance(read("20.0.0.0/24,IE,IE-D,Dublin,")[0], FeedEntry)
    assert isinstance(read("20.0.0.0/24,IE,IE-D,Dubl")[0], BadLine)


def test_no_more_lines_than_the_cap_are_read() -> None:
    found = read("#\n" * LIMITS.max_geofeed_lines + "20.0.0.0/24,IE,,,\n20.0.1.0/24,IE,,,\n")
    assert [isinstance(f, BadLine) for f in found] == [True]


@given(st.lists(st.text(max_size=30) | st.sampled_from(["20.0.0.0/24,IE,,,", "#x", " "]), max_size=8))
def test_every_line_is_counted_once(lines: list[str]) -> None:
    parts = "\n".join(lines).split("\n")
    due = [n for n, line in enumerate(parts, 1) if (s := line.strip()) and not s.startswith("#")]
    if parts[0].startswith("\ufeff"):
        return
    assert [found.line for found in read("\n".join(lines))] == due
