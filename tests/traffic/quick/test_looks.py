"""A compiled look at a text notes what the look that reads it piece by piece notes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from residency.traffic import quick, streams
from residency.traffic.hashing import Hasher

pytest.importorskip("numba", reason="the extra `fast` is not installed")

from residency.limits import LIMITS
from residency.traffic.quick import looks


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small chunks and marks, so that small files have many of both."""
    assert quick.is_usable()
    monkeypatch.setattr(streams, "_CHUNK", 100)
    monkeypatch.setattr(streams, "LIMITS", replace(LIMITS, small_span_bytes=350))


def scanned(path: Path, form: str, least: int, threads: int = 1) -> tuple[streams.Scan, list[int]]:
    told: list[int] = []
    with pytest.MonkeyPatch.context() as patch, Hasher() as hasher:
        patch.setattr(quick, "LEAST_BYTES", least)
        scan = streams.scan_file(path, "", form=form, seen=told.append, hasher=hasher, threads=threads)
    return scan, told


_PIECES = st.sampled_from(["\n", "x" * 99, "y" * 64, "a,b\n", "z" * 7, "\n\n", "é", "\0", "\r\n", '"', "a" * 250])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(_PIECES, min_size=5, max_size=60), st.sampled_from(["csv", "ndjson"]), st.integers(1, 3))
def test_both_looks_note_the_same(tmp_path: Path, pieces: list[str], form: str, threads: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(("0123456789" * 11 + "".join(pieces)).encode())
    assert scanned(path, form, 0, threads)[0] == scanned(path, form, 1 << 62)[0]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_plain_text_is_looked_at_once_and_tells_how_far(tmp_path: Path, threads: int) -> None:
    path = tmp_path / "a.csv"
    path.write_text("some,cells\n" * 500)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams._Notes, "add", None)
        scan, told = scanned(path, "csv", 0, threads)
    assert (scan.newlines, scan.size, scan.is_clean, scan.ends_with_newline) == (500, 5_500, True, True)
    assert told == [min(n + 100, 5_500) for n in range(0, 5_500, 100 * threads)]


def test_a_file_that_is_cut_meanwhile_is_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("some,cells\n" * 50)
    assert looks.look_at_chunks(str(path), 551, 100, is_quote_odd=True, threads=2, seen=lambda _: None) is None


def test_an_interruption_ends_all_threads(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("some,cells\n" * 5_000)

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        looks.look_at_chunks(str(path), 55_000, 100, is_quote_odd=True, threads=2, seen=interrupted)
