"""Capture files: pcap and pcapng, from records to the columns of their packets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from residency.errors import InputError
from residency.traffic.capture.frames import Account
from residency.traffic.capture.layers import decode
from residency.traffic.capture.packets import Packets
from residency.traffic.capture.pcap import HEADER_BYTES, PcapRecords, layout_of
from residency.traffic.capture.pcapng import PcapngRecords
from residency.traffic.capture.pcapng_search import byte_order_of
from residency.traffic.capture.window import Window
from residency.traffic.records import Rejected


def is_capture(head: bytes) -> bool:
    """Tell whether a file that begins with these (24 or more) bytes is a pcap or pcapng file."""
    return layout_of(head[:HEADER_BYTES]) is not None or byte_order_of(head) is not None


class CaptureReader:
    """A capture file, read in one pass with constant memory.

    `packets` == entries of all batches + sum of `other` + len of `damaged`, exactly, once `batches` ended. `damaged`
    gives the number of the packet in `line`. Not checked: checksums, and whether packets belong to one another.
    """

    def __init__(self, path: str | os.PathLike[str], shown: str | None = None) -> None:
        self._path = os.fspath(path)
        self._account = Account(self._path if shown is None else shown)

    @property
    def packets(self) -> int:
        """Records in the file, whatever they hold."""
        return self._account.records

    @property
    def other(self) -> Mapping[str, int]:
        """Packets without IP, by what they are."""
        return self._account.other

    @property
    def damaged(self) -> list[Rejected]:
        """Records that could not be read."""
        return self._account.damaged

    @property
    def incomplete(self) -> str | None:
        """Where and why the reading ended before the file did, or left a part of it out."""
        return self._account.incomplete

    def batches(self) -> Iterator[Packets]:
        """Yield the packets that carry IP, in file order; the buffer of a batch is valid until the next one.

        Raises InputError for a file that is no capture or cannot be read, LimitError for one that is damage only.
        """
        account = self._account = Account(self._account.shown)
        try:
            stream = open(self._path, "rb", buffering=0)  # noqa: SIM115 - closed below; only opening may raise
        except OSError as error:
            raise InputError(f"cannot be opened: {error.strerror or error}", path=account.shown) from error
        with stream:
            window = Window(stream, account.shown)
            for frames in _records(window, account).frames():
                packets = decode(frames, account)
                if len(packets):
                    yield packets


def _records(window: Window, account: Account) -> PcapRecords | PcapngRecords:
    """Return the reader of the file's format, by its first bytes."""
    head = bytes(window.data[: min(window.size, HEADER_BYTES)])
    if layout_of(head) is not None:
        return PcapRecords(window, account)
    if head[:4] == b"\x0a\x0d\x0d\x0a":
        return PcapngRecords(window, account)
    raise InputError(
        f"no pcap or pcapng file: it begins with {head[:4].hex() or 'nothing'}", path=account.shown, offset=0
    )
