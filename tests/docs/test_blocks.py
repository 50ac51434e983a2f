"""Every fenced block of every page is run or read, in this process where it can be."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tests.docs.blocks import Reader, blocks, same

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "data/demo/README.md")),
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.name != "verdict-aloud.md"),  # has its own test
]


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of somebody new, in which `residency` is this checkout's, at 80 columns without colour."""
    shims, folder = tmp_path / "bin", tmp_path / "work"
    shims.mkdir()
    folder.mkdir()
    programs = {
        "residency": f'exec "{sys.executable}" -W error::SyntaxWarning -m residency "$@"',
        # Installing needs the network; what is installed is checked by tests/check_wheel.py.
        "python": f'[ "$3" = install ] && echo "(skipped)" || exec "{sys.executable}" "$@"',
    }
    for name, line in programs.items():
        (shims / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (shims / name).chmod(0o755)
    surroundings = {
        "PATH": f"{shims}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "PYTHONIOENCODING": "utf-8",
        "LC_ALL": "C.UTF-8",
    }
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_of_a_page_does_what_the_page_says(path: Path, newcomer: Path) -> None:
    text = path.read_text(encoding="utf-8")
    Reader(path.name).follow(text)
    fences = sum(line.lstrip().startswith("```") for line in text.splitlines())
    assert fences == 2 * len(list(blocks(text))), "a fence that is indented or not closed is not seen"


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


@pytest.mark.parametrize(
    "page",
    [
        "```console\n$ residency --version\nresidency none\n```\n",
        "```console\n$ echo $?\n1\n```\n",
        "```console\nresidency --version\n```\n",
        "```python\nassert 1 == 2\n```\n",
        "```python\nprint(1)\n```\n\nprints\n\n```text\n2\n```\n",
        "```csv\na,b\n```\n",
        "```sh\ntrue\n```\n",
        "```\nresidency --version\n```\n",
        "```yaml\nrun: residency --version\n```\n",
    ],
)
@pytest.mark.usefixtures("newcomer")
def test_a_block_that_does_not_hold_is_told_with_its_line(page: str) -> None:
    with pytest.raises(AssertionError, match="page"):
        Reader("page").follow("# A page\n\n" + page)


@pytest.mark.parametrize("page", ['```toml\nschema = "residency/1"\n```\n', "```json\n{]\n```\n"])
@pytest.mark.usefixtures("newcomer")
def test_a_document_that_is_none_is_an_error(page: str) -> None:
    with pytest.raises(Exception, match=r"claim|JSON|Expecting"):
        Reader("page").follow(page)


def test_a_block_is_left_alone_for_a_stated_reason_only() -> None:
    with_reason, without = "*Not run here: it needs the network.*\n\n", "*Not run here.*\n\n"
    (left,) = blocks(with_reason + "```console\n$ false\nx\n```\n")
    (run,) = blocks(without + "```console\n$ false\nx\n```\n")
    assert (left.not_run, run.not_run) == ("it needs the network", None)
