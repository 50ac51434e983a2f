"""`residency audit`: hold claims against traffic."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from residency.cli import completing, forms, terminal
from residency.cli.evidence_options import (
    AnycastFiles,
    DiscoverGeofeeds,
    EvidenceFiles,
    GeofeedFiles,
    GeoipFiles,
    MaxAge,
    MinAssurance,
    NoEmbedded,
    RangeFiles,
    Rdap,
    RelayFiles,
    RttFiles,
    Vantages,
    pinned,
)
from residency.report import as_json
from residency.report.redact import Redactor


class FailOn(StrEnum):
    """Which verdicts make the exit code non-zero."""

    INCONCLUSIVE = "inconclusive"
    VIOLATED = "violated"
    NEVER = "never"


def audit(
    traffic: Annotated[
        list[str],
        typer.Argument(
            metavar="TRAFFIC",
            help="Files, folders, patterns, or - (standard input): Zeek, cloud logs, CSV, NDJSON, Parquet; .gz, .zst.",
        ),
    ],
    claims: Annotated[
        list[str],
        typer.Option(
            "--claims",
            "-c",
            metavar="FILE|PACK",
            help="A claim file, or the name of a shipped pack (`residency claims list`).",
            autocompletion=completing.packs,
        ),
    ],
    claim: Annotated[
        list[str] | None, typer.Option("--claim", metavar="ID", help="Judge only this claim (repeatable).")
    ] = None,
    format_: forms.Forms = None,
    clients: Annotated[
        str,
        typer.Option(
            metavar="AREA",
            help="Whose traffic it is, as in EEA or DE,FR; needed to contradict claims about somebody's data.",
            autocompletion=completing.areas,
        ),
    ] = "",
    vantage: Vantages = None,
    rtt: RttFiles = None,
    geoip: GeoipFiles = None,
    ranges: RangeFiles = None,
    geofeed: GeofeedFiles = None,
    anycast: AnycastFiles = None,
    relay: RelayFiles = None,
    rdap: Rdap = False,
    discover_geofeeds: DiscoverGeofeeds = False,
    evidence: EvidenceFiles = None,
    dns: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Answers that `resolve --record` kept; they name flows near their time (repeatable)."
        ),
    ] = None,
    no_embedded: NoEmbedded = False,
    min_assurance: MinAssurance = "database",
    rely_on: Annotated[
        list[str] | None,
        typer.Option(
            metavar="AUTHOR",
            help="Believe this party of a claim about itself (repeatable; printed in the headline).",
        ),
    ] = None,
    max_age: MaxAge = None,
    sampling: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The traffic is a random sample, 1 in N.")
    ] = None,
    clock_skew: Annotated[
        float, typer.Option(metavar="S", min=0, help="The sensor's clock may be off by this many seconds.")
    ] = 0.0,
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
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Judge the age of data as of this date (default: the last flow)."),
    ] = None,
    quarantine: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every record that could not be judged, one JSON object a line."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be in scope of each claim.")] = False,
    redact_clients: Annotated[
        bool,
        typer.Option(
            "--redact-clients",
            help="Write client-1, client-2 … for what could name a client, in every form (docs/reports.md).",
        ),
    ] = False,
    fail_on: Annotated[
        FailOn, typer.Option(help="Which verdicts fail: inconclusive, violated, never.")
    ] = FailOn.INCONCLUSIVE,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the reader (default: all).")] = None,
    memory_limit: Annotated[
        str, typer.Option(metavar="SIZE", help="Memory of the reader before it spills to disk.")
    ] = "1GiB",
    temp_dir: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the reader spills.")] = None,
    workspace: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Keep what is read in this folder, step by step, so that a stop loses little."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the job in --workspace, or begin it if there is none.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> int:
    """Hold claims against traffic: is it consistent, does it contradict, or can it not be decided, and why?

    Nothing is sent anywhere unless --rdap or --discover-geofeeds say so. Every record is judged, out of scope,
    quarantined, duplicate or context.

        residency audit conn.log ssl.log dns.log --claims acme.toml --clients EEA

        residency audit flows.parquet --claims tiktok-clover --format json:report.json --format text

    Exit codes: 0 nothing violated and every claim that could be confirmed was; 1 any violated; 2 usage or
    input error; 3 some inconclusive that could have been confirmed; 4 internal failure; 130 interrupted.
    """
    from residency.auditing import audit as run
    from residency.auditing import preview

    read = [traffic, claims, geoip, ranges, geofeed, anycast, relay, rtt, vantage, evidence, dns]
    chosen = forms.choose(format_ or [], inputs=[path for paths in read for path in paths or ()], outputs=[quarantine])
    redactor = Redactor() if redact_clients else None
    options: dict[str, Any] = {
        "claim_ids": claim,
        "clients": clients,
        "vantage": vantage,
        "clock_skew_s": clock_skew,
        "time_unit": time_unit,
        "input_format": input_format,
        "threads": threads,
        "memory_limit": memory_limit,
        "temp_dir": str(temp_dir) if temp_dir else None,
    }
    with terminal.interruptible(), terminal.progress_bar(quiet) as progress:
        if dry_run:
            scopes = preview(claims, traffic, progress=progress, **options)
        else:
            with terminal.quarantine_file(quarantine, redactor) as sink:
                report = run(
                    claims,
                    traffic,
                    sources=pinned(evidence or []),
                    embedded=not no_embedded,
                    geoip=geoip or [],
                    ranges=ranges or [],
                    geofeeds=geofeed or [],
                    anycast=anycast or [],
                    relays=relay or [],
                    rdap=rdap,
                    discover_geofeeds=discover_geofeeds,
                    rtt=rtt or [],
                    dns=dns or [],
                    min_assurance=min_assurance,
                    rely_on=rely_on or [],
                    max_age_days=max_age,
                    sampling=sampling,
                    as_of=as_of,
                    quarantine=sink,
                    progress=progress,
                    workspace=workspace,
                    resume=resume,
                    **options,
                )
    if dry_run:
        from residency.report.preview import render

        terminal.write(render(scopes, width=terminal.page().width), None)
        return 0
    document = as_json.document(report)
    forms.write(redactor.document(document) if redactor else document, chosen)
    return _exit_code(report.exit_code, fail_on)


def _exit_code(code: int, fail_on: FailOn) -> int:
    if fail_on is FailOn.NEVER or (fail_on is FailOn.VIOLATED and code == 3):
        return 0
    return code
