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
from residency.traffic.capture.pcap_search import Layout, RecordSearch
from residency.traffic.capture.peel import gather, header
from residency.traffic.capture.window import Window

HEADER_BYTES = 24
_MAGICS = {0xA1B2C3D4: (1_000, 16), 0xA1B23C4D: (1, 16), 0xA1B2CD34: (1_000, 24)}
"""Magic number -> nanoseconds in the unit of fractions, bytes of a record's header (the last is Kuznetzov's)."""
_RECORD = np.dtype("V16")
_FCS_FLAG, _LINK_TYPE_MASK = 0x04000000, 0x0000FFFF


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


_IP_START = header(
    *(("addresses", "V12"), ("type", ">u2"), ("version_service", "V2"), ("ipv4_bytes", ">u2"), ("ipv6_bytes", ">u2")),
)
_ETHERNET_LINK, _ETHERNET_BYTES, _IPV6_BYTES = 1, 14, 40
_IPV4_TYPE, _IPV6_TYPE = 0x0800, 0x86DD
_LEAST_SURPLUS_BYTES = 30  # a record of an Ethernet header alone; padding is at most 26
_NO_SNAPLEN = 1 << 32
_MOST_SENSELESS_RECORDS = 64
_SEARCH_MARGIN_BYTES = 1 << 20  # so that a place is judged by the records behind it too

_Offsets = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Liar:
    """A record whose length is false: its place among those found and in the window, and where records go on."""

    index: int
    at: int
    hidden: int


