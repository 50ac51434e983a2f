"""The fenced blocks of a page, run from top to bottom in a folder that was empty at first.

| language | what becomes of the block |
|---|---|
| `console` | each `$ command` is run (it may go on after a backslash, behind `> `), and what it prints is compared |
| `python` | run as a program; a `text` block after the word "prints" is what it prints |
| `toml` | a claim file: it must load without a fault, or with one where the paragraph before calls it faulty |
| `json` | one document, or one a line: it must parse |
| `yaml` | it must parse, and each step that runs `residency` is a command of the page |
| `csv`, `text` | data, or words |

A block is saved as a file if the paragraph before it ends in `NAME`: ("Save as `flows.csv`:"), and a sample of
docs/samples that the page links to is there from the beginning. A block is left alone only
where that paragraph says *Not run here: REASON.* A line `...` of output stands for any lines, `...` within a line for
any text on it. The id of a finding stands for that of the first violating finding of report.json, since ids depend on
the dates of the shipped data.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from residency.claims import load_pack
from residency.cli import main
from residency.errors import ClaimError
from residency.sources.gazetteer import shipped_gazetteer

SAMPLES = Path(__file__).resolve().parents[2] / "docs" / "samples"
_FENCE = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FINDING = re.compile(r"F-[0-9a-f]{4,12}\b")
_NAME = re.compile(r"`([\w./-]+)`(?: \([^()]*\))?[^`\n]*:$")
_NOT_RUN = re.compile(r"\*Not run here: (\S.*)\.\*")
_SAMPLE = re.compile(r"\]\((?:\.\./)*samples/([\w.-]+)\)")
_SHELL = re.compile(r"[|<>;&$`*?~(){}\[\]\\]")


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

    @property
    def not_run(self) -> str | None:
        """The reason for which it is left alone."""
        found = _NOT_RUN.fullmatch(self.before)
        return found[1] if found else None


def blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    for found in _FENCE.finditer(page):
        before = page[: found.start()].rstrip().rpartition("\n\n")[2]
        yield Block(found[1], found[2], before.replace("\n", " "), page.count("\n", 0, found.start()) + 1)


def sessions(text: str) -> Iterator[tuple[str, str]]:
    """Yield (command, expected output) of a console block."""
    joined = re.sub(r" \\\n> ", " ", text)  # a command may go on after a backslash and the second prompt
    for part in re.split(r"^\$ ", joined, flags=re.MULTILINE)[1:]:
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


@dataclass(slots=True)
class Reader:
    """Somebody who does what a page says, in the current folder, and holds what comes out against it."""

    name: str
    code: int = 0
    printed: str = ""
    commands: list[str] = field(default_factory=list)

    def follow(self, page: str) -> None:
        """Do everything that the page says."""
        for sample in _SAMPLE.findall(page):
            shutil.copy(SAMPLES / sample, sample)
        for block in blocks(page):
            if block.not_run is None:
                try:
                    self._do(block)
                except AssertionError as error:
                    raise AssertionError(f"{self.name}:{block.line}: {error}") from None

    def _do(self, block: Block) -> None:
        if block.file_name:
            path = Path(block.file_name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        match block.language:
            case "console":
                self._console(block.text)
            case "python":
                self._python(block.text)
            case "toml":
                path = Path(block.file_name or "block.toml")
                path.write_text(block.text, encoding="utf-8")
                _lint(path, is_faulty="faulty" in block.before)
            case "json":
                _parse_json(block.text)
            case "yaml":
                called = {run for run in _runs(yaml.safe_load(block.text)) if run.startswith("residency ")}
                assert called, "no step that runs residency"
                assert called <= set(self.commands), "a step that the page does not run"
            case "text":
                said = block.before == "prints"
                assert not said or same(block.text, self.printed), self.printed
            case "csv":
                assert block.file_name, "data that is no file"
            case other:
                raise AssertionError(f"`{other}` is no language whose blocks are run or read")

    def _console(self, text: str) -> None:
        found = list(sessions(text))
        assert found, "a session without a command"
        for command, expected in found:
            self.commands.append(command)
            self._run(_real_id(command))
            assert same(_real_id(expected), self.printed), f"$ {command}\n{self.printed}"

    def _run(self, command: str) -> None:
        plain = command.partition(" #")[0].strip()
        if plain.startswith("residency ") and not _SHELL.search(plain):
            with _printing() as out:
                self.code = main(shlex.split(plain)[1:])
            self.printed = out.getvalue()
            return
        done = subprocess.run(
            ["bash", "-c", f"(exit {self.code}); {command}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        self.code, self.printed = done.returncode, done.stdout

    def _python(self, text: str) -> None:
        with _printing() as out:
            exec(compile(text, self.name, "exec"), {"__name__": "__main__"})
        self.printed = out.getvalue()


@contextlib.contextmanager
def _printing() -> Iterator[io.StringIO]:
    """Take both streams in the order of what is written."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        yield out


def _lint(path: Path, *, is_faulty: bool) -> None:
    told = "no fault in a file that the page calls faulty" if is_faulty else ""
    try:
        load_pack(path, gazetteer=shipped_gazetteer())
    except ClaimError as error:
        told = "" if is_faulty else str(error)
    assert not told, told


def _parse_json(text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        for line in text.splitlines():
            json.loads(line)


def _runs(value: Any) -> Iterator[str]:
    """Yield what the steps of a job run."""
    if isinstance(value, dict):
        yield from (inner for key, inner in value.items() if key == "run" and isinstance(inner, str))
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _runs(inner)


def _real_id(text: str) -> str:
    """Return the text with the ids of the page replaced by the real one."""
    if not _FINDING.search(text):
        return text
    findings = json.loads(Path("report.json").read_text(encoding="utf-8"))["findings"]
    found: str = next(f["id"] for f in findings if f["outcome"] == "violating")
    return _FINDING.sub(found, text)
