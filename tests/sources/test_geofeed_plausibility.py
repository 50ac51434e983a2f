"""Which feeds cannot mean where servers stand: the four rules at their borders."""

from __future__ import annotations

import ipaddress

import pytest

from residency.sources.gazetteer import shipped_gazetteer
from residency.sources.geofeed_lines import FeedEntry
from residency.sources.geofeed_plausibility import MAX_COUNTRIES, why_implausible

CODES = sorted(shipped_gazetteer().countries)


def feed(count: int, countries: int, length: int = 24) -> list[FeedEntry]:
    size = 32 - length
    return [
        FeedEntry(n + 1, ipaddress.IPv4Network(((20 << 24) + (n << size), length)), CODES[n % countries], "", "")
        for n in range(count)
    ]


def test_an_empty_feed_is_not_implausible() -> None:
    assert why_implausible([], 0) == ()


@pytest.mark.parametrize(("count", "countries"), [(1, 1), (19, 19), (40, 20), (5000, MAX_COUNTRIES)])
def test_an_operator_s_feed_counts(count: int, countries: int) -> None:
    assert why_implausible(feed(count, countries), 0) == ()


@pytest.mark.parametrize(
    ("entries", "malformed", "why"),
    [
        (feed(5000, MAX_COUNTRIES + 1), 0, "names 101 countries"),
        (feed(10, 2, length=32)[:6] + feed(4, 2), 0, "single addresses"),
        (feed(39, 20), 0, "spreads 39 prefixes over 20 countries"),
        (feed(89, 2), 10, "10 of its 99 lines are malformed"),
        (feed(2, 1), 3, "3 of its 5 lines are malformed"),
    ],
)
def test_one_rule_is_enough(entries: list[FeedEntry], malformed: int, why: str) -> None:
    (reason,) = why_implausible(entries, malformed)
    assert why in reason


def test_a_few_faults_and_a_few_single_addresses_are_forgiven() -> None:
    assert why_implausible(feed(90, 2), 10) == ()
    assert why_implausible(feed(2, 1), 2) == ()
    assert why_implausible(feed(9, 2, length=32), 0) == ()
    assert why_implausible(feed(5, 2, length=32) + feed(5, 2), 0) == ()