class PcapRecords:
    """The records of one pcap file, as frames."""

    def __init__(self, window: Window, account: Account) -> None:
        layout = layout_of(bytes(window.data[: min(HEADER_BYTES, window.size)]))
        if layout is None:
            raise InputError("the header of the pcap file is damaged or cut", path=account.shown, offset=0)
        self._window, self._account, self._layout = window, account, layout
        self._seconds: int | None = None  # of the last good record
        self._word_at = struct.Struct(layout.order + "I").unpack_from

    def frames(self) -> Iterator[Frames]:
        """Yield all readable records; the account is complete at the end."""
        window = self._window
        window.advance(HEADER_BYTES)
        start: int | None = 0
        while start is not None:
            found, end = self._follow(start)
            if end == window.size and window.is_last:
                yield from self._emit(found)
                return
            if not window.is_last and not self._is_break_in_sight(end):
                count = self._count_proved(found, end)
                yield from self._emit(found[:count])
                window.advance(found[count] if count < len(found) else end)
                start = 0
                continue
            liar = self._find_liar(found, end)
            if liar is not None:
                found, end = found[: liar.index], liar.at
            yield from self._emit(found)
            start = self._pass_break(end) if liar is None else self._pass_liar(end, liar.hidden)

    def _follow(self, at: int) -> tuple[list[int], int]:
        """Follow the lengths; return where the whole records begin and where the first one that is not does.

        This loop decides the speed of reading.
        """
        data, word_at, step = self._window.data, self._word_at, self._layout.record_bytes
        most, size = LIMITS.max_captured_packet_bytes, self._window.size
        last = size - step
        found: list[int] = []
        append = found.append
        while at <= last:
            (length,) = word_at(data, at + 8)
            if length > most:
                return found, at
            append(at)
            at += step + length
        if at > size:
            at = found.pop()
        return found, at

    def _is_break_in_sight(self, end: int) -> bool:
        """Is this a break, and can enough of the file be seen behind it?"""
        return self._is_broken(end) and self._window.size - end >= _SEARCH_MARGIN_BYTES

    def _count_proved(self, found: list[int], end: int) -> int:
        """Return how many records may go out before the window moves on; the others wait for what is behind them.

        A good header behind a record proves its length.
        """
        search, count = self._search(found), len(found)
        least = self._window.size - _SEARCH_MARGIN_BYTES
        for behind in (end, *reversed(found[-_MOST_SENSELESS_RECORDS:])):
            if not count or search.is_record(behind) or found[count - 1] < least:
                break
            count -= 1
        return count

    def _is_broken(self, at: int) -> bool:
        """Does a header stand here whose length is over the cap?"""
        is_here = at + self._layout.record_bytes <= self._window.size
        return is_here and self._length(at) > LIMITS.max_captured_packet_bytes

    def _find_liar(self, found: list[int], end: int) -> _Liar | None:
        """Return the record whose length hides others and led to this break, None where the break stands for itself.

        That is the record at the break, if whole records inside it end where the file does; or the last one before it
        that looks like a record, if records inside that one pass over the break. What looks like a record at the break
        is asked first, else last.
        """
        search = self._search(found)
        if self._is_broken(end):
            return self._liar_before(search, found, end)
        if search.is_record(end):
            return self._liar_at(search, found, end) or self._liar_before(search, found, end)
        return self._liar_before(search, found, end) or self._liar_at(search, found, end)

    def _liar_at(self, search: RecordSearch, found: list[int], end: int) -> _Liar | None:
        hidden = search.hidden(end + self._layout.record_bytes, self._window.size)
        return _Liar(len(found), end, hidden[0]) if hidden else None

    def _liar_before(self, search: RecordSearch, found: list[int], end: int) -> _Liar | None:
        for index in range(len(found) - 1, max(len(found) - 1 - _MOST_SENSELESS_RECORDS, -1), -1):
            if search.end_of(found[index]) is not None:
                past = search.hidden_past(found[index] + self._layout.record_bytes, end)
                return None if past is None else _Liar(index, found[index], past)
        return None

    def _search(self, found: list[int]) -> RecordSearch:
        seconds = self._seconds
        if seconds is None and found:
            (seconds,) = self._word_at(self._window.data, found[0])
        return RecordSearch(self._window, self._layout, seconds)

    def _pass_liar(self, at: int, hidden: int) -> int:
        self._damage(at, f"its captured length of {self._length(at)} bytes hides other packets")
        return hidden

    def _pass_break(self, at: int) -> int | None:
        """Count the record that is cut or has an impossible length; return where records go on, None at the end."""
        offset, account = self._window.offset + at, self._account
        if not self._is_broken(at):
            self._damage(at, "cut by the end of the file")
            account.leave_out(f"cut in the middle of packet {account.records} at offset {offset}")
            return None
        what = f"captured length {self._length(at)} is over {LIMITS.max_captured_packet_bytes} bytes"
        self._damage(at, what)
        number = account.records
        start = self._search_on(at + self._layout.record_bytes)
        rest = "nothing" if start is None else f"nothing up to offset {self._window.offset + start}"
        account.leave_out(f"packet {number} at offset {offset}: {what}; {rest} behind it can be read")
        return start

    def _search_on(self, at: int) -> int | None:
        """Return the next place in the file where records begin, moving the window."""
        window = self._window
        while True:
            stop = window.size if window.is_last else window.size - _SEARCH_MARGIN_BYTES
            start = self._search([]).first(at, stop)
            if start is not None or window.is_last:
                return start
            at = max(at, stop)
            window.advance(at)
            at = 0

    def _damage(self, at: int, reason: str) -> None:
        self._account.records += 1
        self._account.damage(self._account.records, self._window.offset + at, reason)

    def _length(self, at: int) -> int:
        (length,) = self._word_at(self._window.data, at + 8)
        return int(length)

    def _emit(self, offsets: list[int]) -> Iterator[Frames]:
        if not offsets:
            return
        found, is_hiding = self._unhide(np.array(offsets, np.int64))
        for begin in range(0, len(found), LIMITS.max_batch_packets):
            part = slice(begin, begin + LIMITS.max_batch_packets)
            yield self._frames(found[part], is_hiding[part])

    def _unhide(self, found: _Offsets) -> tuple[_Offsets, NDArray[np.bool_]]:
        """Add records hidden in others of too great a length; return all, and which of them hide some.

        More bytes captured than were on the wire, than the file's limit or than the IP packet has, or a next record
        that makes no sense, occur in honest files too; the length is a lie where records fill the stretch up to the
        next good record to the byte.
        """
        head, record_bytes = self._heads(found), self._layout.record_bytes
        search = self._search(found[:1].tolist())
        is_sense = search.are_sensible(head)
        is_odd = (head[:, 2] > head[:, 3]) | (head[:, 2] > (self._layout.snaplen or _NO_SNAPLEN))
        is_odd[:-1] |= ~is_sense[1:]
        is_odd |= self._has_surplus(found, head[:, 2])
        odd = np.flatnonzero(is_odd & is_sense)
        if not len(odd):
            return found, np.zeros(len(found), np.bool_)
        edges = np.append(found[is_sense], found[-1] + record_bytes + head[-1, 2])
        starts, ends = found[odd] + record_bytes, edges[np.searchsorted(edges, found[odd], side="right")]
        hidden = search.hidden_in(starts, ends)
        liars = list(hidden)
        is_false = np.zeros(len(found), np.bool_)
        for index in liars:
            is_false[odd[index] + 1 : np.searchsorted(found, ends[index])] = True
        result = np.sort(np.concatenate((found[~is_false], *hidden.values()), dtype=np.int64))
        return result, np.isin(result, found[odd[liars]])

    def _has_surplus(self, found: _Offsets, captured: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which Ethernet frames have so many bytes behind their IP packet that a record may be among them."""
        if self._layout.link_type != _ETHERNET_LINK:
            return np.zeros(len(found), np.bool_)
        head = gather(self._window.buffer, found + self._layout.record_bytes, _IP_START)
        ipv4_bytes = np.where(head["type"] == _IPV4_TYPE, head["ipv4_bytes"], 0)
        ipv6_bytes = np.where(head["type"] == _IPV6_TYPE, head["ipv6_bytes"], 0)
        length = np.where(ipv6_bytes > 0, ipv6_bytes + np.int64(_IPV6_BYTES), ipv4_bytes)
        return np.asarray((length > 0) & (captured - _ETHERNET_BYTES - length >= _LEAST_SURPLUS_BYTES))

    def _heads(self, found: _Offsets) -> NDArray[np.int64]:
        """Return seconds, fraction, captured length and length on the wire of records."""
        return gather(self._window.buffer, found, _RECORD).view((self._layout.order + "u4", 4)).astype(np.int64)

    def _frames(self, found: _Offsets, is_hiding: NDArray[np.bool_]) -> Frames:
        layout, account = self._layout, self._account
        head = self._heads(found)
        number = np.arange(account.records + 1, account.records + 1 + len(found))
        account.records += len(found)
        is_good = (head[:, 1] < layout.units_in_second) & ~is_hiding
        for bad in np.flatnonzero(~is_good).tolist():
            what = f"its time has {head[bad, 1]} parts of a second, which has {layout.units_in_second}"
            if is_hiding[bad]:
                what = f"its captured length of {head[bad, 2]} bytes hides other packets"
            account.damage(int(number[bad]), self._window.offset + int(found[bad]), what)
        if is_good.any():
            self._seconds = int(head[np.flatnonzero(is_good)[-1], 0])
        frames = Frames(
            buffer=self._window.buffer,
            number=number,
            ts_ns=head[:, 0] * 1_000_000_000 + head[:, 1] * layout.unit_ns,
            resolution_ns=np.full(len(found), layout.unit_ns),
            at=found + layout.record_bytes,
            captured=head[:, 2],
            wire=np.maximum(head[:, 3], head[:, 2]) - layout.trailer_bytes,  # what was captured was on the wire
            link_type=np.full(len(found), layout.link_type),
        )
        return frames if is_good.all() else frames.select(is_good)
