"""Write docs/cli.md: the `--help` text of every command at 80 columns, as the program prints it.

python docs/build_cli.py            # writes docs/cli.md
python docs/build_cli.py --check    # says whether it is up to date (exit 1: it is not)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import typer

PAGE = Path(__file__).with_name("cli.md")
INTRODUCTION = """\
# Commands

This page is generated: `python docs/build_cli.py` writes it, and a test holds it against the program.

Results go to standard output, everything else to standard error. An error is one line:
`residency: error: FILE:LINE: what, and what to do`.

What the codes mean is on the page [Exit codes](exit-codes.md).
"""


def commands() -> Iterator[tuple[str, ...]]:
    """Yield every command as its words, the program itself first, in the order of the help."""
    from residency.cli.app import app

    yield from _below((), typer.main.get_command(app))


def _below(words: tuple[str, ...], command: Any) -> Iterator[tuple[str, ...]]:
    yield words
    for name, child in getattr(command, "commands", {}).items():
        yield from _below((*words, name), child)


@cache
def help_texts() -> dict[tuple[str, ...], str]:
    """Return what `residency WORDS --help` prints at 80 columns without colour, for every command, by its words.

    A process of its own, and one for all: the width is read from the environment when the program is loaded.
    """
    listed = list(commands())
    environment = {
        "COLUMNS": "80",
        "TERMINAL_WIDTH": "80",
        "LINES": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "PYTHONIOENCODING": "utf-8",
    }
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "PYTHONPATH", "HOME", "SYSTEMROOT", "VIRTUAL_ENV")}
    program = (
        "import json, sys; from residency.cli import main\n"
        "for words in json.loads(sys.argv[1]):\n"
        "    assert main([*words, '--help']) == 0\n"
        "    print('\\f', end='')\n"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program, json.dumps(listed)],
        env=kept | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    printed = done.stdout.split("\f")[:-1]
    return {
        words: "\n".join(line.rstrip() for line in text.split("\n")).strip("\n") + "\n"
        for words, text in zip(listed, printed, strict=True)
    }


def page() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION]
    for words in commands():
        title = " ".join(("residency", *words))
        parts.append(f"## `{title}`\n\n```text\n{help_texts()[words]}```\n")
    return "\n".join(parts)


def main() -> int:
    """Write the page, or check it."""
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page() else 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
