"""Single cells: what compiled loops take, they read as the exact readers do."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from residency.model.network import parse_address
from residency.model.period import to_us
from residency.traffic.columns import LAST_US

pytest.importorskip("numba", reason="the extra `fast` is not installed")

from residency.traffic.quick.cells import EXACT_SECONDS, ODD, is_quad, period_of, read_count, read_epoch, read_zulu
from residency.traffic.quick.words import SPARE


def cell(text: str) -> tuple[NDArray[np.uint8], int, int]:
    data = np.frombuffer(bytearray(b"," + text.encode() + b"," + bytes(SPARE)), np.uint8)
    return data, 1, 1 + len(text.encode())


_TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31, 23, 59, 59, 999_999))  # noqa: DTZ001 - made UTC below


@given(_TIMES)
def test_a_time_is_read_as_the_standard_library_reads_it(time: datetime) -> None:
    moment = time.replace(tzinfo=UTC)
    assert read_zulu(*cell(moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))) == to_us(moment)
    assert read_zulu(*cell(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))) == to_us(moment.replace(microsecond=0))


@pytest.mark.parametrize(
    "text",
    [
        *("", "Z", "2026-06-01", "2026-06-01T00:00:00", "2026-06-01T00:00:00z", "2026-06-01 00:00:00Z"),
        *("2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-06-31T00:00:00Z", "2026-02-29T00:00:00Z"),
        *("2100-02-29T00:00:00Z", "2026-06-00T00:00:00Z", "2026-06-01T24:00:00Z", "2026-06-01T00:60:00Z"),
        *("2026-06-01T00:00:60Z", "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "2026-06-01T00:00:00.Z"),
        *("2026-06-01T00:00:00.1234567Z", "2026-06-01T00:00:00,5Z", "2026-06-01T00:00:00.5aZ", "2026-6-001T00:00:00Z"),
        *("٢٠٢٦-06-01T00:00:00Z", "2026-06-01T00:00:00+00:00", "+026-06-01T00:00:00Z", "2026-06-01T-1:00:00Z"),
    ],
)
def test_other_times_need_a_closer_look(text: str) -> None:
    assert read_zulu(*cell(text)) == ODD


@pytest.mark.parametrize("text", ["2024-02-29T00:00:00Z", "2000-02-29T12:00:00.5Z", "2096-02-29T00:00:00.123Z"])
def test_leap_days_are_days(text: str) -> None:
    assert read_zulu(*cell(text)) == to_us(datetime.fromisoformat(text))


@given(st.integers(0, (1 << 32) - 1), st.text("0123456789", max_size=6))
def test_seconds_are_read_as_a_double_rounded_to_microseconds(seconds: int, decimals: str) -> None:
    text = f"{seconds}.{decimals}" if decimals else str(seconds)
    assert read_epoch(*cell(text)) == round(float(text) * 1e6)


def test_no_number_of_seconds_is_out_of_range() -> None:
    assert EXACT_SECONDS * 1_000_000 < LAST_US


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", ".5", "1.", "1e9", " 1", "1 ", "4294967296", "1.1234567", "nan", "1_0"]
)
def test_other_numbers_of_seconds_need_a_closer_look(text: str) -> None:
    assert read_epoch(*cell(text)) == ODD


@given(st.integers(0, 10**15 - 1))
def test_counts_are_digits(count: int) -> None:
    assert read_count(*cell(str(count))) == count


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "1e3", " 1", "1 ", "0x1", "1000000000000000", "٣"])
def test_other_counts_need_a_closer_look(text: str) -> None:
    assert read_count(*cell(text)) == ODD


@given(st.one_of(st.from_regex(r"\A[0-9.]{0,17}\Z"), st.ip_addresses(v=4).map(str), st.text(max_size=16)))
def test_a_plain_quad_is_an_address_in_its_own_canonical_form(text: str) -> None:
    if is_quad(*cell(text)):
        assert parse_address(text).text == text


@given(st.ip_addresses(v=4).map(str))
def test_every_canonical_quad_is_one(text: str) -> None:
    assert is_quad(*cell(text))


@given(st.lists(st.integers(0, 30), unique=True).map(sorted), st.integers(0, 31))
def test_the_period_is_the_number_of_cuts_passed(cuts: list[int], at: int) -> None:
    assert period_of(at, np.array(cuts, np.int64)) == sum(cut <= at for cut in cuts)
