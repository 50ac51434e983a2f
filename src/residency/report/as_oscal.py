"""The report as OSCAL assessment results (NIST, version 1.1.3), as JSON.

Every claim is a control of its own. OSCAL findings know two states, satisfied and not satisfied: only a consistent and
a violated claim have one. An inconclusive claim has an observation that says why, and no finding, for a third state
pressed into two would be an accusation. Ids are UUIDs (version 5) of what they name: the same report, the same ids.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from residency.limits import LIMITS
from residency.model.units import counted
from residency.report import wording
from residency.report.medium import printable

Doc = Mapping[str, Any]
Json = dict[str, Any]

VERSION = "1.1.3"
_NAMESPACE = "urn:residency:oscal:1"  # of our properties
_ROOT = bytes.fromhex("6ba7b8129dad11d180b400c04fd430c8")  # RFC 9562, appendix A.3: names that are object identifiers
_NO_TOKEN = re.compile(r"[^A-Za-z0-9._-]")
_STATES = {"consistent": ("satisfied", "pass"), "violated": ("not-satisfied", "fail")}


def dumps(document: Doc) -> str:
    """Return the assessment results as text: sorted keys, ASCII only, one line (the fast encoder knows no indent)."""
    return json.dumps(results(document), sort_keys=True, ensure_ascii=True) + "\n"


def results(document: Doc, *, max_endpoints: int = LIMITS.max_oscal_observations) -> Json:
    """Return the assessment results as plain JSON values; the most telling endpoints are kept where there are more."""
    name = _identity(document)
    plan = uuid5(name, "plan")
    body = {
        "uuid": uuid5(name, "results"),
        "metadata": {
            "title": "residency: what traffic shows of declared data residency",
            "last-modified": document["as_of"],
            "version": _line(document["tool"]["version"]),
            "oscal-version": VERSION,
        },
        "import-ap": {"href": f"#{plan}", "remarks": "No assessment plan was written; the claims are the plan."},
        "results": [_result(document, name, max_endpoints)],
        "back-matter": {"resources": [_plan(document, plan), *(_source(s, name) for s in document["snapshots"])]},
    }
    return {"assessment-results": body}


def _identity(document: Doc) -> str:
    """Return what tells this report from any other; findings by their ids, which hold what they are about."""
    told = {key: value for key, value in document.items() if key != "findings"}
    found = [(f["id"], f["outcome"], f["flows"]) for f in document["findings"]]
    return hashlib.sha256(json.dumps([told, found], sort_keys=True).encode()).hexdigest()


def uuid5(*names: str) -> str:
    """Return the UUID of a name (RFC 9562, section 5.5)."""
    digest = hashlib.sha1(_ROOT + "\0".join(names).encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    octets = bytearray(digest[:16])
    octets[6] = octets[6] & 0x0F | 0x50
    octets[8] = octets[8] & 0x3F | 0x80
    text = octets.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _result(document: Doc, name: str, max_endpoints: int) -> Json:
    against = wording.by_weight([f for f in document["findings"] if f["outcome"] in wording.AGAINST])
    shown = against[:max_endpoints]
    by_claim: dict[str, list[str]] = {}
    for finding in shown:
        by_claim.setdefault(finding["claim"], []).append(uuid5(name, "endpoint", finding["id"]))
    decided = [claim for claim in document["claims"] if claim["verdict"] in _STATES]
    controls = [{"control-id": token(claim["id"])} for claim in document["claims"]]
    sources = {s["id"]: uuid5(name, "source", s["id"]) for s in document["snapshots"]}
    seen = document["seen"]
    body = {
        "uuid": uuid5(name, "result"),
        "title": _line(document["headline"]),
        "description": " ".join(_line(line) + "." for line in wording.not_looked_at(document)),
        "start": seen["first"] or document["as_of"],
        "end": seen["last"] or document["as_of"],
        "props": _props({f"stated-{key}": text for key, text in document["options"].items()}),
        "reviewed-controls": {"control-selections": [{"include-controls": controls}]},
        "observations": [_of_claim(document, claim, name) for claim in document["claims"]]
        + [_of_endpoint(finding, sources, name) for finding in shown],
        "findings": [_finding(claim, by_claim.get(claim["id"], []), name) for claim in decided],
    }
    if len(against) > len(shown):
        left_out = counted(len(against) - len(shown), "endpoint")
        body["remarks"] = f"{left_out} that speak against a claim are left out; the JSON report has all."
    return {key: value for key, value in body.items() if value}


def _of_claim(document: Doc, claim: Doc, name: str) -> Json:
    return {
        "uuid": uuid5(name, "claim", claim["id"]),
        "title": _line(claim["id"]),
        "description": _line(claim["headline"]),
        "props": _props({"verdict": claim["verdict"], "assurance": claim["assurance"], "activity": claim["activity"]}),
        "methods": ["EXAMINE"],
        "types": ["finding"],
        "collected": document["as_of"],
        "remarks": "\n".join(
            (_line(claim["statement"]), *(_line(f"{r['rule']} {r['text']}") for r in wording.reasons(claim)))
        ),
    }


def _of_endpoint(finding: Doc, sources: Mapping[str, str], name: str) -> Json:
    host = finding["host"] or "no host name"
    flows = counted(finding["flows"], "conversation")
    evidence = [
        {
            "href": f"#{sources[e['source']]}",
            "description": _line(f"{e['kind']}: {e['author']} says {e['says']}; speaks for {e['for']}"),
        }
        for e in finding["evidence"]
        if e["source"] in sources
    ]
    body = {
        "uuid": uuid5(name, "endpoint", finding["id"]),
        "title": _line(f"{finding['id']}: {finding['outcome']}"),
        "description": _line(f"{flows} with {host} at {finding['server_ip']}; {wording.place(finding)}"),
        "props": _props(
            {
                "claim": finding["claim"],
                "outcome": finding["outcome"],
                "host": finding["host"] or "",
                "server-ip": finding["server_ip"],
                "rules": " ".join(finding["rules"]),
            }
        ),
        "methods": ["EXAMINE"],
        "types": ["discovery"],
        "collected": finding["last_seen"],
        "relevant-evidence": evidence,
    }
    return {key: value for key, value in body.items() if value}


def _finding(claim: Doc, observations: Sequence[str], name: str) -> Json:
    state, reason = _STATES[claim["verdict"]]
    related = [uuid5(name, "claim", claim["id"]), *observations]
    return {
        "uuid": uuid5(name, "finding", claim["id"]),
        "title": _line(f"{claim['id']}: {claim['verdict']}"),
        "description": _line(claim["headline"]),
        "target": {
            "type": "objective-id",
            "target-id": token(claim["id"]),
            "status": {"state": state, "reason": reason},
        },
        "related-observations": [{"observation-uuid": uuid} for uuid in related],
        "remarks": _line(claim["not_observed"]),
    }


def _plan(document: Doc, uuid: str) -> Json:
    files = sorted({claim["file"] for claim in document["claims"] if claim.get("file")})
    told = f"The claims were read from {', '.join(files)}." if files else "The claims that were judged."
    return {"uuid": uuid, "title": "The claims", "description": _line(told)}


def _source(snapshot: Doc, name: str) -> Json:
    told = {key: snapshot[key] or "" for key in ("kind", "author", "built", "sha256", "licence")}
    return {
        "uuid": uuid5(name, "source", snapshot["id"]),
        "title": _line(snapshot["name"]),
        "description": "A source of evidence: " + _line(snapshot["id"]),
        "props": _props(told),
    }


def _props(values: Mapping[str, str]) -> list[Json]:
    """Return properties of ours; OSCAL has none that are empty or that begin or end with a blank."""
    told = {name: printable(value).strip() for name, value in values.items()}
    return [{"name": token(name), "ns": _NAMESPACE, "value": value} for name, value in told.items() if value]


def token(text: str) -> str:
    """Return a text as an OSCAL token: a letter or `_`, then letters, digits, `.`, `_`, `-`."""
    plain = _NO_TOKEN.sub("_", text.replace(" ", "-"))
    return plain if plain[:1].isalpha() or plain[:1] == "_" else f"_{plain}"


def _line(text: str) -> str:
    return printable(text) or "(empty)"
