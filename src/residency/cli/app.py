"""The commands, each in a file of its own, gathered here."""

from __future__ import annotations

import typer

from residency._version import __version__
from residency.cli import (
    audit_command,
    claims_command,
    data_command,
    demo_command,
    flows_command,
    locate_command,
    plan_command,
    report_command,
    resolve_command,
    sites_command,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Is observed traffic consistent with what was declared about where data is kept?\n\n"
    "Start with:  `residency audit TRAFFIC --claims FILE`  (offline; every verdict shows its evidence).",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"residency {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", "-V", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Take the options that stand before a command."""


app.command("audit")(audit_command.audit)
app.command("flows")(flows_command.flows)
app.command("demo")(demo_command.demo)
app.command("locate")(locate_command.locate)
app.command("plan")(plan_command.plan)
app.command("resolve")(resolve_command.resolve)
app.command("explain")(report_command.explain)
app.command("report")(report_command.report)
app.add_typer(claims_command.app, name="claims")
app.add_typer(sites_command.app, name="sites")
app.add_typer(data_command.app, name="data")
