"""Words that several forms share: the order of outcomes, an area, who says where, what was not looked at.

Pure text from the JSON document, escaped for no medium: each form does that itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from residency.model.claim import Activity
from residency.model.units import counted

Doc = Mapping[str, Any]

OUTCOMES = ("violating", "adverse", "doubtful", "unknown", "inside", "excused", "not_carrying", "unanswered")
AGAINST = ("violating", "adverse", "doubtful")  # the outcomes that speak against a claim
FATES = ("judged", "out_of_scope", "quarantined", "duplicate", "context")
SEVERITY = {"violated": 0, "inconclusive": 1, "consistent": 2}


def is_observable(claim: Doc) -> bool:
    """Could traffic show anything of the claim?"""
    return Activity(claim["activity"]).is_observable


def by_severity(document: Doc) -> list[Doc]:
    """Return the claims, the worst first; of the open ones those that could have been confirmed."""
    return sorted(document["claims"], key=lambda c: (SEVERITY[c["verdict"]], not c["could_confirm"], c["id"]))


def by_weight(findings: Sequence[Doc]) -> list[Doc]:
    """Return findings, the most telling first: by outcome, then by bytes sent and flows."""
    return sorted(
        findings,
        key=lambda f: (OUTCOMES.index(f["outcome"]), -(f["bytes_sent"] or 0), -f["flows"], f["claim"], f["id"]),
    )


def findings_by_claim(document: Doc) -> dict[str, list[Doc]]:
    """Return the findings of each claim."""
    found: dict[str, list[Doc]] = {claim["id"]: [] for claim in document["claims"]}
    for finding in document["findings"]:
        found.setdefault(finding["claim"], []).append(finding)
    return found


def split_headline(headline: str) -> tuple[str, str]:
    """Split `verdict (assurance, extent): sentence` into what stands in brackets and the sentence."""
    head, colon, why = headline.partition(": ")
    return (head.partition(" ")[2].strip("()"), why) if colon else ("", headline)


def area(claim: Doc) -> str:
    """Say what a claim allows and forbids, as in `in EEA but not in HU`."""
    allowed = f"in {', '.join(claim['allow'])}" if claim["allow"] else "anywhere"
    return allowed + (f" but not in {', '.join(claim['forbid'])}" if claim["forbid"] else "")


def terms(claim: Doc) -> str:
    """Say in one line what a claim declares."""
    start, _, end = claim["effective"].partition("/")
    period = f"from {start[:10]}" if start != ".." else "always"
    period += f" until {end[:10]}" if end != ".." else ""
    subjects = f"; data of {', '.join(claim['subjects'])}" if claim["subjects"] else ""
    return f"{claim['activity']} {area(claim)}, {claim['modality']}, {period}{subjects}"


def reasons(claim: Doc) -> Iterator[Doc]:
    """Yield what decided a claim, then what it could not yield at all; each once."""
    yield from claim["reasons"]
    yield from (reason for reason in claim["could_reasons"] if reason not in claim["reasons"])


def place(finding: Doc) -> str:
    """Say where an endpoint is, who says so, and what is missing."""
    where = ", ".join(finding["countries"][:4]) + ("…" if len(finding["countries"]) > 4 else "")
    said = [e for e in finding["evidence"] if e["countries"] and not e["struck"]]
    deciding = [e for e in said if e["kind"] == finding["assurance"]] or said
    authors = ", ".join(dict.fromkeys(f"{e['author']} ({e['kind']})" for e in deciding[:2]))
    struck = sum(e["struck"] for e in finding["evidence"])
    text = f"{finding['place']}: {where or 'no place known'}"
    text += f", says {authors}" if authors else ""
    text += f"; {struck} struck" if struck else ""
    return f"{text}; missing {finding['missing_link']}" if finding["missing_link"] else text


def stated(options: Mapping[str, str]) -> str:
    """Say what the auditor stated, as in `clients EEA; max-age 90 days`; empty for nothing."""
    return "; ".join(f"{name.replace('_', '-')} {text}" for name, text in options.items())


def title(document: Doc) -> str:
    """Say what was read and when it is judged."""
    seen = document["seen"]
    records = sum(item["records"] for item in document["inputs"])
    span = f", {seen['first'][:10]} to {seen['last'][:10]}" if seen["first"] else ""
    return f"{counted(records, 'record')}{span}; judged as of {document['as_of'][:10]}"


def counts(document: Doc) -> str:
    """Return how many claims have which verdict, as in `6 claims: 1 violated, 5 consistent`."""
    found = [claim["verdict"] for claim in by_severity(document)]
    told = [f"{found.count(verdict)} {verdict}" for verdict in dict.fromkeys(found)]
    return counted(len(found), "claim") + (f": {', '.join(told)}" if told else "")


def not_looked_at(document: Doc) -> list[str]:
    """Say in a few lines what no verdict of this report rests on: the same for every form, and never left out."""
    activities = {Activity(claim["activity"]) for claim in document["claims"]}
    unseen = sorted(activity for activity in activities if not activity.is_observable)
    lines = ["where data rests"] if Activity.STORAGE in activities else []
    if activities - {*unseen, Activity.STORAGE, Activity.CONNECTION}:
        lines.append("what happens behind these servers")
    if unseen:
        lines.append(f"{', '.join(unseen)} (not observable on the network)")
    if unnamed := max((claim["unnamed"]["flows"] for claim in document["claims"]), default=0):
        lines.append(f"{counted(unnamed, 'conversation')} without a host name")
    if beyond := sum(item["out_of_scope"] for item in document["inputs"]):
        lines.append(f"{counted(beyond, 'record')} in no claim's scope")
    if aside := sum(item["quarantined"] for item in document["inputs"]):
        lines.append(counted(aside, "quarantined record"))
    return [*lines, "traffic that is not in these files"]
