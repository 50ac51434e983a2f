"""The report as Markdown, as GitHub reads it; for a step summary it is kept within a number of bytes.

Whatever was observed or claimed stands in code spans: there nothing is a tag, a link, a mention or a formula. Sentences
that hold such words keep plain words plain, and put the rest in code spans. A cut is always said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from residency.model.units import counted, format_bytes
from residency.report import wording
from residency.report.medium import printable

Doc = Mapping[str, Any]

_FINDINGS, _FEW_FINDINGS = 50, 5  # rows a claim
_CELL = 200  # characters
_BEFORE, _AFTER = "(“‘", ".,;:!?%)”’"  # what may stand about a word
_PLAIN = re.compile(r"[^\W_]+(?:['’,-][^\W_]+)*|")
_QUOTED = re.compile(r"`[^`]+`")
_REFERENCE = re.compile(r"(?i)gh-\d+|[0-9a-f]{7,}")  # what GitHub links by itself: an issue, a commit
_QUOTE = re.compile("`+")


def render(document: Doc, *, max_bytes: int | None = None) -> str:
    """Return the whole report; with `max_bytes`, fewer findings a claim, then fewer claims, and a line that says so."""
    if max_bytes is None:
        return "".join(_parts(document, _FINDINGS))
    kept, left = [], max_bytes - 512  # room for the last line
    parts = list(_parts(document, _FEW_FINDINGS))
    for number, part in enumerate(parts):
        size = len(part.encode("utf-8"))
        if size > left:
            kept.append(
                f"\n{counted(len(parts) - number, 'section')} of this report did not fit here; "
                "`--format json` and `--format markdown` have all.\n"
            )
            break
        kept.append(part)
        left -= size
    return "".join(kept)


def _parts(document: Doc, most: int) -> Iterator[str]:
    """Yield the sections, each with the blank line before it."""
    verdicts = [_verdict_row(claim) for claim in wording.by_severity(document)]
    yield f"# residency: {_sentence(wording.counts(document))}\n\n{_sentence(wording.title(document))}\n"
    if stated := wording.stated(document["options"]):
        yield f"\nStated by the auditor: {_sentence(stated)}\n"
    yield _table(("verdict", "claim", "why"), verdicts)
    yield "\n**Not looked at**\n\n" + "".join(f"- {_sentence(line)}\n" for line in wording.not_looked_at(document))
    findings = wording.findings_by_claim(document)
    for claim in wording.by_severity(document):
        yield _claim(claim, findings[claim["id"]], most)
    yield "\n## What was read\n" + _inputs(document)
    if document["snapshots"]:
        yield "\n## Sources\n" + _snapshots(document)
    if document["warnings"]:
        yield "\n## Warnings\n\n" + "".join(f"- {_sentence(text)}\n" for text in document["warnings"])


def _verdict_row(claim: Doc) -> tuple[str, str, str]:
    detail, why = wording.split_headline(claim["headline"])
    verdict = f"**{claim['verdict']}**" + (f" ({_sentence(detail, in_table=True)})" if detail else "")
    return verdict, code(claim["id"], in_table=True), _sentence(why, in_table=True)


def _claim(claim: Doc, findings: Sequence[Doc], most: int) -> str:
    lines = [f"\n## {claim['verdict']}: {code(claim['id'])}\n", f"> “{_sentence(claim['statement'])}”\n"]
    lines.append(f"{_sentence(wording.terms(claim))}\n")
    lines.append("\n".join(f"- {code(r['rule'])} {_sentence(r['text'])}" for r in wording.reasons(claim)) + "\n")
    if claim["as_connection"] not in (None, claim["verdict"]):
        lines.append(f"Read as a claim about connections it would be {_sentence(claim['as_connection'])}.\n")
    text = "\n".join(lines) + _outcomes(claim) + _findings(findings, most)
    beside = [claim["not_observed"], *claim["notes"]]
    text += "\n" + "".join(f"- {_sentence(note)}\n" for note in beside if note)
    said = [code(" ".join(filter(None, (s["url"], s["kind"], s["published"])))) for s in claim["sources"]]
    return text + (f"\nDeclared at {', '.join(said)}.\n" if said else "")


def _outcomes(claim: Doc) -> str:
    rows = [
        (
            name.replace("_", " "),
            *(f"{tally[key]:,}" for key in ("endpoints", "flows")),
            *(format_bytes(tally[key]) for key in ("bytes_sent", "bytes_received")),
        )
        for name, tally in ((name, claim["outcomes"][name]) for name in wording.OUTCOMES)
        if tally["endpoints"]
    ]
    return _table(("outcome", "endpoints", "flows", "sent", "received"), rows) if rows else ""


def _findings(findings: Sequence[Doc], most: int) -> str:
    if not findings:
        return ""
    shown = wording.by_weight(findings)[:most]
    rows = [
        (
            code(f["id"], in_table=True),
            f"{code(f['host'] or '(no name)', in_table=True)} at {code(f['server_ip'], in_table=True)}",
            f["outcome"].replace("_", " "),
            _sentence(wording.place(f), in_table=True),
        )
        for f in shown
    ]
    more = len(findings) - len(shown)
    rest = f"\nand {counted(more, 'more finding')}; `--format csv` and `json` have all.\n" if more else ""
    return _table(("finding", "host at address", "outcome", "place and who says so"), rows) + rest


def _inputs(document: Doc) -> str:
    rows = [
        (
            code(item["path"], in_table=True),
            code(item["format"], in_table=True),
            *(f"{item[name]:,}" for name in ("records", *wording.FATES)),
            code(item["sha256"][:12], in_table=True),
        )
        for item in document["inputs"]
    ]
    heads = ("input", "format", "records", *(name.replace("_", " ") for name in wording.FATES), "sha256")
    return _table(heads, rows)


def _snapshots(document: Doc) -> str:
    rows = [
        tuple(code(s[name] or "not stated", in_table=True) for name in ("kind", "name", "author", "built", "licence"))
        for s in document["snapshots"]
    ]
    return _table(("kind", "source", "author", "built", "licence"), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(text: object, *, in_table: bool = False) -> str:
    """Return a text as a code span that nothing in it can end.

    A table is cut at `|` before spans are read, so there it stands by its code.
    """
    shown = printable(text, _CELL if in_table else None) or " "
    if in_table:
        shown = shown.replace("|", "\\x7c")
    fence = "`" * (max((len(run) for run in _QUOTE.findall(shown)), default=0) + 1)
    pad = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    pad = pad if shown.strip() else ""  # a span of blanks alone keeps them
    return f"{fence}{pad}{shown}{pad}{fence}"


def _sentence(text: str, *, in_table: bool = False) -> str:
    """Return a sentence with every word that is not plainly a word in a code span."""
    return " ".join(_word(word, in_table) for word in printable(text).split(" "))


def _word(word: str, in_table: bool) -> str:
    inner = word.lstrip(_BEFORE)
    before = word[: len(word) - len(inner)]
    inner, after = inner.rstrip(_AFTER), inner[len(inner.rstrip(_AFTER)) :]
    if _PLAIN.fullmatch(inner) and not _REFERENCE.search(inner):
        return word
    inner = inner[1:-1] if _QUOTED.fullmatch(inner) else inner
    return f"{before}{code(inner, in_table=in_table)}{after}"
