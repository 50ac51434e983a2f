"""`residency.audit` and its dry run: read what was given, then let `run` do the work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from residency._version import __version__
from residency.auditing.cuts import cuts_us
from residency.auditing.given import GivenEvidence, Paths, as_paths
from residency.auditing.options import (
    AuditOptions,
    VantageInput,
    parse_assurance,
    parse_max_age,
    parse_moment,
    parse_places,
    parse_skew,
    parse_vantages,
)
from residency.auditing.resolving import recorded_answers
from residency.auditing.run import Run
from residency.collector import collector_paused
from residency.errors import UsageError, did_you_mean, shorten
from residency.model.claim import Claim, Pack, party_key
from residency.model.evidence import Snapshot
from residency.model.place import Gazetteer
from residency.model.verdict import QuarantinedRecord, Report, ScopePreview
from residency.sources.gazetteer import shipped_gazetteer
from residency.sources.interface import Source

if TYPE_CHECKING:
    import pyarrow as pa

    from residency.traffic import Traffic, Workspace

Progress = Callable[[str, float], None]
ClaimsInput = str | os.PathLike[str] | Pack | Sequence["str | os.PathLike[str] | Pack"]


def audit(
    claims: ClaimsInput,
    traffic: str | os.PathLike[str] | Sequence[Any] | Any,
    *,
    claim_ids: str | Sequence[str] | None = None,
    sources: Sequence[Source] = (),
    embedded: bool = True,
    geoip: Paths = (),
    ranges: Paths = (),
    geofeeds: Paths = (),
    anycast: Paths = (),
    relays: Paths = (),
    rdap: bool = False,
    discover_geofeeds: bool = False,
    rtt: Paths = (),
    dns: Paths = (),
    clients: str | Sequence[str] = (),
    vantage: VantageInput = None,
    min_assurance: str = "database",
    rely_on: str | Sequence[str] = (),
    max_age_days: int | None = None,
    sampling: int | None = None,
    clock_skew_s: float = 0.0,
    as_of: datetime | date | str | None = None,
    input_format: str | None = None,
    time_unit: str = "s",
    quarantine: Callable[[QuarantinedRecord], None] | None = None,
    progress: Progress | None = None,
    workspace: str | os.PathLike[str] | None = None,
    resume: bool = False,
    **engine: Any,
) -> Report:
    """Hold claims against traffic and return the report; uses no network unless `rdap` or `discover_geofeeds` say so.

    `claims` is a claim file, the name of a shipped pack, a Pack, or several of these; `traffic` is a file, a
    folder, a table (whatever speaks Arrow: pandas, polars, DuckDB, …) or several, or one Spark DataFrame.
    Besides the embedded sources (or alone with `embedded=False`)
    the files of `geoip`, `ranges`, `geofeeds`, `anycast` and `relays` are asked (see `GivenEvidence`), and `sources`
    of your own. `vantage` (`LAT,LON[,±KM][,NAME]`, a CSV of them, or several) makes the round-trip times of the traffic
    evidence; `rtt` are files of times measured elsewhere. `dns` are recordings of `resolve`: their answers name flows
    that began within their TTL and a grace, at most adverse, for it was not the client that was given them.
    `quarantine` is called with every record that could not be judged. `engine` takes `threads`, `memory_limit` and
    `temp_dir` of the reader. `workspace` is a folder that keeps what is read step by step; with `resume` a job that was
    stopped there goes on, and its report is that of a job that was not (docs/long-jobs.md).

    Raises ClaimError, InputError, SourceError, UsageError or LimitError; a verdict is never raised.
    """
    gazetteer = shipped_gazetteer()
    packs = _load_packs(claims, gazetteer)
    chosen = _choose(packs, claim_ids)
    options = AuditOptions(
        clients=parse_places(clients, gazetteer),
        vantages=parse_vantages(vantage),
        min_assurance=parse_assurance(min_assurance),
        rely_on=frozenset(party_key(who) for who in ([rely_on] if isinstance(rely_on, str) else rely_on)),
        max_age_days=parse_max_age(max_age_days),
        sampling=sampling,
        clock_skew=parse_skew(clock_skew_s),
        as_of=parse_moment(as_of),
    )
    given_evidence = GivenEvidence(
        embedded=embedded,
        geoip=geoip,
        ranges=ranges,
        geofeeds=geofeeds,
        anycast=anycast,
        relays=relays,
        rdap=rdap,
        discover=discover_geofeeds,
        rtt=rtt,
    )
    asked, hints, times = [*given_evidence.sources(), *sources], given_evidence.hints(), given_evidence.times()
    _check_asns(chosen, asked)
    answers = recorded_answers(as_paths(dns))

    @contextmanager
    def reading(given: Sequence[Any], job: Workspace | None, *, soft: bool) -> Iterator[Run]:
        cuts = cuts_us(chosen, gazetteer, asked, options, soft=soft)
        kept = {"workspace": job, "name": "second-reading" if soft else "reading"}
        with _read(given, cuts, input_format, time_unit, progress, engine, answers.batches, **kept) as flows:
            yield Run(
                gazetteer=gazetteer,
                packs=packs,
                claims=chosen,
                sources=asked,
                hints=hints,
                options=options,
                cuts_us=cuts,
                flows=flows,
                rtt_files=times,
                recorded=answers.snapshots,
            )

    with _workspace(workspace, resume, traffic) as job, _inputs(traffic, engine) as given:
        if job is not None:
            job.bind(_binding(chosen, packs, asked, answers.snapshots))
        with reading(given, job, soft=False) as run:
            if not run.spans_a_time_rule():
                return run.report(quarantine)
        with reading(given, job, soft=True) as run:
            return run.report(quarantine)


def preview(
    claims: ClaimsInput,
    traffic: str | os.PathLike[str] | Sequence[Any] | Any,
    *,
    claim_ids: str | Sequence[str] | None = None,
    clients: str | Sequence[str] = (),
    vantage: VantageInput = None,
    clock_skew_s: float = 0.0,
    input_format: str | None = None,
    time_unit: str = "s",
    progress: Progress | None = None,
    **engine: Any,
) -> list[ScopePreview]:
    """Return what would be in scope of each claim, asking no source where anything is."""
    gazetteer = shipped_gazetteer()
    packs = _load_packs(claims, gazetteer)
    chosen = _choose(packs, claim_ids)
    options = AuditOptions(
        clients=parse_places(clients, gazetteer),
        vantages=parse_vantages(vantage),
        clock_skew=parse_skew(clock_skew_s),
    )
    cuts = cuts_us(chosen, gazetteer, [], options, soft=False)
    with (
        _inputs(traffic, engine) as given,
        _read(given, cuts, input_format, time_unit, progress, engine) as flows,
    ):
        run = Run(
            gazetteer=gazetteer,
            packs=packs,
            claims=chosen,
            sources=[],
            hints=None,
            options=options,
            cuts_us=cuts,
            flows=flows,
        )
        return run.previews()


def _read(
    traffic: Any,
    cuts: Sequence[int],
    input_format: str | None,
    time_unit: str,
    progress: Progress | None,
    engine: Mapping[str, Any],
    answers: Sequence[pa.RecordBatch] = (),
    **kept: Any,
) -> Traffic:
    from residency.traffic import ReadOptions, read_traffic

    options = ReadOptions(input_format=input_format, time_unit=time_unit, **engine)
    return read_traffic(traffic, cuts_us=cuts, options=options, progress=progress, answers=answers, **kept)


@collector_paused()
def _load_packs(claims: ClaimsInput, gazetteer: Gazetteer) -> tuple[Pack, ...]:
    from residency.claims import load_pack

    given = [claims] if isinstance(claims, str | os.PathLike | Pack) else list(claims)
    if not given:
        raise UsageError("no claim was given; name a claim file or a shipped pack (`residency claims list`)")
    return tuple(item if isinstance(item, Pack) else load_pack(item, gazetteer=gazetteer) for item in given)


def _choose(packs: Sequence[Pack], claim_ids: str | Sequence[str] | None) -> tuple[Claim, ...]:
    claim_ids = [claim_ids] if isinstance(claim_ids, str) else claim_ids
    claims = [claim for pack in packs for claim in pack.claims]
    ids = [claim.id for claim in claims]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise UsageError(f"claim `{twice[0]}` is given twice; ids must be unique over all claim files")
    if not claims or (claim_ids is not None and not claim_ids):
        raise UsageError("no claim was given; name a claim file or a shipped pack (`residency claims list`)")
    if claim_ids is None:
        return tuple(sorted(claims, key=lambda c: c.id))
    missing = [i for i in claim_ids if i not in ids]
    if missing:
        hint = did_you_mean(missing[0], ids) or f"; there are {', '.join(sorted(ids))}"
        raise UsageError(f"no claim `{shorten(missing[0])}`{hint}")
    return tuple(sorted((c for c in claims if c.id in claim_ids), key=lambda c: c.id))


def _check_asns(claims: Sequence[Claim], sources: Sequence[Source]) -> None:
    """Refuse a scope by origin networks that no table can tell apart."""
    if not any(claim.asns for claim in claims):
        return
    known = frozenset[int]().union(*(getattr(s, "known_asns", frozenset()) for s in sources))
    for claim in claims:
        unknown = sorted(set(claim.asns) - known)
        if unknown:
            raise UsageError(
                f"claim `{claim.id}`: no origin table tells which addresses are AS{unknown[0]}'s; "
                "name its hosts or networks instead"
            )


@contextmanager
def _workspace(folder: str | os.PathLike[str] | None, resume: bool, traffic: Any) -> Iterator[Workspace | None]:
    """Yield the workspace of a job, locked; None where none is asked for."""
    from residency.traffic import resumable

    given = traffic if isinstance(traffic, list | tuple) else [traffic]
    if folder is not None and any(isinstance(one, str) and one == "-" for one in given):
        raise UsageError("standard input cannot be read again, so no job with --workspace can read it: write a file")
    with resumable(folder, resume=resume) as job:
        yield job


def _binding(
    claims: Sequence[Claim], packs: Sequence[Pack], sources: Sequence[Source], recorded: Sequence[Snapshot]
) -> dict[str, object]:
    """Return what a kept job is held to beside its inputs: what is claimed, and the data that answers."""
    snapshots = [*(source.snapshot for source in sources), *recorded]
    return {
        "version of residency": __version__,
        "claim files": {f"{place}: {pack.name}": pack.sha256 for place, pack in enumerate(packs, 1)},
        "claims": [claim.id for claim in claims],
        "data": {snapshot.id: snapshot.sha256 for snapshot in snapshots},
    }


@contextmanager
def _inputs(traffic: Any, engine: Mapping[str, Any]) -> Iterator[list[Any]]:
    """Yield the inputs as a list; what can be read only once becomes a table or a file, for it may be read twice."""
    from residency.traffic import spooled

    given = list(traffic) if isinstance(traffic, list | tuple) else [traffic]
    with spooled([_spread(item) for item in given], engine.get("temp_dir")) as inputs:
        yield inputs


def _spread(item: Any) -> Any:
    """Return a Spark DataFrame as a table that is read where it lies, and anything else as it is."""
    if not type(item).__module__.startswith("pyspark.sql."):
        return item
    from residency.spark import SparkTable

    return SparkTable(item)
