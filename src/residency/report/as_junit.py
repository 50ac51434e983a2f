"""The report as JUnit XML: a test suite for each claim file, a test case for each claim.

Violated fails, inconclusive is skipped with its reason, consistent passes. XML 1.0 has no way to say most control
characters, so those stand by their codes, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as Xml

from residency.model.units import counted
from residency.report import wording
from residency.report.medium import printable

Doc = Mapping[str, Any]
_WITNESSES = 20


def render(document: Doc) -> str:
    """Return the report as JUnit XML."""
    claims = document["claims"]
    root = Xml.Element("testsuites", {"name": "residency", **_counts(claims)})
    findings = wording.findings_by_claim(document)
    for file in dict.fromkeys(_file(claim) for claim in claims):
        own = [claim for claim in claims if _file(claim) == file]
        skipped = str(sum(claim["verdict"] == "inconclusive" for claim in own))
        suite = _child(root, "testsuite", name=file, **_counts(own), skipped=skipped, timestamp=document["as_of"])
        _properties(document, own, suite)
        for claim in own:
            _case(claim, findings[claim["id"]], suite)
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=False).join(
        ("<?xml version='1.0' encoding='utf-8'?>\n", "\n")
    )


def _file(claim: Doc) -> str:
    return claim.get("file") or claim["vendor"] or "claims"


def _counts(claims: list[Doc]) -> dict[str, str]:
    failed = sum(claim["verdict"] == "violated" for claim in claims)
    return {"tests": str(len(claims)), "failures": str(failed), "errors": "0"}


def _properties(document: Doc, claims: list[Doc], suite: Xml.Element) -> None:
    told = {
        "residency.version": document["tool"]["version"],
        "residency.as_of": document["as_of"],
        **{f"residency.stated.{name}": text for name, text in document["options"].items()},
        **{f"{claim['id']}.verdict": claim["verdict"] for claim in claims},
        **{f"{claim['id']}.assurance": claim["assurance"] for claim in claims},
    }
    properties = _child(suite, "properties")
    for name, value in told.items():
        _child(properties, "property", name=name, value=value)


def _case(claim: Doc, findings: list[Doc], suite: Xml.Element) -> None:
    case = _child(suite, "testcase", name=claim["id"], classname=f"residency.{claim['activity']}")
    if claim["verdict"] == "violated":
        against = wording.by_weight([f for f in findings if f["outcome"] in wording.AGAINST])
        lines = [*_reasons(claim), *(_witness(finding) for finding in against[:_WITNESSES])]
        if len(against) > _WITNESSES:
            lines.append(f"and {counted(len(against) - _WITNESSES, 'more endpoint')} against the claim")
        _child(case, "failure", type="violated", message=claim["headline"]).text = "\n".join(lines)
    elif claim["verdict"] == "inconclusive":
        skipped = _child(case, "skipped", type="inconclusive", message=claim["headline"])
        skipped.text = "\n".join(_reasons(claim))
    told = [claim["statement"], wording.terms(claim), claim["headline"], claim["not_observed"], *claim["notes"]]
    _child(case, "system-out").text = "\n".join(printable(line) for line in told if line)


def _reasons(claim: Doc) -> list[str]:
    return [printable(f"{reason['rule']} {reason['text']}") for reason in wording.reasons(claim)]


def _witness(finding: Doc) -> str:
    host = finding["host"] or "(no name)"
    return printable(
        f"{finding['id']} {finding['outcome']}: {host} at {finding['server_ip']}, {wording.place(finding)}"
    )


def _child(parent: Xml.Element, tag: str, **attributes: str) -> Xml.Element:
    return Xml.SubElement(parent, tag, {name: printable(value) for name, value in attributes.items()})
