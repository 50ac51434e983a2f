"""Digests that are made beside the reading: of which bytes, how they end, and what is told by them."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.traffic.conftest import GOOD, HEADER, Write, read

from residency.errors import InputError
from residency.traffic import read_traffic
from residency.traffic.hashing import Hasher

MANY = (2 << 20) // len(GOOD)  # rows of a file that is not hashed while it is looked at


def is_hashing() -> bool:
    return any(thread.name.startswith("residency-hash") for thread in threading.enumerate())


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_the_digest_is_of_the_first_bytes(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(os.urandom(size) + b"what was added since")
    with Hasher() as hasher:
        hasher.begin(str(path), size)
        assert hasher.digest(str(path), size) == hashlib.sha256(path.read_bytes()[:size]).hexdigest()
        assert hasher.digest(str(path), size + 20) == sha256(path)
    assert not is_hashing()


def test_leaving_ends_the_thread_whatever_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.truncate(50 << 30)  # no bytes on the disk, half a minute of hashing
    started = time.perf_counter()
    with suppress(KeyboardInterrupt), Hasher() as hasher:
        hasher.begin(str(path), 50 << 30)
        hasher.begin(str(tmp_path), 1)
        raise KeyboardInterrupt
    assert time.perf_counter() - started < 5
    assert not is_hashing()


def test_a_file_that_vanished_is_named(tmp_path: Path) -> None:
    with Hasher() as hasher, pytest.raises(InputError, match="gone: cannot be read: No such file"):
        hasher.digest(str(tmp_path / "gone"), 5)


@pytest.mark.parametrize("threads", [1, 2])
def test_large_files_have_their_digests(write: Write, threads: int) -> None:
    paths = [write(f"{name}.csv", HEADER + GOOD * (MANY + more)) for more, name in enumerate("abc")]
    result = read(paths, threads=threads)
    assert [one.sha256 for one in result.inputs] == [sha256(path) for path in paths]
    assert not is_hashing()


def test_large_files_of_one_size_are_told_apart(write: Write) -> None:
    other = GOOD.replace("81.2.69.160", "81.2.69.161")
    first, again = write("a.csv", HEADER + GOOD * MANY), write("c.csv", HEADER + GOOD * MANY)
    second = write("b.csv", HEADER + other * MANY)
    result = read([first, second, again])
    assert [one.duplicate for one in result.inputs] == [0, 0, MANY]
    assert [one.flows_rows for one in result.inputs] == [MANY, MANY, 0]
    assert f"{again}: the same content as {first}; counted once" in result.warnings


def test_an_input_that_cannot_be_read_ends_the_thread(write: Write) -> None:
    large, bad = write("a.csv", HEADER + GOOD * MANY), write("b.csv", "ts,server_ip,ts\n1,81.2.69.160,1\n")
    with pytest.raises(InputError, match=r"b.csv:1: column ts is there twice"):
        read([large, bad])
    assert not is_hashing()


def test_a_path_alone_is_one_input(write: Write) -> None:
    path = write("a.csv", HEADER + GOOD)
    for given in (path, str(path)):
        with read_traffic(given, cuts_us=()) as traffic:
            assert [one.path for one in traffic.inputs] == [str(path)]
