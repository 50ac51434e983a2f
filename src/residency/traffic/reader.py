"""Reads inputs of any format into one set of distinct endpoints, step by step, so that a kept job can go on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from residency.errors import InputError, ResidencyError, UsageError
from residency.limits import LIMITS
from residency.traffic.aggregate import BY_INPUT
from residency.traffic.columns import Kind
from residency.traffic.contents import Contents
from residency.traffic.converted import ConvertedSource, add_rows, run_conversion
from residency.traffic.distinct import Distinct
from residency.traffic.endpoints import Traffic
from residency.traffic.engine import connect, is_full, scalar, scratch, threads_of
from residency.traffic.flow_rows import FlowRows
from residency.traffic.formats import FORMATS, Converter, UnknownFormatError, named_format, recognise, refined
from residency.traffic.hashing import Hasher
from residency.traffic.inputs import Item, expand, partition_columns
from residency.traffic.naming import Naming
from residency.traffic.parts import Spread, load_parts
from residency.traffic.plain import Loader
from residency.traffic.progress import Meter, Progress
from residency.traffic.records import ReadOptions, Tally
from residency.traffic.source import FlowSource, OpenFile
from residency.traffic.span_loading import SpanLoader
from residency.traffic.steps import State, Steps
from residency.traffic.streams import Scan, read_head, scan_file
from residency.traffic.typed_format import TableSource
from residency.traffic.workspace import Workspace, binding, no_room
from residency.traffic.zeek import Zeek
from residency.traffic.zeek_log import Plain

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from residency.traffic.conversion import Conversion


def read_traffic(
    inputs: str | os.PathLike[str] | Sequence[object],
    *,
    cuts_us: Sequence[int],
    options: ReadOptions | None = None,
    progress: Progress | None = None,
    keep_rows: bool = False,
    answers: Sequence[pa.RecordBatch] = (),
    workspace: Workspace | None = None,
    name: str = "reading",
) -> Traffic:
    """Read one file or folder, or a list of files, folders and tables, into distinct endpoints.

    `cuts_us` are the sorted instants (microseconds since 1970) at which a claim's answer could change. Raises
    InputError for what cannot be read at all, LimitError beyond a cap, UsageError for options; damaged records are
    quarantined. Addresses are not located, hosts not judged. `keep_rows` keeps every flow for `write_flows`.
    `answers` are DNS answers beside the inputs (`conversion.answer_schema()`): they name flows, and are no records.

    With a `workspace` each step is kept under the `name` of this reading, and what is kept already is not read again.
    """
    options = options or ReadOptions()
    cuts = sorted(set(cuts_us))
    items = expand([inputs] if isinstance(inputs, str | os.PathLike) else inputs)
    if workspace is None:
        folder = temporary = tempfile.mkdtemp(prefix="residency-", dir=options.temp_dir)
    else:
        workspace.bind(binding(items, options, cuts, name))
        folder, temporary = workspace.room(name), workspace.spill(name, options.temp_dir)
    traffic: Traffic | None = None
    try:
        database = ":memory:" if workspace is None else os.path.join(folder, "state.duckdb")
        connection = connect(options, temporary, database)
        traffic = Traffic(connection, folder, temporary)
        steps = Steps(connection, is_kept=workspace is not None)
        meter = Meter(progress, _size(items))
        with Hasher() as hasher:
            reading = _Reading(traffic, connection, folder, options, cuts, meter, steps, hasher, keep_rows=keep_rows)
            reading.run(items, answers)
    except BaseException as error:
        if traffic is not None:
            traffic.close()
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, Exception) and is_full(error):
            raise no_room((folder, temporary), _size(items), is_kept=workspace is not None) from error
        raise
    return traffic


def sniff(path: str | os.PathLike[str]) -> str:
    """Return the name of the format that a file's content is of; raises InputError if it is none."""
    return recognise(read_head(Path(path)), os.fspath(path)).name


@dataclass(frozen=True, slots=True)
class _Opened:
    """An input that was looked at: what the steps after that need to know of it."""

    number: int
    name: str
    path: Path
    size: int
    scan: Scan
    tally: Tally
    is_unterminated: bool = False
    is_resumed: bool = False  # a former run looked at it


