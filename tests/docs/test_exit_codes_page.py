"""docs/exit-codes.md has the codes of the program and no other; what leads to each is run by the page's own blocks."""

from __future__ import annotations

import re
from pathlib import Path

from residency.cli import EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_USAGE

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "exit-codes.md").read_text(encoding="utf-8")
VERDICTS = {0, 1, 3}


def test_the_codes_are_the_program_s() -> None:
    listed = [int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)]
    assert listed == sorted(VERDICTS | {EXIT_USAGE, EXIT_INTERNAL, EXIT_INTERRUPTED})


def test_the_page_runs_into_each_code_that_a_user_can_bring_about() -> None:
    shown = {int(code) for code in re.findall(r"^\$ echo \$\?\n(\d+)$", PAGE, re.MULTILINE)}
    assert shown == VERDICTS | {EXIT_USAGE}  # 4 and 130: tests/cli/test_cli.py
