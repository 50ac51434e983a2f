"""What would change the outcome of one finding: derived from its rules, evidence and missing links, never generic.

Each line names something that somebody can go and get: an exception, a record, an option, a list, a time. Nothing here
says that it would be true.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from residency.model.measurement_plan import DecidingTime, FindingPlan, Would
from residency.model.names import HostPattern
from residency.model.units import counted

Doc = Mapping[str, Any]

# The links of a contradiction that may be missing: what would close each.
_LINKS: Mapping[str, str] = {
    "R220": "a flow further from the ends of the claim's period ({period}) than --clock-skew",
    "R221": "the promise made absolute, or fulfilled (`complete`) before {day}",
    "R222": "a conversation with {ip} that carries {subject} in its SNI or HTTP Host",
    "R223": 'a documented role = "storage" or "data" of {subject} in the claim',
    "R224": "flows that say whether {ip} answered (bytes_received, or the connection's state)",
    "R225": "--clients AREA within {subjects}",
    "R226": "the caveat {caveats} withdrawn, or written as an exception that names what it excuses",
    "R227": "a dated list of {authors} taken within 35 days of {day} (--ranges FILE)",
    "R228": "more networks than {network} of which two databases say the same",
    "R229": 'binding = "documented" for {subject}, with a source that says so',
}
# Why a place may not be known: what would tell it.
_UNKNOWN: Mapping[str, str] = {
    "R101": "traffic captured beyond {ip}, which is no public address",
    "R103": "times of these very conversations (--vantage): {ip} is anycast, so no list or database can place it",
    "R116": "which of these is right: {sides}",
    "R122": "anybody who says where {ip} is (--geoip FILE, --ranges FILE, --geofeed FILE)",
    "R123": "a witness that repeats nobody: {echoes}",
    "R124": "a region or site in place of {countries}, which is only partly in the area",
    "R125": "`tls`, `quic` or `app` times in place of `syn` ones, which something on the path can answer",
    "R127": "endpoints of known place in the same traffic, which test the vantage that far",
    "R128": "three times or more from that vantage",
    "R205": "a lower --min-assurance: it is inside by `{assurance}`",
    "R210": "the proxy's own log, or traffic captured beyond it ({ip})",
    "R211": "the host name of these flows to {ip} (logs of TLS, QUIC, HTTP or DNS; --dns FILE)",
}
_NO_TIME_HELPS = {"R101", "R210", "R211"}


@dataclass(frozen=True, slots=True)
class _Case:
    """One finding, its claim, and the times that would decide it."""

    f: Doc
    claim: Doc
    plan: FindingPlan | None

    @property
    def exceptions(self) -> list[Doc]:
        """The claim's exceptions that could excuse this activity."""
        listed = self.claim.get("exceptions", ())
        return [e for e in listed if e["activity"] == self.claim["activity"] and not e["caveat"]]

    def words(self) -> dict[str, str]:
        """Return what the sentences speak of."""
        f = self.f
        caveats = [f"`{e['id']}`" for e in self.claim.get("exceptions", ()) if e["caveat"]]
        lists = dict.fromkeys(e["author"] for e in f["evidence"] if e["kind"] == "declared")
        return {
            "ip": f["server_ip"],
            "subject": f["host"] or f["server_ip"],
            "network": f["network"] or f["server_ip"],
            "assurance": f["assurance"],
            "day": f["first_seen"][:10],
            "countries": ", ".join(f["countries"][:8]),
            "period": self.claim.get("effective", "see the claim"),
            "subjects": ", ".join(self.claim.get("subjects", ())) or "the claim's subjects",
            "caveats": ", ".join(caveats) or "of the claim",
            "authors": ", ".join(lists) or "the operator",
            "sides": _sides(f),
            "echoes": _echoes(f),
        }

    def told(self, sentences: Mapping[str, str]) -> list[str]:
        """Return the sentences of the finding's rules, in the order of its rules."""
        words = self.words()
        return [sentences[rule].format_map(words) for rule in self.f["rules"] if rule in sentences]

    def time(self, side: str) -> Iterator[str]:
        """Yield the time that would decide it: at its `likely` place, or that shows it `inside`."""
        time = getattr(self.plan, side) if self.plan else None
        if time is not None:
            yield _time(self.f, time)


def flips(f: Doc, claim: Doc | None = None, plan: FindingPlan | None = None) -> list[str]:
    """Return what would change the finding's outcome, one thing a line.

    `claim` is the finding's claim in the document; `plan` the times that would decide, where they were worked out.
    """
    write: dict[str, Callable[[_Case], Iterator[str]]] = {
        "violating": _violating,
        "adverse": _adverse,
        "doubtful": _doubtful,
        "unknown": _unknown,
        "inside": _inside,
        "excused": _excused,
        "not_carrying": _not_carrying,
        "unanswered": _unanswered,
    }
    return list(write[f["outcome"]](_Case(f, claim or {}, plan)))


def _violating(case: _Case) -> Iterator[str]:
    yield from _exception(case)
    yield from case.time("inside")
    yield from _other_lists(case.f)


def _adverse(case: _Case) -> Iterator[str]:
    yield from (f"would contradict: {sentence}" for sentence in case.told(_LINKS))
    if {"R227", "R228"} & set(case.f["rules"]):
        yield from case.time("likely")
    yield from _exception(case)
    yield from case.time("inside")


