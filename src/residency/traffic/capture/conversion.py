"""Turns a capture into flow rows and DNS answers: packets -> conversations -> names and times -> rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from residency.traffic.capture.answers import Answers
from residency.traffic.capture.conversations import Conversations
from residency.traffic.capture.openings import Openings
from residency.traffic.capture.packets import Packets
from residency.traffic.capture.quic_openings import QuicOpenings
from residency.traffic.capture.round_trips import measure_syn, measure_tls
from residency.traffic.capture.rows import flow_rows
from residency.traffic.records import Rejected

if TYPE_CHECKING:
    import pyarrow as pa

    from residency.traffic.capture.files import CaptureReader


class Following:
    """The state of one capture being followed: batches of packets in, batches of rows out."""

    def __init__(self, max_open_flows: int | None = None) -> None:
        self.conversations = Conversations(max_open_flows)
        slots = self.conversations.slots
        self.openings = Openings(slots)
        self.quic = QuicOpenings(slots)
        self.answers = Answers(slots)

    def rows(self, batches: Iterable[Packets]) -> Iterator[pa.RecordBatch]:
        """Yield rows as flows end, and those of the flows still open at the end."""
        for packets in batches:
            self._take(packets)
            yield from self._write(last=False)
        yield from self._write(last=True)

    def _take(self, packets: Packets) -> None:
        slots = self.conversations.slots
        placed = self.conversations.place(packets)
        measure_syn(slots, placed)
        self.openings.read(placed)
        measure_tls(slots, placed)
        self.quic.read(placed)
        self.answers.read(placed)

    def _write(self, *, last: bool) -> Iterator[pa.RecordBatch]:
        done = self.conversations.rest() if last else self.conversations.finished()
        if len(done):
            yield flow_rows(self.conversations, done)
            for part in (self.openings, self.quic, self.answers):
                part.forget(done)
            self.conversations.release(done)

    def warnings(self) -> list[str]:
        """Say what was lost on the way, a line each."""
        cut_short = self.openings.cut_short + self.quic.cut_short
        given_up = self.openings.given_up + self.quic.given_up + self.answers.given_up
        counts = (
            (self.conversations.evicted, "flow was|flows were", "cut: too many were open at once"),
            (cut_short, "flow lost its name|flows lost their names", _FIRST_BYTES),
            (given_up, "opening was|openings were", "not read: too many waited for more packets"),
            (self.openings.proxied, "flow is|flows are", "not named: a proxy was asked, so the server is not the host"),
        )
        return [_counted(count, words, rest) for count, words, rest in counts if count]


_MOST_KINDS = 5
_FIRST_BYTES = "since the capture kept only the first bytes of packets"


def _counted(count: int, words: str, rest: str) -> str:
    one, _, many = words.partition("|")
    return f"{count:,} {one if count == 1 else many} {rest}"


class CaptureConversion:
    """A capture as a `Conversion`. Each row stands for the packet that opened its flow; every other one is context.

    `path` is a plain file, decompressed already; `shown` is its name in errors. A capture is read once.
    """

    duplicate = 0

    def __init__(self, path: str | os.PathLike[str], shown: str | None = None) -> None:
        from residency.traffic.capture.files import CaptureReader

        self._reader: CaptureReader = CaptureReader(path, shown)
        self._following = Following()
        self._rows = 0

    @property
    def records(self) -> int:
        """Packets in the file, whatever they hold."""
        return self._reader.packets

    @property
    def context(self) -> int:
        """Packets that opened no flow."""
        return self.records - self._rows - len(self.rejected)

    @property
    def rejected(self) -> Sequence[Rejected]:
        """Packets that could not be read, with their offsets."""
        return self._reader.damaged

    @property
    def incomplete(self) -> str | None:
        """Where the file breaks off, if it does."""
        return self._reader.incomplete

    @property
    def warnings(self) -> Sequence[str]:
        """What was not read, or read in part. Packets that carry no IP by their nature (ARP) are not counted."""
        unread = {what: count for what, count in self._reader.other.items() if what.startswith("link type")}
        kinds = ", ".join(sorted(unread)[:_MOST_KINDS]) + (", ..." if len(unread) > _MOST_KINDS else "")
        found = [_counted(sum(unread.values()), "packet is|packets are", f"not read: {kinds}")] if unread else []
        if self.rejected:
            found.append(_counted(len(self.rejected), "packet is|packets are", "damaged"))
        return (*found, *self._following.warnings())

    def flows(self) -> Iterator[pa.RecordBatch]:
        """Yield rows as flows end; raises InputError where the file is no capture or its header is damaged."""
        for batch in self._following.rows(self._reader.batches()):
            self._rows += batch.num_rows
            yield batch

    def answers(self) -> Iterator[pa.RecordBatch]:
        """Yield the DNS answers seen; complete once `flows` ended."""
        return self._following.answers.batches()
