"""Write the facts of data/manifest.json into docs/data.md, between `<!-- facts ID -->` and `<!-- end -->`.

    python docs/build_data.py            # writes
    python docs/build_data.py --check    # says whether the page is up to date (exit 1: it is not)

The words around the facts are written by hand.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("data.md")
MANIFEST = Path(__file__).resolve().parents[1] / "data" / "manifest.json"
_MARKED = re.compile(r"(<!-- facts ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def entries() -> dict[str, dict[str, Any]]:
    """Return the manifest's entries by id."""
    found = json.loads(MANIFEST.read_text(encoding="utf-8"))["entries"]
    return {entry["id"]: entry for entry in found}


def facts(entry: dict[str, Any]) -> str:
    """Return what the manifest says of one table, as Markdown."""
    days = entry.get("snapshots", {})
    authors = ", ".join(entry["author"].split(","))
    lines = [
        ("File", f"`data/{entry['file']}`, {entry['rows']:,} rows, {entry['bytes'] / 1000:,.0f} kB"),
        ("Source", entry["source"]),
        ("Author", authors + ("" if entry["lineage"] == entry["author"] else f"; lineage {entry['lineage']}")),
        ("Date", f"{entry['built'][:10]}; a warning after {entry['max_age_days']} days"),
        ("Licence", entry["licence"]),
        ("Attribution", re.sub(r"https://[\w./-]+", r"<\g<0>>", entry["attribution"]) or "none needed"),
        ("Note", entry["note"]),
    ]
    listed = [f"  - {provider}: {', '.join(days[provider])}" for provider in sorted(days)]
    told = [f"- {name}: {text}" for name, text in lines if text]
    return "\n".join([*told, *(["- Lists taken on:", *listed] if days else [])])


def filled(page: str) -> str:
    """Return the page with the facts of today's manifest."""
    known = entries()
    return _MARKED.sub(lambda found: f"{found[1]}\n{facts(known[found[2]])}\n\n{found[3]}", page)


def main() -> int:
    """Write the page, or check it."""
    page = PAGE.read_text(encoding="utf-8")
    if "--check" in sys.argv[1:]:
        return 0 if filled(page) == page else 1
    PAGE.write_text(filled(page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
