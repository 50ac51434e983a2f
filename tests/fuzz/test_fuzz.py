"""A short run of every fuzz target (`make fuzz` is the long one), and that the harness finds what there is to find."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from tests.fuzz.fuzzing import fuzz, main, wrong_with
from tests.fuzz.mutation import mutated
from tests.fuzz.targets import TARGETS, Target

COUNT = 3_000
LINES = 1_000  # of logs, whose readers take their time to start


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_input_has_an_outcome(name: str) -> None:
    found = fuzz(TARGETS[name], LINES if TARGETS[name].lines else COUNT, seed=1)
    assert not found, f"{found[0].data[:2_000]!r}\n{found[0].what}"


def test_the_same_seed_damages_alike_and_another_one_does_not() -> None:
    seeds = [bytes(range(100)), b"GET / HTTP/1.1"]
    runs = [[mutated(seeds, random) for _ in range(200)] for random in (Random(1), Random(1), Random(2))]
    assert runs[0] == runs[1] != runs[2]
    assert len(set(runs[0])) > 150


def fragile(data: bytes) -> None:
    """Fail on one byte in 256."""
    if data[:1] == b"\xc0":
        raise KeyError("here")


def test_what_goes_wrong_is_found_with_its_input() -> None:
    found = fuzz(Target(fragile, lambda: [b"a", b"bc"]), 5_000, seed=1)
    assert len(found) == 10
    assert all(finding.data[:1] == b"\xc0" and "KeyError" in finding.what for finding in found)


def busy(data: bytes) -> None:
    """Take some milliseconds."""
    sum(range(200_000))


def test_what_is_slow_is_found() -> None:
    assert "took" in (wrong_with(busy, b"", 1e-6) or "")
    assert wrong_with(busy, b"", 60.0) is None


def test_the_command_says_what_it_ran(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--target", "dns", "--count", "50", "--found", str(tmp_path / "found")]) == 0
    assert capsys.readouterr().out.startswith("dns: 0 findings, 50 inputs, seed 1, ")
    assert not (tmp_path / "found").exists()