def _doubtful(case: _Case) -> Iterator[str]:
    f = case.f
    said = [e for e in _speaking(f, "outside") if e["kind"] == "database"]
    lineages = ", ".join(sorted({e["lineage"] for e in said})) or "this one"
    where = ", ".join(f["countries"][:4]) or "the same country"
    yield f"would count against the claim: a second database, of another lineage than {lineages}, that names {where}"
    yield _by_list(f)
    yield from case.time("likely")
    yield from case.time("inside")


def _unknown(case: _Case) -> Iterator[str]:
    told = case.told(_UNKNOWN)
    yield from told
    if _NO_TIME_HELPS & set(case.f["rules"]):
        return
    yield from case.time("likely" if case.plan and case.plan.likely else "inside")
    if case.plan and case.plan.why_not:
        yield f"no time at its likeliest place would: {case.plan.why_not}"
    if not told:
        yield _by_list(case.f)


def _inside(case: _Case) -> Iterator[str]:
    f = case.f
    said = _speaking(f, "inside")
    for e in [e for e in said if e["kind"] == f["assurance"]][:3] or said[:3]:
        there = ", ".join(e["sites"] or e["countries"])
        yield f"would make it doubtful or worse: {e['author']} naming another place than {there} [{e['source']}]"
    yield (
        f"would show that it is outside: a `tls`, `quic` or `app` time to {f['server_ip']} (three samples) of less "
        "than (D - R) / 150 ms from a tested vantage known to R km, D km from the nearest place in the area"
    )
    yield f"would make it unknown: --min-assurance above `{f['assurance']}`"


def _excused(case: _Case) -> Iterator[str]:
    matching = [e for e in case.exceptions if _may_match(e, case.f)]
    for e in matching:
        yield f"the end or the withdrawal of the exception `{e['id']}` ({_names(e)}; in force {e['effective']})"
    if not matching:
        yield "the end of the exception that matches it"


def _not_carrying(case: _Case) -> Iterator[str]:
    f = case.f
    stated = f"its role is `{f['role']}`" if f["role"] else "no role is stated"
    yield f'a role in the claim that carries the data, as role = "data" for {f["host"] or f["server_ip"]} ({stated})'


def _unanswered(case: _Case) -> Iterator[str]:
    f = case.f
    yield f"payload from {f['server_ip']} in any of these {counted(f['flows'], 'conversation')}"


def _time(f: Doc, time: DecidingTime) -> str:
    spot = time.spot
    where = f"{spot.city}, {spot.country}" if spot.city else f"{spot.lat:.1f}, {spot.lon:.1f} ({spot.country})"
    side = "inside" if time.would is Would.CONFIRM else "outside"
    return (
        f"would show that it is {side}: a round-trip time to {f['server_ip']} from {where} of at most "
        f"{time.one_vantage_ms:.1f} ms (`tls`, `quic` or `app`, three samples, one tested vantage) "
        f"or {time.two_vantages_ms:.1f} ms (two independent vantages)"
    )


def _exception(case: _Case) -> Iterator[str]:
    f, own = case.f, case.exceptions
    where = f" or the place {', '.join(f['countries'][:4])}" if f["countries"] else ""
    subject = f["host"] or f["server_ip"]
    wanted = f"would excuse it: an exception that names {subject}, the network {f['network']}{where}"
    listed = [f"`{e['id']}` ({_names(e)}; {e['effective']})" for e in own[:8]]
    yield wanted if listed else f"{wanted}; the claim states none"
    if listed:
        yield f"the stated exceptions do not match: {', '.join(listed)}"


def _other_lists(f: Doc) -> Iterator[str]:
    said = [e for e in _speaking(f, "outside") if e["kind"] == f["assurance"]]
    if f["assurance"] == "corroborated":
        said = [e for e in _speaking(f, "outside") if e["kind"] == "database"]
        pair = " and ".join(f"{e['author']} [{e['source']}]" for e in said[:2])
        yield f"would make it doubtful: {pair} no longer naming the same country"
    for e in said[:3] if f["assurance"] == "declared" else ():
        there = ", ".join(e["sites"] or e["countries"])
        yield f"would put it in doubt: {e['author']} publishing another place than {there} for that day [{e['source']}]"


def _by_list(f: Doc) -> str:
    return f"either way: the list of who runs {f['network'] or f['server_ip']} (--ranges FILE or --geofeed FILE)"


def _speaking(f: Doc, side: str) -> list[Doc]:
    return [e for e in f["evidence"] if e["for"] == side and not e["struck"] and not e["echo"]]


def _sides(f: Doc) -> str:
    told = [e for e in f["evidence"] if e["countries"] and not e["struck"] and e["for"] != "neither"]
    return "; ".join(f"{e['author']} says {', '.join(e['countries'][:4])} [{e['source']}]" for e in told[:4])


def _echoes(f: Doc) -> str:
    told = [e for e in f["evidence"] if e["echo"] and not e["struck"]]
    return "; ".join(f"{e['author']} [{e['source']}] is an echo of {e['echo']}" for e in told[:4])


def _names(exception: Doc) -> str:
    named = [f"{key} {', '.join(exception[key][:4])}" for key in ("hosts", "networks", "places") if exception[key]]
    return " and ".join(named)


def _may_match(exception: Doc, f: Doc) -> bool:
    """Could the exception be the one that matched, as far as its hosts and networks tell?"""
    if exception["hosts"] and not any(HostPattern(text).matches(f["host"] or "") for text in exception["hosts"]):
        return False
    address = ipaddress.ip_address(f["server_ip"])
    return not exception["networks"] or any(address in ipaddress.ip_network(text) for text in exception["networks"])
