"""Metadata that do not fit the file or the clock are refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from residency.errors import SourceError
from residency.sources.mmdb_metadata import check_build_time, read_metadata

Write = Callable[..., bytes]


def test_what_a_database_says_of_itself(write: Write, now: datetime) -> None:
    content = write({"1.0.0.0/8": {"n": 1}}, database_type="Acme-City", build_epoch=1_780_000_000)
    metadata = read_metadata(content, now)
    assert metadata.database_type == "Acme-City"
    assert metadata.built_at == datetime.fromtimestamp(1_780_000_000, UTC)
    assert (metadata.ip_version, metadata.node_count, metadata.record_size_bits) == (4, 8, 24)
    assert content[metadata.data_end :].startswith(b"\xab\xcd\xefMaxMind.com")


@pytest.mark.parametrize("epoch", [0, 1, 2**63, 2**64 - 1])
def test_an_impossible_build_time_is_refused(write: Write, now: datetime, epoch: int) -> None:
    with pytest.raises(SourceError, match="says that it was built"):
        read_metadata(write({"1.0.0.0/8": {"n": 1}}, build_epoch=epoch), now)


def test_a_day_ahead_is_a_clock_and_more_is_not(now: datetime) -> None:
    check_build_time(now + timedelta(days=1), now)
    with pytest.raises(SourceError, match="set the clock"):
        check_build_time(now + timedelta(days=1, seconds=1), now)


@pytest.mark.parametrize(
    "said",
    [
        {"record_size": 20},
        {"ip_version": 5},
        {"node_count": 0},
        {"node_count": 2**31},
        {"node_count": "8"},
        {"binary_format_major_version": 3},
    ],
)
def test_metadata_that_cannot_be_are_refused(
    write: Write, write_metadata: Write, now: datetime, said: dict[str, object]
) -> None:
    content = write({"1.0.0.0/8": {"n": 1}})
    marker = content.rfind(b"\xab\xcd\xef")
    made = {"node_count": 8, "record_size": 24, "ip_version": 4} | said
    with pytest.raises(SourceError):
        read_metadata(content[:marker] + write_metadata(**made), now)


@pytest.mark.parametrize("content", [b"", b"\xab\xcd\xefMaxMind.com", b"PK\x03\x04" + bytes(200), b"\x1f\x8b" * 9])
def test_what_is_no_database_is_refused(now: datetime, content: bytes) -> None:
    with pytest.raises(SourceError):
        read_metadata(content, now)


def test_a_separator_that_is_not_empty_is_refused(write: Write, now: datetime) -> None:
    content = bytearray(write({"1.0.0.0/8": {"n": 1}}))
    content[8 * 6 + 3] = 1
    with pytest.raises(SourceError, match="does not end where the metadata say"):
        read_metadata(bytes(content), now)


def test_the_fingerprint_is_of_metadata_and_size(write: Write, now: datetime) -> None:
    one, other = write({"1.0.0.0/8": {"n": 1}}), write({"1.0.0.0/8": {"n": 2}})
    assert read_metadata(one, now).fingerprint == read_metadata(other, now).fingerprint
    longer = write({"1.0.0.0/8": {"n": "a longer one"}})
    assert read_metadata(longer, now).fingerprint != read_metadata(one, now).fingerprint
