"""Reads inputs of any format into one set of distinct endpoints; `Traffic` holds the result."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from residency.errors import InputError, ResidencyError, UsageError, shorten
from residency.limits import LIMITS
from residency.traffic.aggregate import BY_INPUT
from residency.traffic.columns import Kind
from residency.traffic.converted import ConvertedSource, load_rows, run_conversion
from residency.traffic.distinct import Distinct
from residency.traffic.engine import connect, scalar, seam
from residency.traffic.flow_rows import FlowRows
from residency.traffic.formats import Converter, Format, named_format, recognise, refined
from residency.traffic.groups import build_groups, fetch_groups, fetch_hosts, fetch_records
from residency.traffic.inputs import Item, expand
from residency.traffic.naming import Naming
from residency.traffic.parts import Spread, load_parts
from residency.traffic.plain import Loader
from residency.traffic.records import InputSummary, Quarantined, ReadOptions, Tally
from residency.traffic.source import FlowSource, OpenFile
from residency.traffic.streams import read_head, scan_file
from residency.traffic.typed_format import TableSource
from residency.traffic.zeek import Zeek

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

Progress = Callable[[str, float], None]


class Traffic:
    """Distinct endpoints of all inputs, and an account of every record.

    Owns a DuckDB connection and temporary files: use it as a context manager, or call `close`.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: str) -> None:
        self._con: duckdb.DuckDBPyConnection | None = connection
        self._folder = folder
        self.inputs: tuple[InputSummary, ...] = ()
        self.warnings: tuple[str, ...] = ()
        self.hash_seconds = 0.0
        self.rows: FlowRows | None = None
        self._is_grouped = False

    def __enter__(self) -> Traffic:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the engine and remove the temporary files."""
        if self._con is not None:
            self._con.close()
            self._con = None
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._con is None:
            raise UsageError("this traffic was closed; read it again")
        return self._con

    def hosts(self) -> list[str]:
        """Return every distinct host name of flows and logs, sorted."""
        return fetch_hosts(self._open)

    def groups(self, hosts: Sequence[str] | None = None) -> pa.Table:
        """Return the distinct endpoints, sorted by their key; `group_id` counts from 0 in that order.

        With `hosts` only those of these hosts and the unnamed ones are there: the rest need not be made.
        """
        with seam("", "grouping endpoints"):
            build_groups(self._open, hosts)
            self._is_grouped = True
            return fetch_groups(self._open)

    def first_last_us(self) -> tuple[int, int] | None:
        """Return the times of the first and the last flow in microseconds, or None without flows."""
        row = self._open.cursor().execute("SELECT min(first_us), max(last_us) FROM by_input").fetchone()
        return None if row is None or row[0] is None else (int(row[0]), int(row[1]))

    def flow_table(self) -> pa.Table:
        """Return one row a flow, named and in order; only where reading was told to keep rows."""
        return self._kept.to_arrow()

    def write_flows(self, path: str, form: str) -> None:
        """Write the flow table as `parquet`, `csv` or `ndjson`; raises UsageError where it cannot be written."""
        self._kept.write(path, form, self._folder)

    @property
    def _kept(self) -> FlowRows:
        if self.rows is None or self._con is None:
            raise UsageError("no rows were kept of this traffic; read it with keep_rows")
        return self.rows

    def quarantine(self) -> Iterator[Quarantined]:
        """Yield every record that was put aside, by input and then by line."""
        cursor = self._open.cursor()
        columns = "input, line, byte_offset, reason, value"
        cursor.execute(f"SELECT {columns} FROM quarantine ORDER BY {columns}")  # noqa: S608
        while rows := cursor.fetchmany(1_000):
            for number, line, byte_offset, reason, value in rows:
                yield Quarantined(
                    path=self.inputs[number].path,
                    line=line,
                    offset=byte_offset,
                    reason=shorten(reason, 200),
                    value=shorten(value or ""),
                )

    def records_by_input(self, judged: NDArray[np.int64]) -> list[tuple[int, int]]:
        """Return (records in the groups `judged` of the last call of `groups`, the others) for each input."""
        if not self._is_grouped:
            self.groups()
        found = fetch_records(self._open, len(self.inputs), judged)
        return [(mine, item.flows_rows - mine) for mine, item in zip(found, self.inputs, strict=True)]


def read_traffic(
    inputs: Sequence[object],
    *,
    cuts_us: Sequence[int],
    options: ReadOptions | None = None,
    progress: Progress | None = None,
    keep_rows: bool = False,
    answers: Sequence[pa.RecordBatch] = (),
) -> Traffic:
    """Read files, folders and tables into distinct endpoints.

    `cuts_us` are the sorted instants (microseconds since 1970) at which a claim's answer could change. Raises
    InputError for what cannot be read at all, LimitError beyond a cap, UsageError for options; damaged records are
    quarantined. Addresses are not located, hosts not judged. `keep_rows` keeps every flow for `write_flows`.
    `answers` are DNS answers beside the inputs (`conversion.answer_schema()`): they name flows, and are no records.
    """
    options = options or ReadOptions()
    cuts = sorted(set(cuts_us))
    items = expand(inputs)
    folder = tempfile.mkdtemp(prefix="residency-", dir=options.temp_dir)
    try:
        connection = connect(options, folder)
        traffic = Traffic(connection, folder)
        try:
            reading = _Reading(traffic, connection, folder, options, cuts, progress or _silent, keep_rows=keep_rows)
            reading.run(items, answers)
        except BaseException:
            traffic.close()
            raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return traffic


def sniff(path: str | os.PathLike[str]) -> str:
    """Return the name of the format that a file's content is of; raises InputError if it is none."""
    return recognise(read_head(Path(path)), os.fspath(path)).name


