"""`residency flows`: read traffic of any format and write its flow table, named by DNS, judging nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from residency.errors import UsageError
from residency.model.verdict import QuarantinedRecord

Progress = Callable[[str, float], None]
FORMS = {".parquet": "parquet", ".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson"}
"""Suffix of the file to write -> the form it is written in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowsWritten:
    """What became of the records of all inputs: records = the sum of the other four counts."""

    inputs: int
    records: int
    flows: int
    quarantined: int
    duplicate: int
    context: int
    first_quarantined: QuarantinedRecord | None
    warnings: tuple[str, ...]


def write_flows(
    traffic: Sequence[object],
    output: str | os.PathLike[str],
    *,
    form: str | None = None,
    input_format: str | None = None,
    time_unit: str = "s",
    quarantine: Callable[[QuarantinedRecord], None] | None = None,
    progress: Progress | None = None,
    **engine: Any,
) -> FlowsWritten:
    """Write one row a flow of files, folders and tables to `output`, in an order that their content alone decides.

    `form` is `parquet`, `csv` or `ndjson`; by default the suffix of `output` says it. `quarantine` is called with
    every record that could not be read. `engine` takes `threads`, `memory_limit` and `temp_dir` of the reader.
    Raises InputError, UsageError or LimitError.
    """
    from residency.traffic import ReadOptions, read_traffic, spooled

    chosen = choose_form(output, form)
    options = ReadOptions(input_format=input_format, time_unit=time_unit, **engine)
    with spooled(traffic, options.temp_dir) as given:
        _refuse_overwriting(given, Path(output))
        with read_traffic(given, cuts_us=(), options=options, progress=progress, keep_rows=True) as flows:
            flows.write_flows(os.fspath(output), chosen)
            aside = (
                QuarantinedRecord(path=one.path, line=one.line, offset=one.offset, reason=one.reason, value=one.value)
                for one in flows.quarantine()
            )
            first = next(aside, None)
            if quarantine is not None and first is not None:
                quarantine(first)
                for record in aside:
                    quarantine(record)
            return FlowsWritten(
                inputs=len(flows.inputs),
                records=sum(one.records for one in flows.inputs),
                flows=sum(one.flows_rows for one in flows.inputs),
                quarantined=sum(one.quarantined for one in flows.inputs),
                duplicate=sum(one.duplicate for one in flows.inputs),
                context=sum(one.context for one in flows.inputs),
                first_quarantined=first,
                warnings=flows.warnings,
            )


def choose_form(output: str | os.PathLike[str], form: str | None) -> str:
    """Return the form to write; raises UsageError where neither an option nor the suffix says it."""
    from residency.traffic import WRITTEN

    if form is not None:
        if form not in WRITTEN:
            raise UsageError(f"--format `{form}`: one of {', '.join(WRITTEN)}")
        return form
    found = FORMS.get(Path(output).suffix.lower())
    if found is None:
        raise UsageError(f"its name says no form; end it in {', '.join(FORMS)}, or give --format", path=output)
    return found


def _refuse_overwriting(inputs: Sequence[object], output: Path) -> None:
    for one in inputs:
        if isinstance(one, str | os.PathLike) and output.exists() and Path(one).exists() and output.samefile(one):
            raise UsageError("is an input too; write the flows to another file", path=output)
