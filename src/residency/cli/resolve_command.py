"""`residency resolve`: names to addresses, from stated vantages; the network is used because it was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from residency.cli import terminal
from residency.cli.evidence_options import (
    AnycastFiles,
    EvidenceFiles,
    GeofeedFiles,
    GeoipFiles,
    NoEmbedded,
    RangeFiles,
    RelayFiles,
    pinned,
)
from residency.cli.targets import read_lines

_FORMS = ("text", "json", "csv")


def resolve(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="Host names, never expanded; addresses ask for their names (PTR); `-` reads one a line.",
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Read one name a line; `#` begins a remark.")
    ] = None,
    server: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SERVER",
            help="A name server: an address, or SCHEME://[HOST@]ADDRESS[:PORT] with udp, tcp, tls, https or quic; "
            "the system's where none is given (repeatable).",
        ),
    ] = None,
    vantage: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]SERVER[,SUBNET]",
            help="A server with a name and the client subnet that it is told, as in ie=9.9.9.9,185.2.100.0/24 "
            "(repeatable).",
        ),
    ] = None,
    type_: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="A, AAAA, HTTPS, SVCB, CNAME or PTR (repeatable)."),
    ] = None,
    rounds: Annotated[int, typer.Option(metavar="N", help="Ask so many times.")] = 1,
    interval: Annotated[float, typer.Option(metavar="S", help="Seconds from one round to the next.")] = 0.0,
    deadline: Annotated[
        float | None,
        typer.Option(metavar="S", help="Seconds for everything; a minute and the intervals where not given."),
    ] = None,
    concurrency: Annotated[int, typer.Option(metavar="N", help="So many names at once.")] = 100,
    max_per_second: Annotated[
        int | None, typer.Option(metavar="N", help="Questions a second to each server; 500 where not given.")
    ] = None,
    mixed_case: Annotated[
        bool, typer.Option("--mixed-case", help="Mix the case of letters, which answers must repeat.")
    ] = False,
    ca_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate authorities instead of the system's.")
    ] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="DS or DNSKEY records: check the signatures of answers below them here."),
    ] = None,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep every message, for --replay and `audit --dns`.")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Answer from a recording; nothing is sent.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", "-f", metavar="NAME[:PATH]", help="text, json or csv.")] = "text",
    geoip: GeoipFiles = None,
    ranges: RangeFiles = None,
    geofeed: GeofeedFiles = None,
    anycast: AnycastFiles = None,
    relay: RelayFiles = None,
    evidence: EvidenceFiles = None,
    no_embedded: NoEmbedded = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
) -> int:
    """Look names up, each answer kept apart by vantage, client subnet and time, with the place of each address.

    Every name ends in one outcome: answer, nodata, nxdomain, servfail, refused, timeout, malformed, truncated, lame,
    cname_loop, too_many_records, non_public_answer or invalid_name. The exit code is 0 where every name has an answer,
    else 3; 2 for a usage error.

        residency resolve s3.eu-west-1.amazonaws.com --server 9.9.9.9

        residency resolve --file names.txt --rounds 20 --interval 5 --record answers.jsonl
    """
    from residency.auditing.given import GivenEvidence
    from residency.auditing.resolving import places_of
    from residency.report import as_json, as_resolve
    from residency.resolve.entry import DEFAULT_TYPES
    from residency.resolve.entry import resolve as look_up

    name, path = terminal.parse_format(format_, _FORMS)
    listed = _names(names or [], file, is_replay=replay is not None)
    with terminal.progress_bar(quiet) as progress:
        found = look_up(
            listed,
            servers=server or (),
            vantages=vantage or (),
            types=type_ or DEFAULT_TYPES,
            rounds=rounds,
            interval_s=interval,
            deadline_s=deadline,
            concurrency=concurrency,
            max_per_second=max_per_second,
            mixed_case=mixed_case,
            ca_file=ca_file,
            anchors=anchors,
            record=record,
            replay=replay,
            progress=progress,
        )
    given = GivenEvidence(
        embedded=not no_embedded,
        geoip=geoip or (),
        ranges=ranges or (),
        geofeeds=geofeed or (),
        anycast=anycast or (),
        relays=relay or (),
    )
    places = places_of(found, [*given.sources(), *pinned(evidence or [])])
    if name == "csv":
        terminal.write(as_resolve.to_csv(found, places), path)
        return found.exit_code
    doc = as_resolve.document(found, places)
    page = terminal.page()
    if name == "json":
        terminal.write(as_json.dumps(doc), path)
    else:
        terminal.write(as_resolve.render(doc, width=page.width, colour=page.colour and path is None), path)
    return found.exit_code


def _names(names: list[str], file: Path | None, *, is_replay: bool) -> list[str]:
    """Return the names to ask for; none for a recording that is to be replayed whole."""
    if not names and file is None and is_replay:
        return []
    lines = read_lines(names, file, what="name")
    if lines is None:
        return names
    return [text for line in lines if (text := line.partition("#")[0].strip())]
