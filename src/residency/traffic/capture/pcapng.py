"""The packets of a pcapng file (draft-ietf-opsawg-pcapng): sections, interfaces, packet blocks of three kinds.

Each block states its length at both ends; where the two differ, nothing is believed. A simple packet block has no time,
and times carry proofs here: it is counted as a packet and read no further.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from residency.errors import InputError, LimitError
from residency.limits import LIMITS
from residency.traffic.capture.frames import Account, Frames
from residency.traffic.capture.interfaces import Interface, InterfaceTable, read_interface
from residency.traffic.capture.pcapng_search import SECTION, byte_order_of, first_block
from residency.traffic.capture.peel import gather, header
from residency.traffic.capture.window import Window

_INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET = 1, 2, 3, 6
_PACKETS = (_ENHANCED_PACKET, _SIMPLE_PACKET, _OLD_PACKET)
_FRAME_BYTES = 12  # type and both lengths of a block
_PACKET_BYTES = 32  # the same and the fixed fields of an enhanced packet
_PACKET_FIELDS = ("kind", "total", "interface", "time_high", "time_low", "captured", "wire")


def _packet_layout(order: str) -> np.dtype[np.void]:
    return header(*((name, order + "u4") for name in _PACKET_FIELDS))


_LITTLE, _BIG, _NATIVE = _packet_layout("<"), _packet_layout(">"), _packet_layout("=")
_SEARCH_MARGIN_BYTES = 1 << 20  # so that a block is judged by its end too
_CUT = "cut by the end of the file"


class PcapngRecords:
    """The packets of one pcapng file, as frames."""

    def __init__(self, window: Window, account: Account) -> None:
        if byte_order_of(window.data[: min(window.size, _FRAME_BYTES)]) is None:
            raise InputError("the section header of the pcapng file is damaged or cut", path=account.shown, offset=0)
        self._window, self._account = window, account
        self._order = "<"
        self._interfaces: list[Interface] = []  # of all sections that the packets found so far lie in
        self._base = 0  # where those of the present section begin
        self._found: list[int] = []
        self._marks: list[tuple[int, bool, int, int]] = []  # first packet, is big endian?, base, count

    def frames(self) -> Iterator[Frames]:
        """Yield all readable packets that have a time; the account is complete at the end."""
        window = self._window
        start: int | None = 0
        while start is not None:
            self._mark()
            end, fault = self._follow(start)
            yield from self._emit()
            if fault is not None:
                start = self._pass_fault(end, fault)
            elif end == window.size and window.is_last:
                return
            else:
                window.advance(end)
                start = 0

    def _follow(self, at: int) -> tuple[int, str | None]:
        """Follow the blocks; return where the first that is not whole begins, and what is wrong with it, if anything.

        Packets go the short way: theirs is the loop that decides the speed.
        """
        data, size, append = self._window.data, self._window.size, self._found.append
        frame, word = _readers(self._order)
        while at + _FRAME_BYTES <= size:
            kind, total = frame(data, at)
            if kind == SECTION:
                order = byte_order_of(data, at)
                if order is None:
                    return at, "section header without a byte order"
                self._order = order
                frame, word = _readers(order)
                kind, total = frame(data, at)
            behind = at + total
            if total < _FRAME_BYTES or total & 3:
                return at, f"block length {total} is impossible"
            if behind > size:
                return self._beyond_window(at, kind, total)
            (again,) = word(data, behind - 4)
            if again != total:
                return at, f"block lengths {total} and {again} at its two ends differ"
            if kind in _PACKETS:
                append(at)
            elif kind == SECTION:
                self._begin_section()
            elif kind == _INTERFACE:
                self._add_interface(at, total)
            at = behind
        return at, _CUT if self._window.is_last and at < size else None

    def _beyond_window(self, at: int, kind: int, total: int) -> tuple[int, str | None]:
        """Decide on a block whose end is not in the window: cut, waiting for more of the file, or to be skipped."""
        window = self._window
        if window.offset + at + total > window.file_bytes:
            return at, _CUT
        if at or window.is_last:
            return at, None
        (again,) = struct.unpack(self._order + "I", window.peek(total - 4, 4).rjust(4, b"\0"))
        if again != total:
            return at, f"block lengths {total} and {again} at its two ends differ"
        if kind in _PACKETS:
            self._account.records += 1
            self._account.damage(self._account.records, window.offset, f"packet block of {total} bytes")
        return total, None

    def _begin_section(self) -> None:
        self._base = len(self._interfaces)
        self._mark()

    def _add_interface(self, at: int, total: int) -> None:
        if len(self._interfaces) - self._base >= LIMITS.max_capture_interfaces:
            what = f"a section with more than {LIMITS.max_capture_interfaces} interfaces"
            raise LimitError(what, path=self._account.shown, offset=self._window.offset + at)
        body = bytes(self._window.data[at + 8 : at + total - 4])
        self._interfaces.append(read_interface(body, self._order))
        self._mark()

    def _mark(self) -> None:
        """Note what section and interfaces the packets found from here on belong to."""
        mark = (len(self._found), self._order == ">", self._base, len(self._interfaces) - self._base)
        if self._marks and self._marks[-1][0] == mark[0]:
            self._marks[-1] = mark
        else:
            self._marks.append(mark)

    def _emit(self) -> Iterator[Frames]:
        """Yield the packets found in this window, and forget them and the interfaces of past sections."""
        found, marks = np.array(self._found, np.int64), np.array(self._marks, np.int64)
        table = InterfaceTable(self._interfaces)
        for begin in range(0, len(found), LIMITS.max_batch_packets):
            numbers = np.arange(begin, min(begin + LIMITS.max_batch_packets, len(found)))
            contexts = marks[np.searchsorted(marks[:, 0], numbers, side="right") - 1]
            yield self._frames(found[numbers], contexts, table)
        self._interfaces, self._base = self._interfaces[self._base :], 0
        self._found, self._marks = [], []

    def _frames(self, found: NDArray[np.int64], contexts: NDArray[np.int64], table: InterfaceTable) -> Frames:
        account = self._account
        head = _read_heads(self._window.buffer, found, contexts[:, 1] > 0)
        number = np.arange(account.records + 1, account.records + 1 + len(found))
        account.records += len(found)
        is_simple = head["kind"] == _SIMPLE_PACKET
        if is_simple.any():
            account.set_aside("simple packet block: no time", int(np.count_nonzero(is_simple)))
        is_known = head["interface"] < contexts[:, 3]
        row = np.where(is_known & ~is_simple, contexts[:, 2] + head["interface"], 0)
        ts_ns, has_time = table.times(row, head["time_high"], head["time_low"])
        most = np.minimum(head["total"].astype(np.int64) - _PACKET_BYTES, LIMITS.max_captured_packet_bytes)
        is_good = is_known & has_time & (head["captured"] <= most) & ~is_simple
        for bad in np.flatnonzero(~is_good & ~is_simple).tolist():
            reason = f"{head['captured'][bad]} captured bytes are more than its block holds, or over the cap"
            if head["captured"][bad] <= most[bad]:
                reason = "its time cannot be" if is_known[bad] else "its interface is not described"
            account.damage(int(number[bad]), self._window.offset + int(found[bad]), reason)
        frames = Frames(
            buffer=self._window.buffer,
            number=number,
            ts_ns=ts_ns,
            resolution_ns=table.resolution_ns[row],
            at=found + (_PACKET_BYTES - 4),
            captured=head["captured"].astype(np.int64),
            wire=np.maximum(head["wire"], head["captured"]).astype(np.int64),  # what was captured was on the wire
            link_type=table.link_type[row],
        )
        return frames if is_good.all() else frames.select(is_good)

    def _pass_fault(self, at: int, fault: str) -> int | None:
        """Count a damaged block as one record, for it may have held a packet; return where blocks go on, if they do."""
        account, offset = self._account, self._window.offset + at
        (kind,) = struct.unpack_from(self._order + "I", self._window.data, at)
        if kind == SECTION:
            self._interfaces = []  # what follows is of a section that was not read
        elif kind == _INTERFACE:
            self._interfaces.append(read_interface(b"", self._order))  # so that the next ones keep their numbers
        account.records += 1
        account.damage(account.records, offset, fault)
        start = self._search_on(at + 4)
        rest = "nothing" if start is None else f"nothing up to offset {self._window.offset + start}"
        account.leave_out(f"block at offset {offset}: {fault}; {rest} behind it can be read")
        return start

    def _search_on(self, at: int) -> int | None:
        """Return the next place in the file where a block begins, moving the window."""
        window = self._window
        while True:
            stop = window.size if window.is_last else window.size - _SEARCH_MARGIN_BYTES
            start = first_block(window, at, stop, self._order)
            if start is not None or window.is_last:
                return start
            # Blocks begin at multiples of four bytes, counted from any other block.
            at += max(stop - at, 0) & ~3
            window.advance(at)
            at = 0


def _readers(order: str) -> tuple[Callable[..., tuple[int, ...]], Callable[..., tuple[int, ...]]]:
    return struct.Struct(order + "II").unpack_from, struct.Struct(order + "I").unpack_from


def _read_heads(buffer: NDArray[np.uint8], found: NDArray[np.int64], is_big: NDArray[np.bool_]) -> NDArray[np.void]:
    """Read the fixed fields of packet blocks; the interface of an old one is 16 bits, then a count of drops."""
    head = gather(buffer, found, _LITTLE).astype(_NATIVE)
    if is_big.any():
        head[is_big] = gather(buffer, found[is_big], _BIG).astype(_NATIVE)
    is_old = head["kind"] == _OLD_PACKET
    if is_old.any():
        words = head["interface"]
        # Read as one 32-bit number, the first half is the high one in big endian order.
        head["interface"] = np.where(is_old, np.where(is_big, words >> 16, words & 0xFFFF), words)
    return head
