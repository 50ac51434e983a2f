"""The records of a pcap file (draft-ietf-opsawg-pcap), in either byte order, in microseconds or nanoseconds.

Nothing in a record marks its beginning: each is found by the length of the one before. What a broken or lying length
hides is searched by `pcap_search`; it is counted as damage wherever it is found, and never passed in silence.

A fraction of a second of a whole second or more leaves the record's time unknown. Times carry proofs here, so such a
record is put aside as damaged; it is counted, and the reading goes on behind it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from residency.errors import InputError
from residency.limits import LIMITS
from residency.traffic.capture.frames import Account, Frames
from residency.traffic.capture.peel import gather
from residency.traffic.capture.window import Window

HEADER_BYTES = 24
_MAGICS = {0xA1B2C3D4: (1_000, 16), 0xA1B23C4D: (1, 16), 0xA1B2CD34: (1_000, 24)}
"""Magic number -> nanoseconds in the unit of fractions, bytes of a record's header (the last is Kuznetzov's)."""
_RECORD = np.dtype("V16")
_FCS_FLAG, _LINK_TYPE_MASK = 0x04000000, 0x0000FFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the header of a pcap file says of its records."""

    order: str
    unit_ns: int
    record_bytes: int  # of a record's header
    link_type: int
    trailer_bytes: int  # of the frame check sequence at the end of each frame
    snaplen: int

    @property
    def units_in_second(self) -> int:
        """The least fraction that is impossible."""
        return 1_000_000_000 // self.unit_ns


def layout_of(head: bytes) -> Layout | None:
    """Return the layout that the first 24 bytes of a file declare, None where they are no pcap header."""
    for order in "<>" if len(head) >= HEADER_BYTES else "":
        magic, major, _, _, _, snaplen, link = struct.unpack_from(order + "IHHiIII", head)
        if magic in _MAGICS and major == 2:
            unit_ns, record_bytes = _MAGICS[magic]
            return Layout(
                order=order,
                unit_ns=unit_ns,
                record_bytes=record_bytes,
                link_type=link & _LINK_TYPE_MASK,
                trailer_bytes=2 * (link >> 28) if link & _FCS_FLAG else 0,
                snaplen=snaplen,
            )
    return None


_Offsets = NDArray[np.int64]


class PcapRecords:
    """The records of one pcap file, as frames."""

    def __init__(self, window: Window, account: Account) -> None:
        layout = layout_of(bytes(window.data[: min(HEADER_BYTES, window.size)]))
        if layout is None:
            raise InputError("the header of the pcap file is damaged or cut", path=account.shown, offset=0)
        self._window, self._account, self._layout = window, account, layout
        self._length_at = struct.Struct(layout.order + "I").unpack_from

    def frames(self) -> Iterator[Frames]:
        """Yield all readable records; the account is complete at the end."""
        window = self._window
        window.advance(HEADER_BYTES)
        while True:
            found, end = self._follow(0)
            yield from self._emit(np.array(found, np.int64))
            if end == window.size and window.is_last:
                return
            if self._is_broken(end):
                self._end_broken(end)
                return
            if window.is_last:
                self._end_cut(end)
                return
            window.advance(end)

    def _follow(self, at: int) -> tuple[list[int], int]:
        """Follow the lengths; return where the whole records begin and where the first one that is not does."""
        data, length_at, header = self._window.data, self._length_at, self._layout.record_bytes
        most, size = LIMITS.max_captured_packet_bytes, self._window.size
        last = size - header
        found: list[int] = []
        append = found.append
        while at <= last:
            (length,) = length_at(data, at + 8)
            if length > most:
                return found, at
            append(at)
            at += header + length
        if at > size:
            at = found.pop()
        return found, at

    def _is_broken(self, at: int) -> bool:
        if at + self._layout.record_bytes > self._window.size:
            return False
        return bool(self._length_at(self._window.data, at + 8)[0] > LIMITS.max_captured_packet_bytes)

    def _emit(self, found: _Offsets) -> Iterator[Frames]:
        for begin in range(0, len(found), LIMITS.max_batch_packets):
            yield self._frames(found[begin : begin + LIMITS.max_batch_packets])

    def _frames(self, found: _Offsets) -> Frames:
        layout, account = self._layout, self._account
        head = gather(self._window.buffer, found, _RECORD).view((layout.order + "u4", 4)).astype(np.int64)
        number = np.arange(account.records + 1, account.records + 1 + len(found))
        account.records += len(found)
        is_good = head[:, 1] < layout.units_in_second
        for bad in np.flatnonzero(~is_good).tolist():
            what = f"{head[bad, 1]} of {layout.units_in_second} parts of a second: its time is unknown"
            account.damage(int(number[bad]), self._window.offset + int(found[bad]), what)
        frames = Frames(
            buffer=self._window.buffer,
            number=number,
            ts_ns=head[:, 0] * 1_000_000_000 + head[:, 1] * layout.unit_ns,
            resolution_ns=np.full(len(found), layout.unit_ns),
            at=found + layout.record_bytes,
            captured=head[:, 2],
            wire=head[:, 3] - layout.trailer_bytes,
            link_type=np.full(len(found), layout.link_type),
        )
        return frames if is_good.all() else frames.select(is_good)

    def _end_broken(self, at: int) -> None:
        offset, account = self._window.offset + at, self._account
        account.records += 1
        (length,) = self._length_at(self._window.data, at + 8)
        what = f"captured length {length} is over {LIMITS.max_captured_packet_bytes} bytes"
        account.damage(account.records, offset, what)
        account.incomplete = f"packet {account.records} at offset {offset}: {what}; nothing behind it can be read"

    def _end_cut(self, at: int) -> None:
        offset, account = self._window.offset + at, self._account
        account.records += 1
        account.damage(account.records, offset, "cut by the end of the file")
        account.incomplete = f"cut in the middle of packet {account.records} at offset {offset}"
