"""docs/howto/verdict-aloud.md quotes the sentences of the program, and names every word of assurance."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.blocks import Reader

from residency.model.evidence import Assurance
from residency.model.verdict import Verdict

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "verdict-aloud.md").read_text(encoding="utf-8")


def quotes() -> list[str]:
    """The quoted paragraphs of the page, each on one line."""
    found = re.findall(r"(?:^> .*\n)+", PAGE, re.MULTILINE)
    return [" ".join(line.removeprefix("> ") for line in quote.splitlines()) for quote in found]


def test_the_quotes_are_what_the_program_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    reader = Reader("verdict-aloud.md")
    reader.follow(PAGE)
    assert sorted(quotes()) == sorted(reader.printed.splitlines())


def test_every_verdict_and_assurance_is_read_aloud() -> None:
    assert {quote.partition(" ")[0].rstrip(":") for quote in quotes()} == {v.value for v in Verdict}
    words = set(re.findall(r"^\| `([a-z ]+)` \|", PAGE, re.MULTILINE))
    assert words == {a.value for a in Assurance} - {"none"} | {"isolated"}
