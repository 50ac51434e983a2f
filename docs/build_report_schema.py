"""Write docs/report.schema.json: the JSON Schema (2020-12) of a report, as `residency-report/1`.

    python docs/build_report_schema.py

Words with a fixed set of values come from the program, the shape is written here by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from residency.model.claim import Activity, Binding, Modality, Role
from residency.model.evidence import Assurance, Kind
from residency.model.vantage_check import Standing
from residency.model.verdict import Outcome, Verdict, Where
from residency.report.as_json import SCHEMA
from residency.traffic.columns import NAMED_BY, RTT_KINDS

PAGE = Path(__file__).with_name("report.schema.json")
Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
DAY: Schema = {"type": "string", "format": "date"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
COUNTRY: Schema = {"type": "string", "pattern": "^[A-Z]{2}$"}
DIGEST: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
SHARE: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 1}


def or_null(schema: Schema) -> Schema:
    """Return the schema with null allowed beside its one type."""
    kind = schema["type"]
    allowed = {**schema, "type": [kind, "null"]}
    return {**allowed, "enum": [*schema["enum"], None]} if "enum" in schema else allowed


def words(values: Any) -> Schema:
    """Return the schema of one word of an enumeration."""
    return {"type": "string", "enum": [str(value) for value in values]}


def listed(schema: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}


def table(about: str, **keys: Schema) -> Schema:
    """Return the schema of an object that has all of these keys; a later version may add others."""
    return {"type": "object", "description": about, "properties": keys, "required": sorted(keys)}


def also(schema: Schema, **keys: Schema) -> Schema:
    """Return the schema of an object that may have these keys too: reports of earlier versions have not."""
    return {**schema, "properties": schema["properties"] | keys}


def said(schema: Schema, about: str) -> Schema:
    """Return the schema with a description."""
    return {**schema, "description": about}


RULE: Schema = {"type": "string", "pattern": "^R[0-9]{3}$", "description": "see verdicts.md"}
REASON = table("A rule that decided something, in words.", rule=RULE, text=TEXT)
TALLY = table(
    "Endpoints, flows and bytes; unknown bytes count as none.",
    endpoints=COUNT,
    flows=COUNT,
    bytes_sent=COUNT,
    bytes_received=COUNT,
)
INPUT = table(
    "One input. records = judged + out_of_scope + quarantined + duplicate + context, exactly.",
    path=TEXT,
    sha256=said(DIGEST, "of the decompressed content; of a Spark DataFrame, of what was read of it"),
    format=TEXT,
    records=COUNT,
    judged=COUNT,
    out_of_scope=COUNT,
    quarantined=COUNT,
    duplicate=COUNT,
    context=COUNT,
)
SNAPSHOT = table(
    "One version of one source.",
    id=TEXT,
    kind=TEXT,
    name=TEXT,
    author=said(TEXT, "who stands behind it"),
    built=or_null(DAY),
    sha256=TEXT,
    licence=TEXT,
    attribution=TEXT,
    listed=said(listed(DAY), "the days on which a dated list was taken"),
)
SOURCE = also(table("A page that states the claim.", url=TEXT, published=or_null(DAY), kind=TEXT), supports=TEXT)
SCOPE = table(
    "What the claim speaks of: hosts, networks or origins, narrowed by ports where it names any.",
    hosts=listed(table("A pattern of names.", pattern=TEXT, role=or_null(words(Role)), binding=words(Binding))),
    networks=listed(table("A network, in a period.", cidr=TEXT, role=or_null(words(Role)), effective=TEXT)),
    asns=listed(COUNT),
    ports=listed(COUNT),
)
COUNTER_EVIDENCE = table(
    "A dated fact against the claim; it changes no verdict.", date=DAY, by=TEXT, finding=TEXT, url=TEXT
)
REPLY = table("The vendor's dated answer; it changes no verdict.", date=DAY, by=TEXT, text=TEXT)
COVERAGE = table(
    "The inside share over inside + doubtful + unknown; null where nothing was told.",
    flows=SHARE,
    bytes_sent=SHARE,
    bytes_received=SHARE,
    asked={"type": "number", "exclusiveMinimum": 0, "maximum": 1},
)
DISTANCE: Schema = {"type": "number", "minimum": 0}
EXCLUSION = table(
    "What the round-trip time of one vantage excludes.",
    vantage=TEXT,
    rtt_ms={"type": "number", "exclusiveMinimum": 0},
    within_km=said(DISTANCE, "how far from the vantage whoever answered can be at most"),
    excludes=said(listed(TEXT), "countries, their parts (ES-CN), or places of a finite list (aws/eu-west-1)"),
)
EVIDENCE = table(
    "One source's statement on the endpoint, as weighed.",
    kind=words(Kind),
    source=said(TEXT, "the id of a snapshot"),
    author=TEXT,
    says=TEXT,
    countries=listed(COUNTRY),
    sites=listed(TEXT),
    **{"for": words(("inside", "outside", "neither"))},
    lineage=said(TEXT, "who ultimately said it"),
    echo=said(TEXT, "whom it repeats; empty for nobody"),
    struck=FLAG,
    why_struck=TEXT,
    listed=said(or_null(listed(DAY)), "first and last day on which the source is known to have said so"),
    days_from_flow=or_null(COUNT),
    rate=said({"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1}, "calibrated: the stated error rate"),
    excluded_by=said(listed(EXCLUSION), "measured: the vantage that set the bound, for each place excluded"),
    proves=said(FLAG, "may it carry a verdict? Round-trip times of an untested vantage, or of SYNs, only support"),
)
CONTROL = table(
    "An endpoint of known place that answered sooner than light could have come back from there.",
    server_ip=TEXT,
    operator=said(TEXT, "who publishes where it is"),
    place=TEXT,
    least_km=said(DISTANCE, "how far it is at the least"),
    rtt_ms={"type": "number", "exclusiveMinimum": 0},
    rtt_kind=or_null(TEXT),
)
VANTAGE = table(
    "The test of one vantage against endpoints of known place.",
    name=TEXT,
    lat={"type": "number", "minimum": -90, "maximum": 90},
    lon={"type": "number", "minimum": -180, "maximum": 180},
    radius_km=DISTANCE,
    standing=words(Standing),
    why=TEXT,
    endpoints=said(COUNT, "addresses that it timed"),
    controls=said(COUNT, "of them, those of known place"),
    operators=listed(TEXT),
    beyond_km={
        "type": "object",
        "description": "for tcp and quic: a disc of a greater radius was not put to the test",
        "additionalProperties": DISTANCE,
    },
    impossible=listed(CONTROL),
    path={
        "type": ["object", "null"],
        "description": "what its own traffic shows of its path; null where that is not at hand",
        "properties": {
            "resolvers": said(listed(TEXT), "addresses asked on a port of DNS"),
            "proxies": said(listed(TEXT), "private addresses that conversations with named hosts ended on"),
            "unseen": said(listed(TEXT), "what flows cannot show"),
        },
        "required": ["proxies", "resolvers", "unseen"],
    },
)
FINDING = table(
    "One claim held against one endpoint.",
    id={"type": "string", "pattern": "^F-[0-9a-f]{12}$"},
    claim=TEXT,
    server_ip=TEXT,
    server_form=said(TEXT, "how the address was written: native, mapped, nat64, 6to4, teredo"),
    server_port=or_null({"type": "integer", "minimum": 0, "maximum": 65_535}),
    proto=or_null(TEXT),
    host=or_null(TEXT),
    named_by=or_null(words(NAMED_BY)),
    answered=or_null(FLAG),
    role=or_null(words(Role)),
    period=said(TEXT, "the claim period: from/until, an open end as .."),
    vantage=or_null(TEXT),
    outcome=words(Outcome),
    missing_link=or_null(TEXT),
    place=words(Where),
    assurance=words(Assurance),
    countries=listed(COUNTRY),
    sites=listed(TEXT),
    excluded=listed(COUNTRY),
    network=said(TEXT, "the /24 or /48 of the address"),
    flows=COUNT,
    bytes_sent=or_null(COUNT),
    bytes_received=or_null(COUNT),
    first_seen=MOMENT,
    last_seen=MOMENT,
    min_rtt_ms={"type": ["number", "null"], "exclusiveMinimum": 0},
    rtt_kind=or_null(words(RTT_KINDS)),
    rules=listed(RULE),
    evidence=listed({"$ref": "#/$defs/evidence"}),
)
EXCEPTION = table(
    "A stated exception of a claim; with no hosts, networks and places it is a caveat.",
    id=TEXT,
    activity=words(Activity),
    hosts=listed(TEXT),
    networks=listed(TEXT),
    places=listed(TEXT),
    effective=said(TEXT, "from/until, an open end as .."),
    caveat=FLAG,
    why=TEXT,
)
CLAIM = table(
    "The verdict on one claim with all that it stands on.",
    id=TEXT,
    vendor=TEXT,
    statement=TEXT,
    activity=words(Activity),
    modality=words(Modality),
    allow=listed(TEXT),
    forbid=listed(TEXT),
    subjects=listed(TEXT),
    parties=listed(TEXT),
    effective=TEXT,
    could_violate=FLAG,
    could_confirm=FLAG,
    could_reasons=listed({"$ref": "#/$defs/reason"}),
    verdict=words(Verdict),
    assurance=words(Assurance),
    headline=TEXT,
    reasons=listed({"$ref": "#/$defs/reason"}),
    as_connection=said(or_null(words(Verdict)), "a storage claim read as one about connections"),
    outcomes=table("Every outcome, also the empty ones.", **{o.value: {"$ref": "#/$defs/tally"} for o in Outcome}),
    coverage=COVERAGE,
    unnamed={"$ref": "#/$defs/tally"},
    not_observed=TEXT,
    notes=listed(TEXT),
    sources=listed(SOURCE),
)
CLAIM = also(
    CLAIM,
    file=said(or_null(TEXT), "the claim file as given, or the name of a shipped pack"),
    line=said(or_null({"type": "integer", "minimum": 1}), "where the claim begins in its file"),
    complete=said(or_null(MOMENT), "when a migrating promise is said to be fulfilled"),
    condition=said(TEXT, "it applies only where …; empty without one"),
    scope=SCOPE,
    exceptions=listed(EXCEPTION),
    counter_evidence=listed(COUNTER_EVIDENCE),
    replies=listed(REPLY),
)
QUARANTINED: Schema = {
    "type": "object",
    "description": "A record that could not be judged; `line` or `offset`, whichever is known.",
    "properties": {"path": TEXT, "line": or_null(COUNT), "offset": COUNT, "reason": TEXT},
    "required": ["path", "reason"],
    "oneOf": [{"required": ["line"]}, {"required": ["offset"]}],
}


def schema() -> Schema:
    """Return the whole schema."""
    document = table(
        "The answer of one audit (`--format json`); the same inputs, data and version give the same bytes.",
        schema={"const": SCHEMA},
        tool=table("What wrote it.", name={"const": "residency"}, version=TEXT),
        as_of=said(MOMENT, "the ages of data are judged as of this time"),
        headline=TEXT,
        options={
            "type": "object",
            "description": "what the auditor stated, as text; only what differs from its default",
            "additionalProperties": TEXT,
        },
        seen=table("First and last flow.", first=or_null(MOMENT), last=or_null(MOMENT)),
        inputs=listed(INPUT),
        quarantine=said(listed(QUARANTINED), "the first 1,000; all with --quarantine FILE"),
        snapshots=listed(SNAPSHOT),
        claims=listed({"$ref": "#/$defs/claim"}),
        findings=listed({"$ref": "#/$defs/finding"}),
        warnings=listed(TEXT),
        vantages=said(listed(VANTAGE), "where round-trip times come from, and what they are worth"),
    )
    document = also(
        document,
        rules={
            "type": "object",
            "description": "the sentence of every rule that decided something, as of this version",
            "propertyNames": {"pattern": "^R[0-9]{3}$"},
            "additionalProperties": TEXT,
        },
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:residency:report:1",
        "title": SCHEMA,
        **document,
        "$defs": {
            "claim": CLAIM,
            "evidence": EVIDENCE,
            "finding": FINDING,
            "reason": REASON,
            "tally": TALLY,
        },
    }


def text() -> str:
    """Return the file's content: sorted keys, two spaces, one newline at the end."""
    return json.dumps(schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
