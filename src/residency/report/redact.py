"""A report in which no client can be told: pseudonyms for what may name one, the same one for the same thing.

Replaced are addresses in every free text, but for public addresses of servers; private addresses wherever they stand,
servers' too; names of vantages. Where a vantage stands is told to a whole degree, and its radius grows by what that
takes, so it stays true. What the claim file says is left as it is. Ids and hashes that follow from what was replaced
are made anew or left out, else one could guess and compare.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from residency.model.network import AddressClass, parse_address

Doc = Mapping[str, Any]

_BYTE = r"\d{1,3}"
_V4 = rf"(?<![\w.])(?:{_BYTE}[.-]){{3}}{_BYTE}(?![\w]|[.-]\d)"  # also as in ip-10-0-0-5.example
_V6 = rf"(?<![\w:.])(?:[0-9A-Fa-f]{{0,4}}:){{2,7}}(?:(?:{_BYTE}\.){{3}}{_BYTE}|[0-9A-Fa-f]{{0,4}})(?![\w:]|\.\d)"
_ADDRESS = re.compile(rf"({_V4}|{_V6})(/\d{{1,3}})?")
_DEGREE_KM = 80.0  # a point moves by less when both of its degrees are rounded
_DISTANCE = re.compile(r"at least [\d,]+ km away")  # from a vantage; three such distances say where it is
_FREE_TEXT = frozenset(
    {
        *("headline", "not_observed", "text", "reason", "why", "path", "name", "server_ip", "network", "host"),
        *("vantage", "missing_link", "author", "says", "lineage", "echo", "why_struck", "resolvers", "proxies"),
    }
)
_OF_CLAIM_FILES = frozenset({"scope", "exceptions", "sources", "counter_evidence", "replies", "notes", "could_reasons"})


class Redactor:
    """Gives pseudonyms, in the order in which things are met: client-1, client-2 …, vantage-1, vantage-2 …"""

    def __init__(self) -> None:
        self._clients: dict[str, str] = {}
        self._vantages: dict[str, str] = {}
        self._named: re.Pattern[str] | None = None
        self._servers: frozenset[str] = frozenset()

    def text(self, text: str) -> str:
        """Return a text that came with the traffic, without addresses of clients and names of known vantages."""
        if self._named is not None:
            text = _DISTANCE.sub("far away", self._named.sub(lambda found: self._vantages[found[0]], text))
        return _ADDRESS.sub(lambda found: self._address(found[1], found[2] or ""), text)

    def document(self, document: Doc) -> dict[str, Any]:
        """Return the JSON document of a report without what may name a client."""
        self._meet(document)
        told = {key: value if key in ("tool", "options") else self._told(key, value) for key, value in document.items()}
        findings = [_with_new_id(new, old) for new, old in zip(told["findings"], document["findings"], strict=True)]
        return told | {
            "findings": sorted(findings, key=lambda f: (f["claim"], f["id"])),
            "options": dict(document["options"]) | self._vantage_option(document),
            "snapshots": [s | {"sha256": ""} if s["kind"] == "measured" else s for s in told["snapshots"]],
            "vantages": [_roughly(vantage) for vantage in told["vantages"]],
            "warnings": [self.text(warning) for warning in document["warnings"]],
        }

    def _meet(self, document: Doc) -> None:
        """Learn which addresses are those of public servers, and name the vantages."""
        controls = (one["server_ip"] for vantage in document["vantages"] for one in vantage["impossible"])
        servers = {finding["server_ip"] for finding in document["findings"]} | set(controls)
        self._servers = frozenset(text for text in servers if _public(text))
        known = {v["name"] for v in document["vantages"]} | {f["vantage"] for f in document["findings"]}
        for name in sorted(name for name in known if name):
            self._vantages.setdefault(name, f"vantage-{len(self._vantages) + 1}")
        self._named = _any_of(self._vantages)

    def _told(self, key: str, value: Any) -> Any:
        """Return a value with its free texts redacted, and whatever else is in it as it was."""
        if isinstance(value, str):
            return self.text(value) if key in _FREE_TEXT else value
        if isinstance(value, Mapping):
            return {k: inner if k in _OF_CLAIM_FILES else self._told(k, inner) for k, inner in value.items()}
        return [self._told(key, inner) for inner in value] if isinstance(value, list | tuple) else value

    def _address(self, text: str, prefix: str) -> str:
        """Return a pseudonym for an address; public networks and what is written with hyphens name no client."""
        plain = text.replace("-", ".")
        try:
            known = parse_address(plain).text
        except ValueError:
            return text + prefix
        if known in self._servers or ((prefix or plain != text) and _public(plain)):
            return text + prefix
        return self._clients.setdefault(known, f"client-{len(self._clients) + 1}") + prefix

    def _vantage_option(self, document: Doc) -> dict[str, str]:
        named = [self._vantages.get(v["name"], "unnamed") for v in document["vantages"]]
        return {"vantage": ", ".join(named)} if "vantage" in document["options"] else {}


def _public(text: str) -> bool:
    try:
        return parse_address(text).address_class is AddressClass.PUBLIC
    except ValueError:
        return False


def _roughly(vantage: Doc) -> dict[str, Any]:
    """Return a vantage at a whole degree, and its distances as lesser ones, which are true as well."""
    impossible = [one | {"least_km": _lesser(one["least_km"])} for one in vantage["impossible"]]
    return {
        **vantage,
        "lat": float(round(vantage["lat"])),
        "lon": float(round(vantage["lon"])),
        "radius_km": vantage["radius_km"] + _DEGREE_KM,
        "beyond_km": {family: _lesser(km) for family, km in vantage["beyond_km"].items()},
        "impossible": impossible,
    }


def _lesser(km: float) -> float:
    return km // 100 * 100


def _with_new_id(finding: Doc, before: Doc) -> dict[str, Any]:
    """Return a finding with an id that follows from nothing but what it still says, where it says less now."""
    parts = ("server_ip", "vantage", "host", "network")
    if all(finding[part] == before[part] for part in parts):
        return dict(finding)
    told = {key: value for key, value in finding.items() if key not in ("id", "evidence")}
    return {**finding, "id": "F-" + hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]}


def _any_of(names: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern of any of the names as a word of its own, the longest first."""
    longest = sorted(names, key=lambda name: (-len(name), name))
    return re.compile(rf"(?<![\w.-])(?:{'|'.join(map(re.escape, longest))})(?![\w-])") if longest else None
