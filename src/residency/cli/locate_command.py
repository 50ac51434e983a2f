"""`residency locate`: where addresses are, by the evidence at hand."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from residency.cli import terminal
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
from residency.errors import UsageError
from residency.evaluate.rules import RULES
from residency.report import as_json, as_locate


def locate(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TARGET]...", help="Addresses; `-` reads one a line from standard input."),
    ] = None,
    within: Annotated[
        str, typer.Option(metavar="AREA", help="Give a place in this area and a verdict, as in EEA or DE,FR.")
    ] = "",
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Read one address a line; `#` begins a remark.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", "-f", metavar="NAME[:PATH]", help="text or json.")] = "text",
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
    """Say where addresses are, with every piece of evidence; offline unless asked.

    With --rtt and no target, everything that the files measured is located.

    With --within the answer is held against an area, as one answered conversation would be: the exit code is 0 where
    all are consistent with it, 1 where one is violated, 3 where one cannot be decided.

        residency locate 63.34.222.109 --within EEA

        cut -f5 conn.log | sort -u | residency locate - --format json
    """
    from residency.auditing.given import GivenEvidence
    from residency.auditing.locating import Locator, locate_lines, one_vantage, parse_day, read_target
    from residency.auditing.options import parse_places
    from residency.sources.gazetteer import shipped_gazetteer

    name, path = _form(format_)
    listed = None if rtt and not (targets or file) else _lines(targets or [], file)
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
    )
    if listed is None:
        read = [(target, read_target(target)) for target in targets or []]
        found = locator.locate(read or locator.timed_targets())
    else:
        found = locate_lines(listed, locator)
    doc = as_locate.document(found)
    page = terminal.page()
    if name == "json":
        terminal.write(as_json.dumps(doc), path)
    else:
        terminal.write(as_locate.render(doc, RULES, width=page.width, colour=page.colour and path is None), path)
    for refused in found.refused:
        terminal.complain(f"{file or '<stdin>'}:{refused.line}: `{refused.text}`: {refused.reason}")
    return found.exit_code


def _form(text: str) -> tuple[str, Path | None]:
    name, _, path = text.partition(":")
    if name not in ("text", "json"):
        raise UsageError(f"--format `{name}`: one of json, text")
    return name, Path(path) if path else None


def _lines(targets: list[str], file: Path | None) -> Iterable[str] | None:
    """Return the lines of a file or of standard input; None where the targets are the arguments."""
    if targets and file:
        raise UsageError("targets and --file together; give one of them")
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", path=file) from error
        except UnicodeDecodeError as error:
            raise UsageError("not UTF-8 text; write one address a line", path=file) from error
    if targets == ["-"]:
        return sys.stdin
    if not targets:
        raise UsageError("no target was given; name an address, `-` for standard input, or --file FILE")
    return None
