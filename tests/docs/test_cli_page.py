"""docs/cli.md is the `--help` text of every command at 80 columns."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "cli.md").read_text(encoding="utf-8")
BUILD: dict[str, Any] = runpy.run_path(str(DOCS / "build_cli.py"))
COMMANDS: list[tuple[str, ...]] = list(BUILD["commands"]())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_is_on_the_page(words: tuple[str, ...]) -> None:
    title = " ".join(("residency", *words))
    block = PAGE.partition(f"\n## `{title}`\n\n```text\n")[2].partition("```\n")[0]
    assert block == BUILD["help_texts"]()[words], "run python docs/build_cli.py"


def test_the_page_has_no_other_command() -> None:
    titles = [line.strip("`# ") for line in PAGE.splitlines() if line.startswith("## ")]
    assert titles == [" ".join(("residency", *words)) for words in COMMANDS]
    assert PAGE.startswith(BUILD["INTRODUCTION"])


def test_no_line_of_help_is_wider_than_80_columns() -> None:
    blocks = PAGE.split("```text\n")[1:]
    assert all(len(line) <= 80 for block in blocks for line in block.partition("```")[0].splitlines())
