"""The shape of a claim file as pydantic models: which keys a table has and what each may hold.

Strict, closed and frozen. What one value may be is in `fields`; what holds between keys, in `rules`.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from residency.claims.fields import (
    ActivityWord,
    Asn,
    BindingWord,
    CidrText,
    Day,
    ExpectationWord,
    IdText,
    MaybeActivity,
    MaybeDay,
    MaybeRole,
    MaybeSourceKind,
    ModalityWord,
    Moment,
    PatternText,
    PlaceName,
    Port,
    Text,
    Url,
    refuse,
)
from residency.model.claim import Binding, Modality

SCHEMA = "residency/1"

T = TypeVar("T")


def _listed(value: object) -> object:
    """Take a list as the tuple that strict mode wants; an empty one is refused."""
    if isinstance(value, list | tuple):
        if not value:
            raise refuse("an empty list says nothing; fill it or leave the key out")
        return tuple(value)
    return value


Some = Annotated[tuple[T, ...], BeforeValidator(_listed), Field(json_schema_extra={"minItems": 1})]


class Table(BaseModel):
    """A table of a claim file: unknown keys are refused and nothing is converted."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class PeriodTable(Table):
    """A half-open period: from its start, until just before its end."""

    start: Moment = Field(None, alias="from", description="first instant; open if absent")
    end: Moment = Field(None, alias="until", description="first instant after it; open if absent")

    @model_validator(mode="after")
    def _ordered(self) -> PeriodTable:
        if self.start is None and self.end is None:
            raise refuse("says neither `from` nor `until`; give one or leave it out")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise refuse("must end after it starts (`until` is the first instant outside)")
        return self


class HostTable(Table):
    """A host pattern in scope, with what it is for and how it is known to belong to the claim."""

    pattern: PatternText = Field(description="x.org (that name), *.x.org (its subdomains) or * (every flow)")
    role: MaybeRole = Field(None, description="what the host is for; not stated if absent")
    binding: BindingWord = Field(Binding.DOCUMENTED, description="how the host is known to belong")
    places: Some[PlaceName] = Field((), description="where the host is said to be")


class NetworkTable(Table):
    """A network in scope, within its dates."""

    cidr: CidrText = Field(description="192.0.2.0/24 or 2001:db8::/32, host bits zero")
    role: MaybeRole = Field(None, description="what the network is for; not stated if absent")
    places: Some[PlaceName] = Field((), description="where the network is said to be")
    effective: PeriodTable | None = Field(None, description="when it belongs to the scope")


class ExceptionTable(Table):
    """A stated exception; without hosts, networks and places it is a caveat and excuses nothing."""

    id: IdText = Field(description="its name in findings")
    activity: MaybeActivity = Field(None, description="what it excuses; the claim's activity if absent")
    hosts: Some[PatternText] = Field((), description="host patterns it covers")
    networks: Some[CidrText] = Field((), description="networks it covers")
    places: Some[PlaceName] = Field((), description="places it covers")
    effective: PeriodTable | None = Field(None, description="when it holds; open-ended without `until`")
    why: str = Field("", description="the reason given")


class SourceTable(Table):
    """Who said so, where and when."""

    url: Url = Field(description="the page that says it")
    published: MaybeDay = Field(None, description="day of publication")
    kind: MaybeSourceKind = Field(None, description="what kind of page it is")
    supports: str = Field("", description="which part of the claim it supports")


class CounterEvidenceTable(Table):
    """A dated fact from elsewhere that stands against the claim; printed, never changing a verdict."""

    date: Day = Field(description="day of the finding")
    by: Text = Field(description="who found it")
    finding: Text = Field(description="what was found")
    url: Url = Field("", description="the page that says it")


class ReplyTable(Table):
    """The vendor's dated answer; printed, never changing a verdict."""

    date: Day = Field(description="day of the answer")
    by: Text = Field(description="who answered")
    text: Text = Field(description="what was answered")


class CaseTable(Table):
    """A worked case: given this, expect that verdict, because."""

    name: IdText = Field(description="unique within the claim")
    given: Text = Field(description="what is observed and known")
    expect: ExpectationWord = Field(description="the verdict")
    because: Text = Field(description="why that verdict")


class ClaimTable(Table):
    """One declared statement about where something happens."""

    id: IdText = Field(description="unique in the file, as acme.eu")
    vendor: str = Field("", description="who declares it; the file's vendor if absent")
    statement: Text = Field(description="the promise in the vendor's words")
    activity: ActivityWord = Field(description="what is declared to happen in the area")
    allow: Some[PlaceName] = Field((), description="places allowed; everywhere if absent")
    forbid: Some[PlaceName] = Field((), description="places forbidden")
    modality: ModalityWord = Field(Modality.ABSOLUTE, description="how firmly it is declared")
    complete: Moment = Field(None, description="when a migrating promise is said to be fulfilled")
    parties: Some[Text] = Field((), description="who makes or controls the claim; the vendor if absent")
    subjects: Some[PlaceName] = Field((), description="an area: whose data is meant")
    condition: str = Field("", description="applies only where this holds; printed")
    data_in: Some[Text] = Field((), description="data covered; printed")
    data_out: Some[Text] = Field((), description="data not covered; printed")
    observable: str = Field("", description="what traffic can show of it; printed")
    notes: str = Field("", description="printed")
    effective: PeriodTable | None = Field(None, description="when it is in force; always if absent")
    coverage: float = Field(0.95, gt=0, le=1, description="share that must be inside for `consistent`")
    hosts: Some[PatternText] = Field((), description="host patterns in scope, short form")
    host: Some[HostTable] = Field((), description="host patterns in scope")
    network: Some[NetworkTable] = Field((), description="networks in scope")
    asns: Some[Asn] = Field((), description="autonomous systems in scope")
    ports: Some[Port] = Field((), description="server ports that narrow the scope")
    exception: Some[ExceptionTable] = Field((), description="stated exceptions")
    source: Some[SourceTable] = Field((), description="who said so")
    counter_evidence: Some[CounterEvidenceTable] = Field((), description="facts that stand against it")
    reply: Some[ReplyTable] = Field((), description="the vendor's answers")
    case: Some[CaseTable] = Field((), description="worked cases")


class HeadTable(Table):
    """The top level of a claim file without its claims."""

    pack: IdText = Field("", description="the pack's name")
    vendor: str = Field("", description="who declares the claims, where a claim does not say")
    as_of: MaybeDay = Field(None, description="day on which the file was last reviewed")


class FileTable(HeadTable):
    """A claim file (schema residency/1)."""

    schema_: str = Field(alias="schema", json_schema_extra={"const": SCHEMA}, description="always residency/1")
    claim: Some[ClaimTable] = Field(description="the claims")


TABLES: dict[str, type[Table]] = {
    "": FileTable,
    "claim": ClaimTable,
    "claim.effective": PeriodTable,
    "claim.host": HostTable,
    "claim.network": NetworkTable,
    "claim.network.effective": PeriodTable,
    "claim.exception": ExceptionTable,
    "claim.exception.effective": PeriodTable,
    "claim.source": SourceTable,
    "claim.counter_evidence": CounterEvidenceTable,
    "claim.reply": ReplyTable,
    "claim.case": CaseTable,
}


def keys_of(table: type[Table]) -> tuple[str, ...]:
    """Return the keys that a table may have, as they are written."""
    if table is FileTable:
        return ("schema", "pack", "vendor", "as_of", "claim")
    return tuple(field.alias or name for name, field in table.model_fields.items())
