"""The options that bring evidence of one's own, shared by `audit` and `locate`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from residency.cli import completing
from residency.errors import SourceError, UsageError
from residency.files import read_capped
from residency.limits import LIMITS
from residency.sources.interface import Source

_PANEL = "Evidence"

Files = list[Path] | None
GeoipFiles = Annotated[
    Files,
    typer.Option("--geoip", metavar="FILE", help="A GeoIP database, any .mmdb (repeatable).", rich_help_panel=_PANEL),
]
RangeFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--ranges",
        metavar="FILE[@DATE]",
        help="A provider's own list of address ranges; `updated` for what `data update` kept (repeatable).",
        rich_help_panel=_PANEL,
    ),
]
GeofeedFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--geofeed",
        metavar="[AUTHOR=]FILE[@DATE]",
        help="A geofeed (RFC 8805), by its author (repeatable).",
        rich_help_panel=_PANEL,
    ),
]
AnycastFiles = Annotated[
    Files,
    typer.Option(
        "--anycast",
        metavar="FILE",
        help="Prefixes known to be anycast, one a line (repeatable).",
        rich_help_panel=_PANEL,
    ),
]
Rdap = Annotated[
    bool,
    typer.Option(
        "--rdap",
        help="Ask the registries who holds the addresses (network; `data update` first).",
        rich_help_panel=_PANEL,
    ),
]
DiscoverGeofeeds = Annotated[
    bool,
    typer.Option(
        "--discover-geofeeds", help="Fetch the geofeeds that registrations name (network).", rich_help_panel=_PANEL
    ),
]
EvidenceFiles = Annotated[
    Files,
    typer.Option(
        "--evidence",
        metavar="FILE",
        help="Pinned evidence as JSON, asked beside the embedded sources (repeatable).",
        rich_help_panel=_PANEL,
    ),
]
NoEmbedded = Annotated[
    bool, typer.Option("--no-embedded", help="Leave out the tables that ship with residency.", rich_help_panel=_PANEL)
]
MinAssurance = Annotated[
    str,
    typer.Option(
        metavar="LEVEL",
        help="The weakest assurance that counts as inside: measured, calibrated, declared, corroborated, database.",
        autocompletion=completing.assurances,
        rich_help_panel=_PANEL,
    ),
]
MaxAge = Annotated[
    int | None,
    typer.Option(
        "--max-age",
        metavar="DAYS",
        min=0,
        help="Do not use evidence further than this in time.",
        rich_help_panel=_PANEL,
    ),
]


RelayFiles = Annotated[
    Files,
    typer.Option(
        "--relay",
        metavar="FILE",
        help="A private relay's list of egress networks (repeatable).",
        rich_help_panel=_PANEL,
    ),
]
RttFiles = Annotated[
    Files,
    typer.Option(
        "--rtt",
        metavar="FILE",
        help="Round-trip times: CSV, RIPE Atlas results (and their probe list), Globalping results (repeatable).",
        rich_help_panel=_PANEL,
    ),
]
Vantages = Annotated[
    list[str] | None,
    typer.Option(
        "--vantage",
        metavar="LAT,LON[,±KM][,NAME]|FILE",
        help="Where the traffic was recorded, or a CSV of several: name,lat,lon,radius_km (repeatable).",
        rich_help_panel=_PANEL,
    ),
]


def pinned(paths: Sequence[Path]) -> list[Source]:
    """Read statements of the auditor's own."""
    from residency.sources.memory import MemorySource

    found: list[Source] = []
    for path in paths:
        try:
            found += MemorySource.from_json(
                json.loads(read_capped(path, LIMITS.max_evidence_file_bytes).decode("utf-8"))
            )
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", path=path) from error
        except (ValueError, RecursionError) as error:
            raise SourceError(f"not JSON: {error}", path=path) from error
        except SourceError as error:
            raise SourceError(error.what, path=path) from error
    return found