def _silent(stage: str, fraction: float) -> None:
    del stage, fraction


class _Reading:
    """One call of `read_traffic`."""

    def __init__(
        self,
        traffic: Traffic,
        connection: duckdb.DuckDBPyConnection,
        folder: str,
        options: ReadOptions,
        cuts: Sequence[int],
        progress: Progress,
        *,
        keep_rows: bool,
    ) -> None:
        self._traffic, self._con, self._folder, self._options = traffic, connection, folder, options
        self._cuts, self._progress = cuts, progress
        connection.execute(BY_INPUT)
        self._distinct = Distinct(connection)
        self._naming = Naming(connection, self._distinct)
        traffic.rows = FlowRows(connection, self._distinct) if keep_rows else None
        self._loader = Loader(connection, self._distinct, self._naming, cuts, options.time_unit, traffic.rows)
        self._zeek = Zeek(connection, self._distinct, self._naming, cuts, traffic.rows)
        self._tallies: list[Tally] = []
        self._seen: dict[str, Tally] = {}
        self._repeats: list[tuple[Tally, Tally]] = []
        self._conversions: list[Callable[[], None]] = []
        self._waiting: list[Callable[[], None]] = []
        self._spare: list[partial[None]] = []

    def run(self, items: Sequence[Item], answers: Sequence[pa.RecordBatch]) -> None:
        """Read all inputs, in two steps: first whatever may name flows, then the flows."""
        if any(isinstance(item.table, Spread) for item in items):
            self._refuse_company(items, answers)
        if answers:
            self._naming.add_stated(answers)
        for number, item in enumerate(items):
            self._progress(f"reading {item.name}", number / len(items))
            self._open(number, item)
        while self._conversions:
            self._conversions.pop(0)()
        self._progress("matching logs", 1.0)
        self._zeek.prepare()
        self._naming.prepare()
        for load in self._waiting:
            load()
        self._zeek.finish(self._tallies)
        has_flows = any(tally.flows_rows for tally in self._tallies)
        for load in self._spare:
            load(as_context=has_flows)
        for tally, first in self._repeats:
            tally.records = tally.duplicate = first.records
        if not sum(tally.flows_rows for tally in self._tallies):
            self._refuse_empty()
        self._traffic.inputs = tuple(tally.summary() for tally in self._tallies)
        self._traffic.warnings = tuple(self._warnings())

    def _open(self, number: int, item: Item) -> None:
        if item.file is not None:
            try:
                self._open_path(number, item.name, item.file)
            except ResidencyError as error:
                error.path = item.name if error.path == str(item.file) else error.path  # standard input has two names
                raise
            return
        if isinstance(item.table, Spread):
            try:
                self._open_spread(number, item.name, item.table)
            except ResidencyError as error:
                error.path = error.path or item.name
                raise
            return
        source = TableSource(item.table, item.name, self._con)
        started = time.perf_counter()
        tally = Tally(path=item.name, format="table", sha256=source.sha256)
        self._traffic.hash_seconds += time.perf_counter() - started
        if not self._is_repeated(tally):
            self._wait(number, source, tally)

    def _open_spread(self, number: int, name: str, table: Spread) -> None:
        """Read a table where it lies: only what its rows come to arrives here."""
        source = TableSource(table.empty(), name, self._con)
        tally = Tally(path=name, format=table.format)
        self._tallies.append(tally)
        parts = table.parts(self._cuts, self._options)
        load_parts(self._con, number, parts, is_int=source.kinds["server_ip"] is Kind.INTEGER, tally=tally)
        self._distinct.read("by_input", f"input = {number:d}")
        self._loader.conclude(number, source, tally)

    def _refuse_company(self, items: Sequence[Item], answers: Sequence[pa.RecordBatch]) -> None:
        """Refuse what needs the rows of a table that lies elsewhere; raises UsageError."""
        if len(items) > 1:
            raise UsageError("a Spark DataFrame is read alone; unite several with unionByName, and add names as `host`")
        if answers:
            raise UsageError(
                "answers of DNS name no flows of a Spark DataFrame; give it a column `host` with `named_by`"
            )
        if self._traffic.rows is not None:
            raise UsageError("the flows of a Spark DataFrame are not copied; write them with Spark itself")

    def _open_path(self, number: int, name: str, path: Path) -> None:
        head = read_head(path)
        wanted = self._options.input_format
        form = recognise(head, name) if wanted is None else named_format(wanted)
        file = self._open_file(number, name, path, form, head)
        form = refined(form, file) if wanted is None else form
        tally = Tally(path=name, format=form.name, sha256=file.scan.sha256, incomplete=file.scan.damage)
        if self._is_repeated(tally):
            return
        if form.open is not None:
            is_unterminated = form.is_text and not file.scan.ends_with_newline
            self._wait(number, form.open(file, self._con), tally, is_unterminated=is_unterminated)
        elif form.convert is not None:
            self._convert(number, form.convert, file, tally, only_if_alone=form.only_if_alone)
        else:
            self._zeek.add(number, file, tally, is_json=form.name == "zeek-json")

    def _wait(self, number: int, source: FlowSource, tally: Tally, *, is_unterminated: bool = False) -> None:
        """Load a flow table once all answers are known."""
        self._waiting.append(lambda: self._loader.load(number, source, tally, is_unterminated=is_unterminated))

    def _convert(self, number: int, convert: Converter, file: OpenFile, tally: Tally, *, only_if_alone: bool) -> None:
        """Open a conversion now and run it once every input was opened: logs of one kind may explain each other."""
        cursor = self._con.cursor()
        conversion = convert(file, cursor)

        def run() -> None:
            self._progress(f"converting {tally.path}", number / len(self._tallies))
            try:
                source = run_conversion(
                    conversion, tally, number=number, folder=self._folder, connection=self._con, naming=self._naming
                )
            finally:
                cursor.close()
            if source is not None:
                waiting = self._spare if only_if_alone else self._waiting
                waiting.append(partial(self._load_rows, number, source, tally))

        self._conversions.append(run)

    def _load_rows(self, number: int, source: ConvertedSource, tally: Tally, *, as_context: bool = False) -> None:
        if as_context:
            tally.records += source.records
            tally.context += source.records
            return
        load_rows(self._loader, source, tally, number=number, connection=self._con)

    def _open_file(self, number: int, name: str, path: Path, form: Format, head: bytes) -> OpenFile:
        target = os.path.join(self._folder, f"content_{number}")
        started = time.perf_counter()
        size = max(path.stat().st_size, 1)
        stage = f"hashing {name}"
        scan = scan_file(path, target, form=form.name, seen=lambda read: self._progress(stage, read / size))
        self._traffic.hash_seconds += time.perf_counter() - started
        link = os.path.join(self._folder, f"input_{number}")
        os.symlink(os.path.abspath(scan.file), link)
        return OpenFile(name, link, scan, head)

    def _is_repeated(self, tally: Tally) -> bool:
        """Is it the content of an earlier input? Then all of its records are duplicates."""
        self._tallies.append(tally)
        first = self._seen.setdefault(tally.sha256, tally)
        if first is tally:
            return False
        self._repeats.append((tally, first))
        tally.warnings.append(f"the same content as {first.path}; counted once")
        return True

    def _refuse_empty(self) -> None:
        first = self._con.execute("SELECT input, line, reason FROM quarantine ORDER BY ALL LIMIT 1").fetchone()
        logs = [tally for tally in self._tallies if tally.context]
        if first is None and logs:
            what = "zero flows: logs that only name or explain flows; add the log of the flows (Zeek's is conn.log)"
            raise InputError(what, path=logs[0].path)
        if first is None:
            raise InputError("zero flows: the input has no rows", path=self._tallies[0].path)
        path = self._tallies[first[0]].path
        raise InputError(f"zero flows: every record was put aside, the first for: {first[2]}", path=path, line=first[1])

    def _warnings(self) -> Iterator[str]:
        said: set[str] = set()
        for tally in self._tallies:
            for text in tally.warnings:
                if text not in said or not text.startswith("no column"):
                    yield f"{tally.path}: {text}"
                said.add(text)
            if tally.incomplete:
                yield f"{tally.path}: incomplete: {tally.incomplete}"
        late = self._naming.count_left_unnamed()
        if late:
            yield (
                f"{late:,} without a name: flows to addresses of recorded DNS answers, but not within their TTL and "
                f"{LIMITS.dns_grace_s} s"
            )
        dropped = scalar(self._con, "SELECT sum(rtt_dropped) FROM by_input")
        if dropped:
            yield f"{dropped} round-trip times were dropped (not a time over 0 and up to 60 s, or of no known kind)"
