"""`residency report` and `residency explain`: read a saved report again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from residency.cli import forms, terminal
from residency.errors import InputError, UsageError
from residency.files import read_capped
from residency.limits import LIMITS
from residency.model.measurement_plan import FindingPlan
from residency.report import as_json
from residency.report.explain import explanation, find, render
from residency.report.formats import Page
from residency.report.redact import Redactor

_REPORT = typer.Argument(metavar="REPORT.json", help="A report saved with --format json:REPORT.json.")


def report(
    path: Annotated[Path, _REPORT],
    format_: forms.Forms = None,
    redact_clients: Annotated[
        bool, typer.Option("--redact-clients", help="Write client-1, client-2 … for what could name a client.")
    ] = False,
) -> int:
    """Show a saved report in another form.

    residency report report.json --format html:report.html
    """
    chosen = forms.choose(format_ or [], inputs=[path])
    document = read_report(path)
    with damage_told(path):
        document = Redactor().document(document) if redact_clients else document
    forms.write(document, chosen, damage_told(path))
    return 0


def explain(
    path: Annotated[Path, _REPORT],
    finding: Annotated[
        str, typer.Argument(metavar="FINDING", help="Its id, the beginning of it, a host or an address.")
    ],
    format_: Annotated[str, typer.Option("--format", "-f", metavar="NAME[:PATH]", help="text or json.")] = "text",
) -> int:
    """Explain one finding: what was seen, who says where, which rules decided, what would change it.

    residency explain report.json F-0123456789ab

    residency explain report.json telemetry.acme.example
    """
    from residency.evaluate.rules import RULES

    name, target = terminal.parse_format(format_)
    page = terminal.page() if target is None else Page()
    document = read_report(path)
    with damage_told(path):
        try:
            found = find(document, finding)
        except KeyError as error:
            raise UsageError(str(error.args[0]), path=path) from error
        rules, plan = {**RULES, **document.get("rules", {})}, _plan(document, found)
        if name == "json":
            text = as_json.dumps(explanation(document, found["id"], rules, plan))
        else:
            text = render(document, found["id"], rules, plan=plan, width=page.width, colour=page.colour)
    terminal.write(text, target)
    return 0


def _plan(document: dict[str, Any], finding: Mapping[str, Any]) -> FindingPlan | None:
    """Work out which times would decide the finding, where times could."""
    if finding["outcome"] not in ("violating", "adverse", "doubtful", "unknown") or not finding["network"]:
        return None
    if finding["assurance"] == "no location needed":
        return None
    from residency.auditing.planning import plan_finding

    return plan_finding(document, finding)


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
        document = json.loads(read_capped(path, LIMITS.max_report_bytes).decode("utf-8"), object_hook=_sharing())
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


def _sharing() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a hook by which equal pieces of evidence are one object, as they were when the report was made."""
    known: dict[str, dict[str, Any]] = {}

    def share(value: dict[str, Any]) -> dict[str, Any]:
        return known.setdefault(repr(value), value) if "lineage" in value else value

    return share
