"""Compiled readers of cells say what the exact ones say, or that they cannot tell."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

from residency.traffic.columns import V4, V6

pytest.importorskip("numba", reason="the extra `fast` is not installed")

from residency.traffic.quick.cells import ODD, read_epoch
from residency.traffic.zeek_quick import cells
from residency.traffic.zeek_quick.marks import cut, end_of_line


def held(text: str) -> np.ndarray:
    """Return memory that begins and ends with other bytes."""
    return np.frombuffer(b"9" * 8 + text.encode() + b"9" * 128, np.uint8).copy()


def texts(pieces: str, most: int) -> list[str]:
    draw = random.Random(3)
    return ["".join(draw.choices(pieces, k=draw.randint(1, most))) for _ in range(20_000)]


def test_addresses() -> None:
    good = re.compile(f"{V4}|{V6}")
    taken = 0
    odd = ["", ":", "::", "1::", "::1", "1:::2", ":1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:8:", "12345::"]
    for text in [*odd, *texts("1a:", 12), *texts(":" * 5 + "1fF0g", 20), *texts("012.", 9)]:
        is_taken = bool(cells.is_address(held(text), 8, 8 + len(text)))
        taken += is_taken
        if is_taken:
            assert good.fullmatch(text), text
        elif "." not in text:
            assert not good.fullmatch(text), text
    assert taken > 1000


def test_numbers_and_times() -> None:
    for text in [*texts("0123456789", 12), *texts("09/:", 9), "4294967294", "4294967295", "4294967296"]:
        expected = int(text) if text.isdigit() and len(text) <= 10 else ODD
        assert cells.read_number(held(text), 8, 8 + len(text)) == expected
        count = cells.read_count(held(text), 8, 8 + len(text), np.uint8(45))
        assert count == (expected if expected < cells.NOT_TOLD else ODD)
        port = cells.read_port(held(text), 8, 8 + len(text))
        assert port == (expected if expected <= 65_535 else ODD)
        time = f"{text:0>10}."[-11:] + f"{text:0>6}"[:6]
        found = read_epoch(held(time), 8, 8 + len(time))
        is_time = re.fullmatch(r"\d{10}\.\d{6}", time) and int(time[:10]) < 1 << 32
        assert found == (int(time.replace(".", "")) if is_time else ODD), time
    assert cells.read_count(held("-"), 8, 9, np.uint8(45)) == cells.NOT_TOLD


def test_ids_are_told_apart() -> None:
    found: dict[tuple[int, int], str] = {}
    for text in {*texts("aZ0C", 18), *texts("\x01\x7f ~", 18), *texts("ab", 3), "é", "x" * 19, "(empty)"}:
        words = np.zeros(2, np.uint64)
        is_taken = cells.read_id(held(text), 8, 8 + len(text.encode()), words, 0)
        assert is_taken == (text.isascii() and len(text) <= 18 and text[0] != "(")
        if is_taken:
            assert found.setdefault((int(words[0]), int(words[1])), text) == text


def test_lines_are_cut() -> None:
    draw = random.Random(4)
    for _ in range(2_000):
        line = ["x" * draw.choice([0, 1, 5, 63, 64, 65, 200]) for _ in range(draw.randint(1, 6))]
        memory, ends = held("\t".join(line) + "\nmore\t"), np.zeros(3, np.int64)
        after = 8 + len("\t".join(line)) + 1
        assert end_of_line(memory, 8, len(memory) - 128) == after
        assert end_of_line(memory, 8, after - 1) == -1
        found = cut(memory, 8, len(memory) - 128, np.uint8(9), ends)
        assert found == (after if len(line) == 3 else 0)
        if found:
            assert [bytes(memory[s:e]).decode() for s, e in zip([8, *(ends[:-1] + 1)], ends, strict=True)] == line
