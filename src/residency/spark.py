"""Reads a Spark DataFrame of flows where it lies: steps 1 to 3 of an audit on a cluster, the rest on the driver.

Each task reads its rows with this package's own engine (`residency.traffic.parts`), so a row means the same here and
there; Spark spreads the rows and adds up what the tasks found. Only distinct endpoints, and the records that were put
aside, come to the driver. Works on any Spark session from 4.0 on, Spark Connect included. Names by DNS are left out:
they need every answer beside every flow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from residency._version import __version__
from residency.errors import InputError, LimitError, UsageError, shorten
from residency.traffic import parts
from residency.traffic.columns import COLUMNS
from residency.traffic.csv_format import check_names
from residency.traffic.engine import first_line

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

    from residency.traffic.records import ReadOptions

_SCHEMA = ", ".join(f"{name} {kind.replace('VARCHAR', 'STRING')}" for name, kind in parts.COLUMNS.items())


class SparkTable(parts.Spread):
    """A DataFrame with the columns of a flow table; it is read anew each time it is asked for its parts."""

    format = "spark"

    def __init__(self, frame: DataFrame) -> None:
        self._given = frame

    def empty(self) -> pa.Table:
        """Return the columns without rows, running no job; raises InputError for what can be no flow table."""
        with _seam():
            return self._frame().limit(0).toArrow()

    def parts(self, cuts_us: Sequence[int], options: ReadOptions) -> pa.Table:
        """Run the job: every row once, and one shuffle of sums (with a column `flow_id` one of the rows before)."""
        from pyspark.sql import functions as sql

        # A task has one core, and a folder of its own machine.
        own = replace(options, threads=1, temp_dir=None)
        read = partial(_read_part, version=__version__, cuts_us=tuple(cuts_us), options=own)
        sums = [sql.sum(name).cast(kind).alias(name) for name, kind in parts.SUMS.items()]
        sums += [sql.min(name).alias(name) for name in parts.FIRST]
        sums += [sql.max(name).alias(name) for name in parts.LAST]
        with _seam():
            found = _gathered(self._frame()).mapInArrow(read, _SCHEMA)
            return found.groupBy(*parts.KEYS).agg(*sums).select(*parts.COLUMNS).toArrow()

    def _frame(self) -> DataFrame:
        """Return the columns that are a flow table's, texts as plain text."""
        names = [name.strip().lower() for name in self._given.columns]
        check_names(names, "", None)
        frame = self._given.toDF(*names)
        texts = {field.name for field in frame.schema.fields if _is_text(field.dataType)}
        return frame.select(*[_plain(name, name in texts) for name in COLUMNS if name in names])


def _is_text(kind: Any) -> bool:
    from pyspark.sql.types import CharType, StringType, VarcharType

    return isinstance(kind, CharType | StringType | VarcharType)


def _plain(name: str, is_text: bool) -> Column:
    """Return a column; a text in the collation in which only equal texts are equal."""
    from pyspark.sql import functions as sql

    return sql.col(name).cast("string").alias(name) if is_text else sql.col(name)


def _gathered(frame: DataFrame) -> DataFrame:
    """Bring the rows of each `flow_id` together, in an order that depends on nothing but their content."""
    from pyspark.sql import functions as sql

    if "flow_id" not in frame.columns:
        return frame
    own = sql.col("flow_id")
    spread = sql.when(own.isNull(), sql.xxhash64(*frame.columns))  # else every row without id would be in one part
    return frame.repartition(own, spread).sortWithinPartitions(
        own, *(name for name in frame.columns if name != "flow_id")
    )


def _read_part(
    batches: Iterator[pa.RecordBatch], *, version: str, cuts_us: Sequence[int], options: ReadOptions
) -> Iterator[pa.RecordBatch]:
    """Run in a task: read its rows. What is installed there must be what the driver has, or rows might differ."""
    if version != __version__:
        found = UsageError(f"residency {__version__} is installed on a worker and {version} on the driver")
        return parts.failed(found)
    return parts.read_parts(batches, cuts_us=cuts_us, options=options)


@contextmanager
def _seam() -> Iterator[None]:
    """Turn what Spark raises into our errors."""
    from pyspark.errors import AnalysisException, PySparkException

    try:
        yield
    except AnalysisException as error:
        raise InputError(f"Spark refuses it: {first_line(error)}") from error
    except (PySparkException, *_java_errors()) as error:
        raise _told(str(error)) from error


def _java_errors() -> tuple[type[Exception], ...]:
    """Return what the bridge to Java raises; Spark Connect has none."""
    try:
        from py4j.protocol import Py4JError
    except ImportError:
        return ()
    return (Py4JError,)


def _told(text: str) -> InputError | LimitError | UsageError:
    """Return our error for the text of Spark's, of which one line says what happened."""
    if "No module named 'residency" in text:
        return UsageError("residency is not installed on the workers; install it where PYSPARK_PYTHON points to")
    if "maxResultSize" in text:
        return LimitError("its distinct endpoints are more than spark.driver.maxResultSize lets through; raise it")
    lines = [line.strip() for line in text.partition("JVM stacktrace")[0].splitlines() if line.strip()]
    said = lines[-1 if "Traceback" in text else 0] if lines else "no reason given"
    return InputError(f"Spark could not read it: {shorten(said, 200)}")
