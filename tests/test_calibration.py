"""Our own error rate, on a sample; `make calibrate` measures the whole (docs/performance.md has its tables)."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench" / "calibrate.py"
SHARED = os.environ.get("RESIDENCY_SHARED")


def load() -> Any:
    import sys

    spec = importlib.util.spec_from_file_location("calibrate", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["calibrate"] = module
    spec.loader.exec_module(module)
    return module


calibrate = load()


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    truth = Path(SHARED) / "data" / "cloud_truth.parquet" if SHARED else None
    figures: dict[str, Any] = calibrate.calibrate(truth, sample=1_200, claims=120)
    return figures


def question(found: dict[str, Any], beginning: str) -> dict[str, Any]:
    figures: dict[str, Any] = next(q for name, q in found["questions"].items() if name.startswith(beginning))
    return figures


def test_nothing_truly_inside_is_called_violating(found: dict[str, Any]) -> None:
    for name, questions in found["questions"].items():
        for held in ("the EEA", "its own country"):
            assert questions[held]["prefixes"] > 1_000, name
            assert questions[held]["false_violating"] == 0, (name, held)


def test_listed_prefixes_are_decided(found: dict[str, Any]) -> None:
    for beginning in ("listed prefixes", "prefixes listed on"):
        for held in ("the EEA", "its own country", "another country"):
            figures = question(found, beginning)[held]
            assert figures["decided"] / figures["prefixes"] >= 0.97, (beginning, held)
            assert sum(row["wrong"] for row in figures["rows"]) / figures["prefixes"] <= 0.001, (beginning, held)


def test_a_false_claim_about_a_listed_prefix_is_caught(found: dict[str, Any]) -> None:
    figures = question(found, "listed prefixes")["another country"]
    assert figures["true_violating"] / figures["prefixes"] >= 0.97


def test_of_prefixes_newer_than_the_databases_no_database_is_a_witness(found: dict[str, Any]) -> None:
    name = next(n for n in found["questions"] if n.startswith("prefixes not yet") and n.endswith("list of the day"))
    assert found["questions"][name]["counting databases"] == 0
    alone = next(q for n, q in found["questions"].items() if n.endswith("yet listed on 2026-06-05, databases alone"))
    for held in ("the EEA", "its own country", "another country"):
        assert alone[held]["false_violating"] == alone[held]["true_violating"] == 0
        assert {row["assurance"] for row in alone[held]["rows"]} <= {"database", "none"}


def test_no_honest_claim_is_accused(found: dict[str, Any]) -> None:
    for name, figures in found["claims"].items():
        assert figures["claims"] == 120
        assert figures["violated"] == 0, name
    by_list = next(f for name, f in found["claims"].items() if name.startswith("listed prefixes"))
    assert by_list["consistent"] == 120


def test_a_rival_would_have_been_wrong(found: dict[str, Any]) -> None:
    """The figures are not good because the truth is easy: the database alone fails on new prefixes."""
    plain = question(found, "prefixes not yet")["plain database"]
    assert plain["wrong country"] / plain["prefixes"] > 0.5


@pytest.mark.parametrize(("wrong", "asked", "expected"), [(0, 3_000, 0.000998), (1, 100, 0.0466), (0, 1, 0.95)])
def test_the_bound_is_that_of_clopper_and_pearson(wrong: int, asked: int, expected: float) -> None:
    assert calibrate.bound(wrong, asked) == pytest.approx(expected, rel=0.01)
