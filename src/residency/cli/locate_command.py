"""`residency locate`: where addresses are, by the evidence at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from residency.cli import completing, terminal
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
    pinned,
)
from residency.cli.targets import read_lines
from residency.evaluate.rules import RULES
from residency.report import as_json, as_locate


def locate(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]...", help="Addresses; host names, which are looked up; `-` reads addresses, one a line."
        ),
    ] = None,
    within: Annotated[
        str,
        typer.Option(
            metavar="AREA",
            help="Give a place in this area and a verdict, as in EEA or DE,FR.",
            autocompletion=completing.areas,
        ),
    ] = "",
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Read one address a line; `#` begins a remark.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", "-f", metavar="NAME[:PATH]", help="text or json.")] = "text",
    server: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SERVER",
            help="The name server for names, as `resolve` takes it; the system's if none (repeatable).",
        ),
    ] = None,
    geoip: GeoipFiles = None,
    ranges: RangeFiles = None,
    geofeed: GeofeedFiles = None,
    anycast: AnycastFiles = None,
    relay: RelayFiles = None,
    rdap: Rdap = False,
    discover_geofeeds: DiscoverGeofeeds = False,
    rtt: RttFiles = None,
    vantage: Annotated[
        str | None, typer.Option(metavar="LAT,LON[,±KM][,NAME]", help="Where you are, for --live.")
    ] = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="Time TCP and TLS handshakes with the targets now, from --vantage (network)."),
    ] = False,
    evidence: EvidenceFiles = None,
    no_embedded: NoEmbedded = False,
    min_assurance: MinAssurance = "database",
    max_age: MaxAge = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="The day asked about; today where not given.")
    ] = None,
) -> int:
    """Say where addresses are, with every piece of evidence; offline, but for names and where asked.

    With --rtt and no target, everything that the files measured is located.

    With --within the answer is held against an area, as one answered conversation would be: the exit code is 0 where
    all are consistent with it, 1 where one is violated, 3 where one cannot be decided.

        residency locate 63.34.222.109 --within EEA

        residency locate s3.eu-west-1.amazonaws.com --server 9.9.9.9

        cut -f5 conn.log | sort -u | residency locate - --format json
    """
    from residency.auditing.given import GivenEvidence
    from residency.auditing.locating import Locator, locate_lines, locate_targets, one_vantage, parse_day
    from residency.auditing.options import parse_places
    from residency.sources.gazetteer import shipped_gazetteer

    name, path = terminal.parse_format(format_)
    listed = None if rtt and not (targets or file) else read_lines(targets or [], file, what="target")
    given = GivenEvidence(
        embedded=not no_embedded,
        geoip=geoip or (),
        ranges=ranges or (),
        geofeeds=geofeed or (),
        anycast=anycast or (),
        relays=relay or (),
        rdap=rdap,
        discover=discover_geofeeds,
        rtt=rtt or (),
    )
    locator = Locator(
        sources=[*given.sources(), *pinned(evidence or [])],
        within=parse_places(within, shipped_gazetteer(), option="--within"),
        min_assurance=min_assurance,
        max_age_days=max_age,
        day=parse_day(as_of),
        rtt_files=given.times(),
        live_from=one_vantage(vantage) if live else None,
        hints=given.hints(),
    )
    if listed is None:
        found = locate_targets(targets or [], locator, servers=server or ())
    else:
        found = locate_lines(listed, locator)
    doc = as_locate.document(found)
    page = terminal.page()
    if name == "json":
        terminal.write(as_json.dumps(doc), path)
    else:
        terminal.write(as_locate.render(doc, RULES, width=page.width, colour=page.colour and path is None), path)
    for refused in found.refused:
        where = "" if refused.line is None else f"{file or '<stdin>'}:{refused.line}: "
        terminal.complain(f"{where}`{refused.text}`: {refused.reason}")
    return found.exit_code
