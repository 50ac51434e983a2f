"""Reads the DNS answers in a capture and keeps them as rows; beyond a number of rows they wait in a temporary file.

Read are messages from port 53, over UDP (fragments joined) and over TCP (RFC 1035 section 4.2.2: each message has its
length before it, several stand in one stream). mDNS (5353) and LLMNR (5355) are other protocols and not read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from residency.arrow import lists_of_texts, numbers, texts
from residency.limits import LIMITS
from residency.traffic.capture.addresses import address_text
from residency.traffic.capture.conversations import UDP, Placed
from residency.traffic.capture.dns_message import read_message
from residency.traffic.capture.packets import Fragment
from residency.traffic.capture.segments import Segments
from residency.traffic.capture.slots import NEVER, Slots
from residency.traffic.conversion import answer_schema

if TYPE_CHECKING:
    import pyarrow as pa

_DNS_PORT = 53
_HEADER_BYTES = 12
_PREFIX_BYTES = 2
_MAX_STREAM_BYTES = 2 * 65_537  # a whole message and most of the next

_Row = tuple[int, str, str, str, float, tuple[str, ...], int]


class Answers:
    """Every answer so far, and the TCP streams that carry more."""

    def __init__(self, slots: Slots) -> None:
        self.given_up = 0
        self._slots = slots
        self._streams: dict[int, Segments] = {}
        self._rows: list[_Row] = []
        self._file: IO[bytes] | None = None
        self._writer: pa.RecordBatchStreamWriter | None = None

    def read(self, placed: Placed) -> None:
        """Read the answers in this batch."""
        packets = placed.packets
        from_server = packets.has_transport & (packets.src_port == _DNS_PORT) & (packets.payload_len > 0)
        is_datagram = from_server & (packets.proto == UDP) & (packets.fragment == Fragment.WHOLE)
        is_datagram &= (packets.payload_len >= _HEADER_BYTES) & (packets.payload_len == packets.payload_bytes)
        for index in np.flatnonzero(is_datagram).tolist():
            self._note(placed, index, _payload(placed, index))
        for index, datagram in placed.datagrams:
            self._note(placed, index, datagram)
        for index in np.flatnonzero(from_server & placed.is_tcp).tolist():
            self._read_stream(placed, index)

    def forget(self, done: NDArray[np.int64]) -> None:
        """Drop the streams of flows that are over."""
        if self._streams:
            for slot in done.tolist():
                self._streams.pop(slot, None)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield every answer, in the order of the capture."""
        import pyarrow as pa

        if self._file is not None and self._writer is not None:
            self._writer.close()
            self._file.seek(0)
            with pa.ipc.open_stream(self._file) as reader:
                yield from reader
            self._file.close()
            self._file = self._writer = None
        if self._rows:
            yield _record_batch(self._rows)

    def _note(self, placed: Placed, index: int, wire: bytes) -> None:
        message = read_message(wire)
        if message is None or not message.is_response or message.question is None or not message.addresses:
            return
        packets = placed.packets
        client = address_text(int(packets.family[index]), int(packets.dst_hi[index]), int(packets.dst_lo[index]))
        ts_us, number = int(packets.ts_ns[index]) // 1_000, int(packets.number[index])
        name, chain = message.question.name, message.chain
        for address, ttl_s in message.addresses:
            self._rows.append((ts_us, client, name, address, float(ttl_s), chain, number))
        if len(self._rows) >= LIMITS.max_answers_in_memory:
            self._put_away()

    def _put_away(self) -> None:
        import pyarrow as pa

        if self._writer is None:
            self._file = tempfile.TemporaryFile(prefix="residency-")  # noqa: SIM115 - `batches` closes it
            self._writer = pa.ipc.new_stream(self._file, answer_schema())
        self._writer.write_batch(_record_batch(self._rows))
        self._rows = []

    def _read_stream(self, placed: Placed, index: int) -> None:
        packets, slot = placed.packets, int(placed.slot[index])
        seq = int(packets.seq[index]) + int(placed.is_syn[index])
        stream = self._streams.get(slot)
        if stream is None:
            stream = self._begin(slot, seq)
        is_whole = packets.payload_len[index] == packets.payload_bytes[index]
        if not is_whole or not stream.add(seq, _payload(placed, index)):
            return
        while len(stream.data) >= _PREFIX_BYTES:
            end = _PREFIX_BYTES + int.from_bytes(stream.data[:_PREFIX_BYTES])
            if len(stream.data) < end:
                return
            self._note(placed, index, bytes(stream.data[_PREFIX_BYTES:end]))
            stream.drop(end)

    def _begin(self, slot: int, seq: int) -> Segments:
        while len(self._streams) >= LIMITS.max_dns_streams:
            del self._streams[next(iter(self._streams))]
            self.given_up += 1
        has_start = self._slots.syn_ack_number[slot] != NEVER
        base = int(self._slots.syn_ack_seq[slot]) + 1 if has_start else seq
        stream = self._streams[slot] = Segments(base, _MAX_STREAM_BYTES)
        return stream


def _payload(placed: Placed, index: int) -> bytes:
    at = int(placed.packets.payload_at[index])
    return placed.packets.buffer[at : at + int(placed.packets.payload_len[index])].tobytes()


def _record_batch(rows: list[_Row]) -> pa.RecordBatch:
    import pyarrow as pa

    schema = answer_schema()
    ts_us, client, host, address, ttl_s, chain, line = zip(*rows, strict=True)
    arrays = [
        numbers(schema.field("ts").type, np.array(ts_us, np.int64)),
        *map(texts, (client, host, address)),
        numbers(pa.float64(), np.array(ttl_s, np.float64)),
        lists_of_texts(chain),
        numbers(pa.int64(), np.array(line, np.int64)),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
