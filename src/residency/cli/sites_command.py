"""`residency sites`: the declared sites and provider regions that claims can name."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from residency.cli import completing, terminal
from residency.errors import UsageError, did_you_mean, shorten
from residency.model.place import Spot
from residency.report.as_text import table, to_text

app = typer.Typer(no_args_is_help=True, help="The sites and provider regions that claims can name.")


@app.command("list")
def list_(
    filter_: Annotated[str, typer.Argument(metavar="[TEXT]", help="Only names or cities that contain this.")] = "",
) -> int:
    """List sites and provider regions with their position ± km.

    residency sites list

    residency sites list dublin
    """
    from residency.sources.gazetteer import shipped_gazetteer

    gazetteer, page = shipped_gazetteer(), terminal.page()
    rows = [(f"site:{key}", s.spot, s.status) for key, s in gazetteer.sites.items()]
    rows += [(f"provider:{key}", r.spot, "") for key, r in gazetteer.regions.items()]
    made = table("name", "country", "city", "position", "status")
    for name, spot, status in rows:
        if filter_.lower() in f"{name} {spot.city} {spot.country}".lower():
            made.add_row(name, spot.country, Text(spot.city), _position(spot), status)
    if not made.rows:
        raise UsageError(f"no site or provider region contains `{shorten(filter_)}`; `residency sites list` shows all")
    terminal.write(to_text([made], width=page.width, colour=page.colour), None)
    return 0


@app.command("show")
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="As in site:tiktok/hamar or provider:aws/eu-west-1.",
            autocompletion=completing.site_names,
        ),
    ],
) -> int:
    """Show what is known of one site or provider region, and who says so.

    residency sites show site:tiktok/hamar

    residency sites show provider:aws/eu-west-1
    """
    from residency.sources.gazetteer import shipped_gazetteer

    gazetteer, page = shipped_gazetteer(), terminal.page()
    kind, _, key = name.partition(":")
    if kind == "site" and key in gazetteer.sites:
        site = gazetteer.sites[key]
        day = {
            k: v.date().isoformat() if v else "not known"
            for k, v in (("announced", site.announced), ("opened", site.opened), ("closed", site.closed))
        }
        facts = [
            f"{site.operator}: {site.name}, {site.city}, {site.spot.country}",
            _position(site.spot),
            f"status {site.status}; announced {day['announced']}, opened {day['opened']}, closed {day['closed']}",
            f"source: {site.source}",
            site.note,
        ]
    elif kind == "provider" and key in gazetteer.regions:
        region = gazetteer.regions[key]
        facts = [
            f"{region.provider} {region.region}: {region.spot.city}, {region.spot.country}",
            _position(region.spot),
            f"source: {region.source} ({region.mark})",
        ]
    else:
        known = [*(f"site:{key}" for key in gazetteer.sites), *(f"provider:{key}" for key in gazetteer.regions)]
        hint = did_you_mean(name, known)
        raise UsageError(f"`{shorten(name)}` is no site or provider region; see `residency sites list`{hint}")
    terminal.write(
        to_text(
            [Text(name, style="bold"), *(Text(f"  {fact}") for fact in facts if fact)],
            width=page.width,
            colour=page.colour,
        ),
        None,
    )
    return 0


def _position(spot: Spot) -> str:
    if spot.lat is None or spot.lon is None:
        return "not published"
    return f"{spot.lat:.2f},{spot.lon:.2f} ±{spot.radius_km:g} km"
