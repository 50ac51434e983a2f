"""docs/verdicts.md describes every rule of evaluate/rules.py with its sentence, and its numbers hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from residency.evaluate import judge, locate
from residency.evaluate.judge import chance_of_errors
from residency.evaluate.rules import RULES
from residency.limits import LIMITS
from residency.model.claim import Claim

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "verdicts.md").read_text(encoding="utf-8")
SECTIONS = {
    found[1]: found[2]
    for found in re.finditer(r"^### (R[0-9]{3}) [^\n]+\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
}
NEEDED = re.findall(r"^\| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)


def test_the_page_has_a_section_for_every_rule_and_no_other() -> None:
    assert list(SECTIONS) == sorted(RULES)
    assert set(re.findall(r"\bR[0-9]{3}\b", PAGE)) <= set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_a_section_has_the_sentence_of_the_program_and_an_example(rule: str) -> None:
    assert f"\n> {RULES[rule]}\n" in SECTIONS[rule]
    assert "\n**Example.** " in SECTIONS[rule]


def test_the_numbers_are_the_program_s() -> None:
    assert LIMITS.list_max_age_days == LIMITS.database_max_age_days == 35
    assert Claim.__dataclass_fields__["coverage"].default == 0.95
    assert judge._HOST_DOUBT == 0.01
    assert judge._MAX_CHANCE == judge.DATABASE_ERROR_RATE == locate.MAX_CALIBRATED_RATE == 0.001


@pytest.mark.parametrize(("networks", "needed"), NEEDED)
def test_the_table_of_networks_is_what_the_tail_gives(networks: str, needed: str) -> None:
    n, k = int(networks), int(needed)
    assert chance_of_errors(n, k) <= 0.001 + 1e-9
    assert chance_of_errors(n, k - 1) > 0.001


def test_the_table_of_networks_is_there() -> None:
    assert [int(n) for n, _ in NEEDED] == [1, 10, 100, 1000]


def test_the_example_of_r228_is_what_the_tail_gives() -> None:
    assert f"{chance_of_errors(40, 1):.1%}".replace("%", " %") in SECTIONS["R228"]
    assert f"{chance_of_errors(40, 2):.3%}".replace("%", " %") in SECTIONS["R228"]
