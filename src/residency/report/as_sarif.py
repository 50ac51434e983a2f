"""The report as SARIF 2.1.0 for code scanning: each result stands at the line of the claim that it is about.

One result for each violated or inconclusive claim, then one for each host and outcome that speaks against it; a
consistent claim has none, for code scanning would show it as an alert. What is over the cap is counted in a
notification. Fingerprints depend on claim, rule, outcome and host alone, so that a later run finds its results again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from residency.limits import LIMITS
from residency.model.units import counted
from residency.report import wording
from residency.report.medium import printable

Doc = Mapping[str, Any]
Json = dict[str, Any]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"violated": "error", "inconclusive": "note", "violating": "error", "adverse": "warning"}
_ADDRESSES = 5
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")


def dumps(document: Doc) -> str:
    """Return the SARIF log as text: sorted keys, ASCII only, on one line (the fast encoder knows no indent)."""
    return json.dumps(log(document), sort_keys=True, ensure_ascii=True) + "\n"


def log(document: Doc, *, max_results: int = LIMITS.max_sarif_results) -> Json:
    """Return the SARIF log as plain JSON values; the worst results are kept where there are more than fit."""
    found = [*_claim_results(document), *_finding_results(document)]
    found.sort(key=lambda result: ("error", "warning", "note").index(result["level"]))
    kept = found[:max_results]
    rules = sorted({result["ruleId"] for result in kept})
    for result in kept:
        result["ruleIndex"] = rules.index(result["ruleId"])
    run = {
        "tool": {"driver": _driver(document, rules)},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(document, len(found) - len(kept))],
        "results": kept,
        "properties": {
            "headline": document["headline"],
            "asOf": document["as_of"],
            "consistent": [claim["id"] for claim in document["claims"] if claim["verdict"] == "consistent"],
            "notLookedAt": wording.not_looked_at(document),
        },
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _driver(document: Doc, rules: Sequence[str]) -> Json:
    tool = document["tool"]
    return {"name": tool["name"], "version": tool["version"], "rules": [_rule(document, rule) for rule in rules]}


def _rule(document: Doc, rule: str) -> Json:
    sentence = document.get("rules", {}).get(rule, "a rule of another version")
    return {
        "id": rule,
        "shortDescription": {"text": message(sentence)},
        "help": {"text": message(f"{rule}: {sentence}. The page docs/verdicts.md describes it with an example.")},
        "defaultConfiguration": {"level": {"R301": "error", "R206": "error"}.get(rule, "warning")},
    }


def _invocation(document: Doc, left_out: int) -> Json:
    notes = [{"level": "warning", "message": {"text": message(text)}} for text in document["warnings"]]
    if left_out:
        text = f"{counted(left_out, 'result')} left out, the least severe: code scanning takes no more"
        notes.append({"level": "warning", "message": {"text": message(text)}})
    return {"executionSuccessful": True, "toolExecutionNotifications": notes}


def _claim_results(document: Doc) -> Iterator[Json]:
    for claim in document["claims"]:
        if claim["verdict"] == "consistent":
            continue
        reason = next(wording.reasons(claim), {"rule": "unstated"})
        text = f"{claim['id']}: {claim['headline']}"
        yield _result(claim, reason["rule"], _LEVELS[claim["verdict"]], text, key=(claim["verdict"],))


def _finding_results(document: Doc) -> Iterator[Json]:
    claims = {claim["id"]: claim for claim in document["claims"]}
    groups: dict[tuple[str, str, str], list[Doc]] = {}
    for finding in document["findings"]:
        if finding["outcome"] in wording.AGAINST and finding["claim"] in claims:
            groups.setdefault((finding["claim"], finding["outcome"], finding["host"] or ""), []).append(finding)
    for (name, outcome, host), findings in sorted(groups.items()):
        rule = next((rule for rule in findings[0]["rules"] if rule.startswith("R2")), "R209")
        level = _LEVELS.get(outcome, "warning")
        result = _result(claims[name], rule, level, _told(outcome, host, findings), key=(outcome, host))
        result["properties"] = _properties(findings)
        yield result


def _told(outcome: str, host: str, findings: Sequence[Doc]) -> str:
    first = wording.by_weight(findings)[0]
    flows = sum(finding["flows"] for finding in findings)
    addresses = len({finding["server_ip"] for finding in findings})
    where = first["server_ip"] if addresses == 1 else f"{addresses:,} addresses, as {first['server_ip']}"
    seen = f"{counted(flows, 'conversation')} with {host or 'no host name'} at {where}"
    return f"{outcome}: {seen}; {wording.place(first)} (finding {first['id']})"


def _properties(findings: Sequence[Doc]) -> Json:
    """Return the values as they were observed; the message only shows them."""
    first = findings[0]
    return {
        "findings": [finding["id"] for finding in findings[:_ADDRESSES]],
        "findingCount": len(findings),
        "host": first["host"],
        "addresses": list(dict.fromkeys(finding["server_ip"] for finding in findings))[:_ADDRESSES],
        "countries": sorted({code for finding in findings for code in finding["countries"]}),
        "assurance": first["assurance"],
        "missingLink": first["missing_link"],
        "evidence": [{name: e[name] for name in ("kind", "author", "says", "for")} for e in first["evidence"]],
    }


def _result(claim: Doc, rule: str, level: str, text: str, *, key: Iterable[str]) -> Json:
    print_ = hashlib.sha256("\0".join((claim["id"], rule, *key)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": message(text)},
        "locations": [_location(claim)],
        # Code scanning reads the first name; left alone it would take the line, which many results share.
        "partialFingerprints": {"primaryLocationLineHash": print_, "residency/v1": print_},
    }


def _location(claim: Doc) -> Json:
    place: Json = {"logicalLocations": [{"fullyQualifiedName": claim["id"], "kind": "claim"}]}
    if claim.get("file"):
        region = {"startLine": claim.get("line") or 1}
        place["physicalLocation"] = {"artifactLocation": {"uri": uri(claim["file"])}, "region": region}
    return place


def message(text: str) -> str:
    """Return a text for a SARIF message, in which `[…](…)` is a link and `{0}` a placeholder (section 3.11)."""
    shown = printable(text).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return shown.replace("{", "{{").replace("}", "}}")


def uri(path: str) -> str:
    """Return a path as a URI reference, percent-encoded; an absolute one as file://."""
    octets = path.replace("\\", "/").encode("utf-8", "surrogatepass")
    encoded = "".join(chr(octet) if octet in _SAFE else f"%{octet:02X}" for octet in octets)
    return f"file://{encoded}" if encoded.startswith("/") else encoded