class _Reading:
    """One call of `read_traffic`."""

    def __init__(
        self,
        traffic: Traffic,
        connection: duckdb.DuckDBPyConnection,
        folder: str,
        options: ReadOptions,
        cuts: Sequence[int],
        meter: Meter,
        steps: Steps,
        hasher: Hasher,
        *,
        keep_rows: bool,
    ) -> None:
        self._traffic, self._con, self._folder, self._options = traffic, connection, folder, options
        self._meter, self._steps, self._cuts = meter, steps, cuts
        self._hasher, self._contents = hasher, Contents(hasher)
        connection.execute(BY_INPUT)
        self._distinct = Distinct(connection)
        self._naming = Naming(connection, self._distinct)
        traffic.rows = FlowRows(connection, self._distinct) if keep_rows else None
        self._loader = Loader(
            connection, self._distinct, self._naming, cuts, options.time_unit, folder, traffic.rows, steps.start_over
        )
        self._spans = SpanLoader(connection, self._loader, steps, folder)
        self._zeek = Zeek(connection, self._distinct, self._naming, cuts, folder, traffic.rows)
        self._tallies: list[Tally] = []
        self._passed_over: list[UnknownFormatError] = []
        self._conversions: list[_Opened] = []
        self._logs_of_zeek: list[_Opened] = []
        self._waiting: list[partial[None]] = []
        self._spare: list[partial[None]] = []

    def run(self, items: Sequence[Item], answers: Sequence[pa.RecordBatch]) -> None:
        """Read all inputs, in two steps: first whatever may name flows, then the flows."""
        if any(isinstance(item.table, Spread) for item in items):
            self._refuse_company(items, answers)
        if answers:
            self._steps.take("recorded answers", lambda: self._naming.add_stated(answers))
        for number, item in enumerate(items):
            self._open(number, item)
        self._add_zeek()
        self._convert_all()
        self._meter.stage("matching logs")
        self._steps.take("join", self._zeek.prepare)
        self._steps.take("answers", self._naming.collect)
        self._steps.take("segments", self._naming.cut)
        self._naming.look()
        self._meter.begin_loading()
        for load in self._waiting:
            load()
        self._finish_zeek()
        has_flows = any(tally.flows_rows for tally in self._tallies)
        for load in self._spare:
            load(as_context=has_flows)
        self._contents.settle()
        if not sum(tally.flows_rows for tally in self._tallies):
            self._refuse_empty()
        self._traffic.inputs = tuple(tally.summary() for tally in self._tallies)
        self._traffic.warnings = tuple(self._warnings())

    # -- 1. look at every input, and take in what explains flows

    def _open(self, number: int, item: Item) -> None:
        if item.file is None:
            self._open_table(number, item)
            return
        try:
            self._open_path(number, item.name, item.file)
        except UnknownFormatError as error:
            if not item.is_found:
                raise
            scan = scan_file(item.file, self._content(number), form="none", seen=lambda _: None, hasher=self._hasher)
            self._tallies.append(Tally(path=item.name, format="none"))
            self._contents.add(self._tallies[-1], scan)
            self._passed_over.append(error)
        except ResidencyError as error:
            error.path = item.name if error.path == str(item.file) else error.path  # standard input has two names
            raise

    def _open_table(self, number: int, item: Item) -> None:
        if isinstance(item.table, Spread):
            try:
                self._open_spread(number, item.name, item.table)
            except ResidencyError as error:
                error.path = error.path or item.name
                raise
            return
        source = TableSource(item.table, item.name, self._con)
        tally = Tally(path=item.name, format="table", sha256=source.sha256)
        if self._steps.take(f"open {number}", lambda: {"sha256": tally.sha256})["sha256"] != tally.sha256:
            raise UsageError("is another table than the one that the job in this workspace began with", path=item.name)
        self._tallies.append(tally)
        opened = _Opened(number, item.name, Path(), 0, Scan("", tally.sha256), tally)
        if not self._contents.add(tally, opened.scan):
            self._waiting.append(partial(self._load, opened, source))

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
        if self._steps.is_kept:
            raise UsageError("a Spark DataFrame is read by Spark, whose work no workspace keeps")
        if self._traffic.rows is not None:
            raise UsageError("the flows of a Spark DataFrame are not copied; write them with Spark itself")

    def _open_path(self, number: int, name: str, path: Path) -> None:
        step, size = f"open {number}", path.stat().st_size
        is_fresh = not self._steps.is_done(step)
        state = self._steps.take(step, partial(self._look_at, number, name, path, size))
        self._meter.looked_at(size, is_fresh=is_fresh)
        scan, tally = Scan(**state["scan"]), Tally(**state["tally"])
        self._tallies.append(tally)
        if self._contents.add(tally, scan, partition_columns(name) if tally.format == "parquet" else None):
            return
        form = FORMATS[tally.format]
        is_unterminated = form.is_text and not scan.ends_with_newline
        opened = _Opened(number, name, path, size, scan, tally, is_unterminated, is_resumed=not is_fresh)
        if form.convert is not None:
            self._conversions.append(opened)
        elif form.open is None:
            self._logs_of_zeek.append(opened)
        else:
            is_loaded = self._steps.is_done(f"load {number}")
            source = None if is_loaded else form.open(self._file(opened), self._con)
            self._waiting.append(partial(self._load, opened, source))

    def _look_at(self, number: int, name: str, path: Path, size: int) -> State:
        """Hash one file, unpack it, and see what it is."""
        head, wanted = read_head(path), self._options.input_format
        form = recognise(head, name) if wanted is None else named_format(wanted)
        content = self._content(number)
        looking = partial(self._looking, name, size)
        threads = threads_of(self._con)
        scan = scan_file(path, content, form=form.name, seen=looking, hasher=self._hasher, threads=threads)
        if self._steps.is_kept:
            self._contents.digest(scan)  # what the job is bound to is known before anything is read
        form = refined(form, self._linked(number, name, scan, head), self._con) if wanted is None else form
        tally = Tally(path=name, format=form.name, sha256=scan.sha256, incomplete=scan.damage)
        return {"scan": asdict(scan), "tally": asdict(tally)}

    def _file(self, opened: _Opened) -> OpenFile:
        """Open what was looked at; raises UsageError if it is something else now."""
        file = self._linked(opened.number, opened.name, opened.scan, read_head(opened.path))
        if opened.is_resumed:
            self._contents.confirm(opened.scan, opened.name)
        return file

    def _looking(self, name: str, size: int, read: int) -> None:
        self._meter.looking(name, min(read, size))

    def _linked(self, number: int, name: str, scan: Scan, head: bytes) -> OpenFile:
        """Give a file a harmless name, and where it was unpacked into a workspace its place there."""
        content, link = self._content(number), os.path.join(self._folder, f"input_{number}")
        if os.path.basename(scan.file) == os.path.basename(content) and os.path.exists(content):
            scan.file = content
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(os.path.abspath(scan.file), link)
        return OpenFile(name, link, scan, head)

    def _content(self, number: int) -> str:
        return os.path.join(self._folder, f"content_{number}")

    def _add_zeek(self) -> None:
        """Read all logs of Zeek, but for large ones that had better be joined by themselves."""
        files = {one.number: self._file(one) for one in self._logs_of_zeek if one.tally.format == "zeek"}
        large = self._zeek.large(files)
        for opened in self._logs_of_zeek:
            self._add_log(opened, large.get(opened.number))

    def _add_log(self, opened: _Opened, large: Plain | None) -> None:
        tally = opened.tally

        def add() -> State:
            if large is not None:
                return {"logs": [large.log], "waits": True, "tally": asdict(tally)}
            logs = self._zeek.add(opened.number, self._file(opened), tally, is_json=tally.format == "zeek-json")
            return {"logs": sorted(logs), "waits": False, "tally": asdict(tally)}

        state = self._steps.take(f"zeek {opened.number}", add)
        self._zeek.took(opened.number, state["logs"])
        if state["waits"]:
            self._zeek.wait(opened.number, self._file(opened))
        tally.restore(state["tally"])
        self._meter.loaded(opened.size, is_fresh=False)

    # -- 2. convert what is no flow table yet

    def _convert_all(self) -> None:
        """Run every conversion; those whose inputs explain each other are all opened before the first runs."""
        joined = [one for one in self._conversions if FORMATS[one.tally.format].is_joined]
        is_any_left = not all(self._steps.is_done(f"convert {one.number}") for one in joined)
        running = {one.number: self._begin(one) for one in joined if is_any_left}
        for one in self._conversions:
            self._meter.stage(f"converting {one.name}")
            state = self._steps.take(f"convert {one.number}", partial(self._convert, one, running))
            one.tally.restore(state["tally"])
            if state["filled"] is not None:
                waiting = self._spare if FORMATS[one.tally.format].only_if_alone else self._waiting
                waiting.append(partial(self._load_converted, one, frozenset(state["filled"])))

    def _begin(self, opened: _Opened) -> tuple[Conversion, duckdb.DuckDBPyConnection]:
        cursor = scratch(self._con)
        return _converter(opened.tally.format)(self._file(opened), cursor), cursor

    def _convert(self, opened: _Opened, running: dict[int, tuple[Conversion, duckdb.DuckDBPyConnection]]) -> State:
        conversion, cursor = running.pop(opened.number) if opened.number in running else self._begin(opened)
        try:
            filled = run_conversion(
                conversion,
                opened.tally,
                number=opened.number,
                spool=self._spool(opened.number),
                connection=self._con,
                naming=self._naming,
            )
        finally:
            cursor.close()
        return {"tally": asdict(opened.tally), "filled": None if filled is None else sorted(filled)}

    def _spool(self, number: int) -> str:
        return os.path.join(self._folder, f"converted_{number}.parquet")

    # -- 3. load the flows

    def _load(self, opened: _Opened, source: FlowSource | None) -> None:
        """Load a flow table, now that all answers are known; no source is there where a former run did it."""
        self._take_in(opened, source, opened.tally)

    def _load_converted(self, opened: _Opened, filled: frozenset[str], *, as_context: bool = False) -> None:
        tally, number = opened.tally, opened.number
        source = ConvertedSource(self._spool(number), tally.path, self._con, filled)
        if as_context:
            tally.records += source.records
            tally.context += source.records
            return
        rows = Tally(path=tally.path, format=tally.format)
        self._take_in(opened, source, rows)
        add_rows(tally, rows, number=number, connection=self._con)

    def _take_in(self, opened: _Opened, source: FlowSource | None, tally: Tally) -> None:
        step = f"load {opened.number}"
        is_fresh = not self._steps.is_done(step)
        self._meter.loading(opened.name, 0)
        if source is None:
            state = self._steps.take(step, dict)
        else:
            load = partial(
                self._spans.load,
                opened.number,
                source,
                tally,
                is_unterminated=opened.is_unterminated and not isinstance(source, ConvertedSource),
                told=lambda share: self._meter.loading(opened.name, share * opened.size),
            )
            if self._steps.is_kept:
                state = load()
            else:
                with self._meter.watching(self._con, opened.name, opened.size):
                    state = load()
        tally.restore(state)
        self._meter.loaded(opened.size, is_fresh=is_fresh)

    def _finish_zeek(self) -> None:
        def finish() -> State:
            self._zeek.finish(self._tallies)
            return {"tallies": [asdict(tally) for tally in self._tallies]}

        state = self._steps.take("flows of zeek", finish)
        for tally, found in zip(self._tallies, state["tallies"], strict=True):
            tally.restore(found)

    # -- 4. the account

    def _refuse_empty(self) -> None:
        if len(self._passed_over) == len(self._tallies):
            raise self._passed_over[0]
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
        yield from (f"not read: {error}" for error in self._passed_over)
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


def _converter(name: str) -> Converter:
    found = FORMATS[name].convert
    if found is None:
        raise TypeError(f"{name} is no format that is converted")
    return found


def _size(items: Sequence[Item]) -> int:
    return sum(item.file.stat().st_size for item in items if item.file is not None)
