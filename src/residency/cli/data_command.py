"""`residency data`: the data that ships with residency."""

from __future__ import annotations

from datetime import UTC, datetime

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
