"""`residency plan`: which round-trip times would decide the open claims of a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from residency.cli import terminal
from residency.cli.report_command import damage_told, read_report
from residency.report import as_json, as_plan


def plan(
    path: Annotated[Path, typer.Argument(metavar="REPORT.json", help="A report saved with --format json:REPORT.json.")],
    format_: Annotated[str, typer.Option("--format", "-f", metavar="NAME[:PATH]", help="text or json.")] = "text",
    atlas: Annotated[
        Path | None, typer.Option("--atlas", metavar="FILE", help="Write the requests to RIPE Atlas, as a JSON array.")
    ] = None,
) -> int:
    """Say for each open claim which measurements would decide it: where a vantage must stand, and what it must time.

    Sends nothing.

        residency plan report.json --atlas request.json
    """
    from residency.auditing.planning import plan_report

    name, target = terminal.parse_format(format_)
    document = read_report(path)
    with damage_told(path):
        plans = plan_report(document)
    text = as_json.dumps(as_plan.document(plans)) if name == "json" else as_plan.render(plans)
    if atlas is not None:
        terminal.write(json.dumps(as_plan.atlas_requests(plans), indent=2, sort_keys=True) + "\n", atlas)
    terminal.write(text, target)
    return 0
