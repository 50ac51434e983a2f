"""Recordings: what is written is read again; what was cut, changed or is something else is refused with its line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.resolve.answers import AT, POINTER, address, lookup, message, resolution
from tests.traffic.capture import messages

from residency.errors import InputError, UsageError
from residency.model.resolution import LookupOutcome
from residency.resolve import resolve
from residency.resolve.recorded import read_recording, write_recording

NAME = "www.example.com"
ALIAS = messages.record(POINTER, messages.CNAME, messages.name("end.example.com"))
CHAIN = message(NAME, "A", ALIAS, address("63.34.222.109", messages.name("end.example.com")))
FOUND = resolution(
    lookup(NAME, CHAIN),
    lookup(NAME, message(NAME, "A", flags=0x8183), at=AT + timedelta(seconds=5), round_=2),
    lookup("cut.example.com", message("cut.example.com", "A", address("63.34.222.109"))[:-3]),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A recording."""
    write_recording(tmp_path / "kept", FOUND)
    return tmp_path / "kept"


def test_what_is_written_is_read_again(path: Path) -> None:
    assert read_recording(path).items == FOUND.items
    assert read_recording(path).snapshots == FOUND.snapshots
    outcomes = (LookupOutcome.ANSWER, LookupOutcome.NXDOMAIN, LookupOutcome.MALFORMED)
    assert tuple(item.outcome for item in FOUND) == outcomes


def test_reading_and_writing_again_gives_the_same_bytes(path: Path, tmp_path: Path) -> None:
    write_recording(tmp_path / "again", read_recording(path))
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_every_cut_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    for size in range(0, len(whole) - 1, 37):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError):
            read_recording(path)


def test_every_flipped_bit_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    for at in range(0, len(whole) - 1, 11):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(InputError):
            read_recording(path)


@pytest.mark.parametrize(
    "text", [b"", b"{}\n", b"[]\n", b"\xff\n", b"ts,client_ip\n", b'{"schema":"residency-dns/2"}\n']
)
def test_another_file_is_refused_with_its_line(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    with pytest.raises(InputError) as caught:
        read_recording(path)
    assert caught.value.line == 1


def test_a_line_twice_is_refused(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], lines[1], *lines[2:]]))
    with pytest.raises(InputError, match="changed or damaged"):
        read_recording(path)
    path.write_bytes(b"".join([*lines, lines[-1]]))
    with pytest.raises(InputError, match="follows its end"):
        read_recording(path)


def test_a_name_is_taken_from_the_recording_or_refused(path: Path) -> None:
    assert len(resolve(NAME, replay=path)) == 2
    assert len(resolve((), replay=path)) == 3
    with pytest.raises(UsageError, match="not in the recording"):
        resolve("other.example.com", replay=path)


def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        write_recording(tmp_path / "no" / "kept", FOUND)
