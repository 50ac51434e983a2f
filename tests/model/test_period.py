"""Half-open intervals and exact microseconds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.model.period import ALWAYS, Period, from_us, midnight, moved, rfc3339, to_us

START = datetime(2023, 1, 1, tzinfo=UTC)
END = datetime(2024, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def test_start_is_inside_and_end_is_not() -> None:
    period = Period(START, END)
    assert START in period
    assert START - TICK not in period
    assert END - TICK in period
    assert END not in period


def test_an_open_period_holds_everything() -> None:
    assert datetime.min.replace(tzinfo=UTC) in ALWAYS
    assert datetime.max.replace(tzinfo=UTC) in ALWAYS
    assert ALWAYS.edges == ()


def test_half_open_sides() -> None:
    assert END in Period(START, None)
    assert START - TICK in Period(None, END)
    assert Period(START, None).edges == (START,)


@pytest.mark.parametrize("end", [START, START - TICK])
def test_an_empty_or_backward_period_is_refused(end: datetime) -> None:
    with pytest.raises(ValueError, match="must end after"):
        Period(START, end)


def test_a_time_without_offset_is_refused() -> None:
    naive = datetime(2023, 1, 1)  # noqa: DTZ001
    with pytest.raises(ValueError, match="offset"):
        Period(naive, None)
    with pytest.raises(ValueError, match="offset"):
        to_us(naive)


def test_a_period_prints_its_dates() -> None:
    assert str(Period(START, END)) == "2023-01-01T00:00:00Z/2024-01-01T00:00:00Z"
    assert str(ALWAYS) == "../.."


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2022, 12, 31, 23, 59, 59, 999000, tzinfo=UTC), "2022-12-31T23:59:59.999000Z"),
        (datetime(2023, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2022-12-31T23:00:00Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
        (datetime(987, 6, 5, 4, 3, 2, tzinfo=UTC), "0987-06-05T04:03:02Z"),
        (datetime(9999, 12, 31, tzinfo=UTC), "9999-12-31T00:00:00Z"),
    ],
)
def test_rfc3339_in_utc(moment: datetime, text: str) -> None:
    assert rfc3339(moment) == text
    assert datetime.fromisoformat(text) == moment


def test_midnight_is_utc() -> None:
    assert midnight(date(2020, 2, 1)) == datetime(2020, 2, 1, tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)))
def test_microseconds_are_exact(moment: datetime) -> None:
    assert from_us(to_us(moment)) == moment


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_microseconds_keep_order(a: datetime, b: datetime) -> None:
    assert (a < b) == (to_us(a) < to_us(b))


def test_moving_a_moment_holds_at_the_ends_of_time() -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert moved(START, timedelta(days=365)) == END
    assert moved(first, -TICK) == first
    assert moved(last, TICK) == last
