"""The whole page: one file, a strict content security policy, the same bytes for the same report."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from markupsafe import Markup

from residency.model.atlas import Atlas
from residency.report.html import claims, findings, material, timeline, untested, world
from residency.report.html.markup import el
from residency.report.html.overview import overview
from residency.report.html.script import SCRIPT
from residency.report.html.style import STYLE
from residency.report.html.words import Doc, anchor, symbols
from residency.report.wording import by_severity, findings_by_claim

_PARTS = (
    ("claims", "Claims"),
    ("findings", "Findings"),
    ("untested", "What was not looked at"),
    ("data", "What it stands on"),
)
_LATER_KEYS: Doc = {
    "complete": None,
    "condition": "",
    "scope": {"hosts": [], "networks": [], "asns": [], "ports": []},
    "exceptions": [],
    "counter_evidence": [],
    "replies": [],
}


def render(document: Doc, *, atlas: Atlas | None = None) -> str:
    """Return the report as one HTML file.

    Without an `atlas` it has no maps. Takes a document of the schema's shape, whoever wrote it: every text in it is
    escaped. Raises what a damaged document makes it raise.
    """
    by_claim = findings_by_claim(document)
    document = {**document, "claims": [_with_all_keys(claim) for claim in document["claims"]]}
    sections = [_claim(document, claim, by_claim[claim["id"]], atlas) for claim in by_severity(document)]
    body = el(
        "body",
        el("a", "Skip to the claims", href="#claims", class_="skip"),
        symbols(),
        world.land(atlas) if atlas and document["findings"] else None,
        overview(document),
        el("nav", *(el("a", text, href=f"#{name}") for name, text in _PARTS), aria_label="Parts of this report"),
        el(
            "main",
            el("section", el("h2", "Claims"), *sections, id="claims"),
            findings.section(document),
            untested.section(document, by_claim),
            material.section(document, document.get("rules", {})),
        ),
        _footer(document),
        el("script", Markup(SCRIPT)),  # noqa: S704 (a constant)
    )
    return f"<!doctype html>\n{el('html', _head(document), body, lang='en')}\n"


def _with_all_keys(claim: Doc) -> Doc:
    """Return a claim with the keys that reports of earlier versions have not."""
    sources = [{"supports": "", **source} for source in claim["sources"]]
    return {**_LATER_KEYS, **claim, "sources": sources}


def _claim(document: Doc, claim: Doc, mine: Sequence[Doc], atlas: Atlas | None) -> Markup:
    drawn = world.figure(document, claim, mine, atlas) if atlas and mine else None
    figures = [figure for figure in (drawn, timeline.timeline(document, claim, mine)) if figure is not None]
    return claims.section(claim, anchor(document["claims"], claim["id"]), figures)


def _head(document: Doc) -> Markup:
    return el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_policy()),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", f"residency: {document['headline'].partition('. ')[0]}"),
        el("style", Markup(STYLE)),  # noqa: S704 (a constant)
    )


def _policy() -> str:
    """Allow the one style and the one script of this page by their hashes, and nothing else."""
    style, script = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (STYLE, SCRIPT))
    allowed = [f"style-src 'sha256-{style}'", f"script-src 'sha256-{script}'"]
    return "; ".join(["default-src 'none'", *allowed, "base-uri 'none'", "form-action 'none'"])


def _footer(document: Doc) -> Markup:
    tool = document["tool"]
    made = f"{tool['name']} {tool['version']} · {document['schema']}"
    return el(
        "footer",
        el("p", f"{made} · the same inputs, data and version give the same bytes"),
        el("p", "Where data rests was not observed: traffic shows where conversations end."),
    )
