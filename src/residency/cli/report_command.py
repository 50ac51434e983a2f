"""`residency report` and `residency explain`: read a saved report again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from residency.cli import completing, terminal
from residency.errors import InputError, UsageError
from residency.files import read_capped
from residency.limits import LIMITS
from residency.report import as_json
from residency.report.explain import find, render
from residency.report.formats import FORMATS, Page

_REPORT = typer.Argument(metavar="REPORT.json", help="A report saved with --format json:REPORT.json.")


def report(
    path: Annotated[Path, _REPORT],
    format_: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            metavar="NAME[:PATH]",
            help="text or json (repeatable).",
            autocompletion=completing.report_forms,
        ),
    ] = None,
) -> int:
    """Show a saved report in another form.

    residency report report.json --format text
    """
    document = read_report(path)
    for name, target in terminal.parse_formats(format_ or []):
        page = terminal.page() if target is None else Page()
        with damage_told(path):
            text = FORMATS[name](document, page)
        terminal.write(text, target)
    return 0


def explain(
    path: Annotated[Path, _REPORT],
    finding: Annotated[str, typer.Argument(metavar="FINDING", help="The finding's id, or its beginning.")],
) -> int:
    """Explain one finding: what was seen, who says where, which rules decided, what would change it.

    residency explain report.json F-0123456789ab

    residency explain report.json telemetry.acme.example
    """
    from residency.evaluate.rules import RULES

    page = terminal.page()
    document = read_report(path)
    with damage_told(path):
        try:
            find(document, finding)
        except KeyError as error:
            raise UsageError(str(error.args[0]), path=path) from error
        text = render(document, finding, RULES, width=page.width, colour=page.colour)
    terminal.write(text, None)
    return 0


@contextlib.contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Turn what a report of the right schema and the wrong content does to a form into an InputError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, StopIteration) as error:
        raise InputError("a damaged report: something in it is missing or of another type", path=path) from error


def read_report(path: Path) -> dict[str, Any]:
    """Read a saved report; raises InputError for anything that is none."""
    try:
        document = json.loads(read_capped(path, LIMITS.max_report_bytes).decode("utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise InputError("not a report: this is not JSON", path=path, line=line) from error
    if not isinstance(document, dict) or document.get("schema") != as_json.SCHEMA:
        raise InputError(
            f"not a report: `schema` must be {as_json.SCHEMA}; save one with --format json:FILE", path=path
        )
    missing = {"claims", "findings", "snapshots", "inputs"} - set(document)
    if missing:
        raise InputError(f"a damaged report: `{min(missing)}` is missing", path=path)
    return document
