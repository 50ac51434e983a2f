"""Run docs/tutorial.md from top to bottom in an empty folder and compare what it prints.

A fenced block is a file if the line before it ends in `NAME`: ("Save as `flows.csv`:"), a session if it is a
`console` block, and a program if it is a `python` block; a `text` block after a program is what it prints.
A line `...` stands for any lines, `...` within a line for any text on that line. The id of a finding stands for
that of the first violating finding of report.json, since ids depend on the dates of the shipped data.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
_FENCE = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FINDING = re.compile(r"F-[0-9a-f]{4,12}\b")
_NAME = re.compile(r"`([\w./-]+)`(?: \([^()]*\))?[^`\n]*:$")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, its text, and the paragraph that ends before it."""

    language: str
    text: str
    before: str
    line: int

    @property
    def file_name(self) -> str | None:
        """The file that the paragraph before says it is."""
        found = _NAME.search(self.before)
        return found[1] if found else None


def blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    for found in _FENCE.finditer(page):
        before = page[: found.start()].rstrip().rpartition("\n\n")[2]
        yield Block(found[1], found[2], before.replace("\n", " "), page.count("\n", 0, found.start()) + 1)


def sessions(text: str) -> Iterator[tuple[str, str]]:
    """Yield (command, expected output) of a console block."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def as_pattern(expected: str) -> re.Pattern[str]:
    """Turn expected output into a pattern."""
    lines = []
    for line in expected.splitlines():
        if line.strip() == "...":
            lines.append(r"(?:.*\n)*?")
        else:
            words = (re.sub(r"(?: )+", " ", part) for part in line.split("..."))
            lines.append(r".*".join(re.escape(word).replace(r"\ ", r"[ ]+") for word in words) + r"[ ]*\n")
    return re.compile("".join(lines))


def same(expected: str, got: str) -> bool:
    """Does the output read as the page says, whatever the widths of blanks?"""
    return as_pattern(expected).fullmatch(got if not got or got.endswith("\n") else got + "\n") is not None


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which `residency` is this checkout's, at 80 columns without colour."""
    shims = tmp_path / "bin"
    shims.mkdir()
    command = shims / "residency"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -W error::SyntaxWarning -m residency "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    # Installing needs the network; the page's first command is checked by packaging, not here.
    python = shims / "python"
    python.write_text(f'#!/bin/sh\n[ "$3" = install ] && echo "(skipped)" || exec "{sys.executable}" "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return {
        "PATH": f"{shims}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "HOME": str(tmp_path),
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "PYTHONIOENCODING": "utf-8",
        "LC_ALL": "C.UTF-8",
    }


def real_id(text: str, folder: Path) -> str:
    """Return the text with the ids of the page replaced by the real one."""
    if not _FINDING.search(text):
        return text
    findings = json.loads((folder / "report.json").read_text(encoding="utf-8"))["findings"]
    found: str = next(f["id"] for f in findings if f["outcome"] == "violating")
    return _FINDING.sub(found, text)


def run(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run a command in the folder; return its exit code and all that it printed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    return done.returncode, done.stdout


def test_every_block_of_the_tutorial_runs(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    code, printed = 0, ""
    ran = {"console": 0, "python": 0, "file": 0, "text": 0}
    for block in blocks(PAGE.read_text(encoding="utf-8")):
        at = f"{PAGE.name}:{block.line}"
        if block.language == "console":
            for command, expected in sessions(block.text):
                shell = f"(exit {code}); {real_id(command, folder)}"
                code, printed = run(["bash", "-c", shell], folder, environment)
                assert same(real_id(expected, folder), printed), f"{at}: $ {command}\n{printed}"
            ran["console"] += 1
        elif block.language == "python":
            code, printed = run([sys.executable, "-c", block.text], folder, environment)
            assert code == 0, f"{at}: {printed}"
            ran["python"] += 1
        elif block.language == "text":
            assert same(block.text, printed), f"{at}: {printed}"
            ran["text"] += 1
        else:
            name = block.file_name
            assert name, f"{at}: a block that is neither run nor a file"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(block.text, encoding="utf-8")
            ran["file"] += 1
    assert min(ran.values()) > 1, ran


@pytest.mark.parametrize(
    ("expected", "got", "is_same"),
    [
        ("a b\n", "a   b\n", True),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a ... d\n", "a b c d\n", True),
        ("a\n", "a\nb\n", False),
        ("...\nb\n", "b\n", True),
        ("a\n...\nd\n", "a\nb\nc\n", False),
        ("", "", True),
        ("", "x\n", False),
    ],
)
def test_the_comparison_tells_same_from_other(expected: str, got: str, is_same: bool) -> None:
    assert same(expected, got) is is_same
