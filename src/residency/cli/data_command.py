"""`residency data`: the data that ships with residency."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from residency.cli import terminal
from residency.report.as_text import table, to_text

app = typer.Typer(no_args_is_help=True, help="The data that evidence comes from.")


@app.command("status")
def status() -> int:
    """Show every shipped table: name, date, age, licence; each is verified against its hash."""
    from residency.shipped import manifest, read_verified

    page = terminal.page()
    today = datetime.now(UTC).date()
    made = table("data", "what", "date", "age", "licence", numbers=("age",))
    for entry_id, entry in sorted(manifest().items()):
        read_verified(entry_id)
        built = entry.snapshot.built
        age = (today - built).days if built else None
        limit = entry.snapshot.max_age_days
        old = age is not None and limit is not None and age > limit
        made.add_row(
            entry_id,
            Text(entry.snapshot.name),
            built.isoformat() if built else "",
            Text("" if age is None else f"{age} d", style="yellow" if old else ""),
            Text(entry.snapshot.licence),
        )
    terminal.write(to_text([made], width=page.width, colour=page.colour), None)
    return 0


@app.command("update")
def update(
    provider: Annotated[
        list[str] | None,
        typer.Option("--provider", metavar="NAME", help="Only this provider's lists (repeatable)."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the addresses; fetch nothing.")] = False,
) -> int:
    """Fetch the providers' lists of address ranges from their official addresses, and keep them with their dates.

    Uses the network. Audits read what is kept only with `--ranges updated`.
    """
    from residency.sources.fetch import Fetcher
    from residency.sources.update import choose_lists, kept_folder, policy_for, update_ranges

    lists, page = choose_lists(provider or []), terminal.page()
    if dry_run:
        made = table("list", "address")
        for item in lists:
            made.add_row(item.list_id, Text(item.url))
        terminal.write(to_text([made], width=page.width, colour=page.colour), None)
        return 0
    found = update_ranges(Fetcher(policy_for(lists)), lists, kept_folder())
    made = table("list", "day", "prefixes", "what became of it", numbers=("prefixes",))
    for got in found:
        what = got.failed or f"{'kept in' if got.is_new else 'unchanged in'} {got.kept}"
        made.add_row(
            got.list_id,
            got.day.isoformat() if got.day else "",
            str(got.prefixes or ""),
            Text("; ".join([what, *got.warnings]), style="yellow" if got.failed else ""),
        )
    terminal.write(to_text([made], width=page.width, colour=page.colour), None)
    return 2 if any(got.failed for got in found) else 0
