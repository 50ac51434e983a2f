"""`residency flows`: any readable traffic as one flow table."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from residency.cli import completing, terminal
from residency.errors import UsageError
from residency.model.units import counted
from residency.report.medium import printable

if TYPE_CHECKING:
    from residency.auditing.flow_table import FlowsWritten

_STDOUT = "-"


def flows(
    traffic: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            help="Files, folders, or - for standard input: everything that `residency audit` reads.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write: .parquet, .csv or .ndjson says the form; - is standard output.",
        ),
    ],
    format_: Annotated[
        str | None,
        typer.Option("--format", "-f", metavar="NAME", help="parquet, csv or ndjson, whatever the file is called."),
    ] = None,
    time_unit: Annotated[
        str,
        typer.Option(
            metavar="UNIT", help="Unit of numeric times: s, ms, us, ns.", autocompletion=completing.time_units
        ),
    ] = "s",
    input_format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Read every input as this format instead of recognising it.",
            autocompletion=completing.input_formats,
        ),
    ] = None,
    quarantine: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every record that could not be read, one JSON object a line."),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the reader (default: all).")] = None,
    memory_limit: Annotated[
        str, typer.Option(metavar="SIZE", help="Memory of the reader before it spills to disk.")
    ] = "1GiB",
    temp_dir: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the reader spills.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no counts, no warnings.")] = False,
) -> int:
    """Write the flow table of any traffic: one row a flow, named, with its round-trip times.

    Captures, Zeek logs, logs of clouds and flow tables may be mixed; answers of DNS in any of them name flows in
    all. The table can be read again with the same verdicts. Rows stand in an order that their content alone decides.

        residency flows capture.pcapng -o flows.parquet

        residency flows vpc/ resolver.log -o flows.csv --quarantine bad.ndjson
    """
    from residency.auditing.flow_table import write_flows

    to_stdout = output == _STDOUT
    form = (format_ or "ndjson") if to_stdout else format_
    if to_stdout and form not in ("csv", "ndjson"):
        raise UsageError(f"--format `{form}` cannot go to standard output; csv or ndjson can")
    with tempfile.TemporaryDirectory(prefix="residency-", dir=temp_dir) as folder:
        target = str(Path(folder, "flows")) if to_stdout else output
        with (
            terminal.progress_bar(quiet) as progress,
            terminal.quarantine_file(quarantine) as sink,
        ):
            done = write_flows(
                traffic,
                target,
                form=form,
                input_format=input_format,
                time_unit=time_unit,
                quarantine=sink,
                progress=progress,
                threads=threads,
                memory_limit=memory_limit,
                temp_dir=str(temp_dir) if temp_dir else None,
            )
        if to_stdout:
            _copy_out(Path(target))
    if not quiet:
        _say(done, "standard output" if to_stdout else output, is_kept=quarantine is not None)
    return 0


def _copy_out(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        while text := file.read(1 << 20):
            sys.stdout.write(text)
    sys.stdout.flush()


def _say(done: FlowsWritten, output: str, *, is_kept: bool) -> None:
    """Tell on stderr what became of the records."""
    rest = f"{done.quarantined:,} quarantined, {done.duplicate:,} duplicate, {done.context:,} context"
    found = f"{counted(done.flows, 'flow')} of {counted(done.records, 'record')} in {counted(done.inputs, 'input')}"
    lines = [f"{output}: {found} ({rest})"]
    first = done.first_quarantined
    if first is not None:
        at = f":{first.line}" if first.line is not None else "" if first.offset is None else f": offset {first.offset}"
        more = "" if is_kept else "; --quarantine FILE writes all"
        lines.append(f"quarantined first: {first.path}{at}: {first.reason}{more}")
    for line in (*lines, *(f"warning: {text}" for text in done.warnings)):
        typer.echo(printable(line, 500), err=True)
