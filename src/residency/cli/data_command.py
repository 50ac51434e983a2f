"""`residency data`: the data that ships with residency, and GeoIP databases that were imported."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from residency.cli import completing, terminal
from residency.model.evidence import Snapshot
from residency.report.as_text import table, to_text

RDAP = "rdap"

app = typer.Typer(no_args_is_help=True, help="The data that evidence comes from.")


@app.command("status")
def status() -> int:
    """Show every shipped table and imported database: name, date, age, licence.

    Each shipped table is verified against its hash.

        residency data status
    """
    from residency.shipped import manifest, read_verified
    from residency.sources.clock import current_day
    from residency.sources.geoip import imported_databases

    page = terminal.page()
    today = current_day()
    made = table("data", "what", "date", "age", "licence", numbers=("age",))
    for entry_id, entry in sorted(manifest().items()):
        read_verified(entry_id)
        _add(made, entry_id, entry.snapshot.name, entry.snapshot, today)
    for database in imported_databases():
        snapshot = database.snapshot
        what = f"{snapshot.name}, {database.networks:,} networks"
        _add(made, snapshot.id, what + (", unverified source" if snapshot.is_unverified else ""), snapshot, today)
    terminal.write(to_text([made], width=page.width, colour=page.colour), None)
    return 0


@app.command("update")
def update(
    provider: Annotated[
        list[str] | None,
        typer.Option(
            "--provider",
            metavar="NAME",
            help="Only this provider's lists, or rdap (repeatable).",
            autocompletion=completing.providers,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the addresses; fetch nothing.")] = False,
) -> int:
    """Fetch the providers' lists of address ranges and the registries' addresses, and keep them with their dates.

    Uses the network. Audits read what is kept only with `--ranges updated`.

        residency data update --dry-run

        residency data update --provider aws --provider rdap
    """
    from residency.sources.cache import FetchCache
    from residency.sources.fetch import Fetcher
    from residency.sources.rdap_bootstrap import BOOTSTRAP_POLICY, BOOTSTRAP_URLS, update_bootstrap
    from residency.sources.update import choose_lists, kept_folder, policy_for, update_ranges

    wanted = [name for name in provider or [] if name != RDAP]
    lists = choose_lists(wanted) if wanted or not provider else ()
    has_rdap, page = not provider or RDAP in provider, terminal.page()
    if dry_run:
        made = table("list", "address")
        for item in lists:
            made.add_row(item.list_id, Text(item.url))
        for url in BOOTSTRAP_URLS if has_rdap else ():
            made.add_row(RDAP, Text(url))
        terminal.write(to_text([made], width=page.width, colour=page.colour), None)
        return 0
    found = update_ranges(Fetcher(policy_for(lists)), lists, kept_folder()) if lists else ()
    bootstrap = update_bootstrap(Fetcher(BOOTSTRAP_POLICY), FetchCache()) if has_rdap else ()
    made = table("list", "day", "prefixes", "what became of it", numbers=("prefixes",))
    for got in found:
        what = got.failed or f"{'kept in' if got.is_new else 'unchanged in'} {got.kept}"
        made.add_row(
            got.list_id,
            got.day.isoformat() if got.day else "",
            str(got.prefixes or ""),
            Text("; ".join([what, *got.warnings]), style="yellow" if got.failed else ""),
        )
    for fetched in bootstrap:
        said = Text("kept in the cache") if fetched.is_ok else Text(str(fetched), style="yellow")
        made.add_row(RDAP, fetched.fetched_at.date().isoformat(), "", said)
    terminal.write(to_text([made], width=page.width, colour=page.colour), None)
    return 2 if any(got.failed for got in found) or not all(fetched.is_ok for fetched in bootstrap) else 0


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A GeoIP database (.mmdb).", show_default=False)],
    sha256: Annotated[
        str | None,
        typer.Option("--sha256", metavar="HEX", help="What its content must be; it then counts as verified."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> int:
    """Import a GeoIP database into the cache, once; a damaged file is refused.

    `FILE.sha256` beside it is read too.

        residency data import dbip-country-lite.mmdb
    """
    from residency.sources.geoip import GeoipDatabase

    with terminal.progress_bar(quiet) as progress:
        database = GeoipDatabase.open(file, sha256=sha256, progress=progress)
    snapshot, page = database.snapshot, terminal.page()
    made = table("what", "value")
    for name, value in (
        ("type", database.database_type),
        ("author", snapshot.author),
        ("lineage", snapshot.lineage),
        ("built", snapshot.built.isoformat() if snapshot.built else ""),
        ("holds", ", ".join(sorted(database.holds)) or "nothing that residency reads"),
        ("networks", f"{database.networks:,}"),
        ("sha256", snapshot.sha256),
        ("verified", "no: nobody stated its sha256 (--sha256)" if snapshot.is_unverified else "yes: sha256 as stated"),
    ):
        made.add_row(name, Text(value))
    terminal.write(to_text([made], width=page.width, colour=page.colour), None)
    return 0


def _add(made: Any, name: str, what: str, snapshot: Snapshot, today: date) -> None:
    built, limit = snapshot.built, snapshot.max_age_days
    age = (today - built).days if built else None
    old = age is not None and limit is not None and age > limit
    made.add_row(
        name,
        Text(what),
        built.isoformat() if built else "",
        Text("" if age is None else f"{age} d", style="yellow" if old else ""),
        Text(snapshot.licence),
    )
