"""The seam for formats that are no flow table yet: captures, and logs of other programs.

A conversion turns one input into rows of the flow table and into the answers of DNS that it saw. It does not name
flows by DNS (`residency.traffic.naming` does, over all inputs), nor check values that the flow table checks anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Protocol

from residency.traffic.records import Rejected

if TYPE_CHECKING:
    import pyarrow as pa


class Conversion(Protocol):
    """One input being read: rows as they come, the account of its records once they ended.

    `records` == rows + `context` + `duplicate` + len(`rejected`), exactly. What a record is the format says: a line,
    an event, or a packet of a capture (the one that opened a flow stands for it, every other one is context).
    """

    @property
    def records(self) -> int:
        """How many records there were."""
        ...

    @property
    def context(self) -> int:
        """How many only name or explain flows, or open none."""
        ...

    @property
    def duplicate(self) -> int:
        """How many say again what was said."""
        ...

    @property
    def incomplete(self) -> str | None:
        """Where and why the input breaks off, None if it does not."""
        ...

    @property
    def rejected(self) -> Sequence[Rejected]:
        """What could not be read."""
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """What the reader of a report should know of this input."""
        ...

    def flows(self) -> Iterator[pa.RecordBatch]:
        """Yield batches of `flow_schema()`; raises InputError for what cannot be read at all."""
        ...

    def answers(self) -> Iterator[pa.RecordBatch]:
        """Yield batches of `answer_schema()`; complete once `flows` ended."""
        ...


@cache
def flow_schema() -> pa.Schema:
    """Return the columns of converted rows: the flow table, where the row came from, and what captures know more.

    `line` is the 1-based line of a log, or the 1-based number of the packet that opened the flow. The main
    `rtt_ms` is the best witness of the handshake (`tls` or `quic` before `syn`); the others stand beside it.
    `rtt_from` is `client` where the capture was made at the client, `path` where it saw only the way from the
    point of capture to the server. `tunnel` tells the outer header that was taken off.

    `answered` null is not known, whatever `bytes_received` says: counts that hold headers do not tell whether there
    was payload. A `host` that no server can have puts its whole row aside: leave out what was only heard.
    """
    import pyarrow as pa

    moment = pa.timestamp("us", tz="UTC")
    return pa.schema(
        [
            ("ts", moment),
            ("client_ip", pa.string()),
            ("server_ip", pa.string()),
            ("server_port", pa.int32()),
            ("proto", pa.string()),
            ("bytes_sent", pa.int64()),
            ("bytes_received", pa.int64()),
            ("host", pa.string()),
            ("named_by", pa.string()),
            ("answered", pa.bool_()),
            ("rtt_ms", pa.float64()),
            ("rtt_kind", pa.string()),
            ("flows", pa.int64()),
            ("vantage", pa.string()),
            ("line", pa.int64()),
            ("ended", moment),
            ("client_port", pa.int32()),
            ("rtt_syn_ms", pa.float64()),
            ("rtt_tls_ms", pa.float64()),
            ("rtt_quic_ms", pa.float64()),
            ("rtt_resolution_us", pa.float64()),
            ("rtt_from", pa.string()),
            ("tunnel", pa.string()),
        ]
    )


@cache
def answer_schema() -> pa.Schema:
    """Return the columns of DNS answers: who asked, the name asked for, an address that it got, when, for how long.

    `host` is the name of the question, not the last of a CNAME chain (`chain` has the rest, in order). A null
    `client_ip` means that the log does not tell who asked (a proxy's log): any client then.
    """
    import pyarrow as pa

    return pa.schema(
        [
            ("ts", pa.timestamp("us", tz="UTC")),
            ("client_ip", pa.string()),
            ("host", pa.string()),
            ("address", pa.string()),
            ("ttl_s", pa.float64()),
            ("chain", pa.list_(pa.string())),
            ("line", pa.int64()),
        ]
    )
