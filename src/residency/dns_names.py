"""Domain names in a DNS message, followed through their compression within bounds (RFC 1035 section 4.1.4).

A name is kept in its uncompressed wire form, which compares exactly; text is made only of the few names that are
handed on. dnspython reads one name of 127 labels in about 0.1 ms, and a message of 61 KB can repeat it 5,000 times:
so the walk is ours, remembers every name that a pointer led to, and leaves to dnspython what needs escapes.
Captures (`traffic`) and lookups (`resolve`) both read names by it.
"""

from __future__ import annotations

import re

from residency.limits import LIMITS

_MAX_NAME_BYTES = 255
_POINTER = 0xC0
_PLAIN = re.compile(rb"[A-Za-z0-9_-]+")


class DnsNameError(ValueError):
    """A name that runs out of its message, is over 255 bytes, or goes in circles."""


class NameReader:
    """Reads the names of one message; what pointers lead to is read once."""

    __slots__ = ("_known", "_wire")

    def __init__(self, wire: bytes) -> None:
        self._wire = wire
        self._known: dict[int, bytes] = {}

    def read(self, at: int) -> tuple[bytes, int]:
        """Return the name that starts at `at`, in uncompressed wire form, and where the bytes behind it start.

        Raises DnsNameError for a name that runs out of the message, over 255 bytes or in circles.
        """
        labels, pointer, after = self._labels(at)
        return (labels if pointer is None else self._joined(labels, pointer, at)), after

    def _joined(self, labels: bytes, pointer: int, start: int) -> bytes:
        """Follow pointers. Each leads further back than all before it, so that no circle can form."""
        tail = self._known.get(pointer) if pointer < start else None
        if tail is not None and not labels:
            return tail  # by far the commonest: the owner of an answer is the name of the question
        passed = [(start, labels)]
        target: int | None = pointer
        while target is not None:
            if target >= passed[-1][0] or len(passed) > LIMITS.max_dns_name_jumps:
                raise DnsNameError
            tail = self._known.get(target)
            if tail is not None:
                break
            labels, next_target, _ = self._labels(target)
            passed.append((target, labels))
            target = next_target
        return self._assembled(passed, tail or b"")

    def _assembled(self, passed: list[tuple[int, bytes]], tail: bytes) -> bytes:
        for at, labels in reversed(passed):
            tail = labels + tail
            if len(tail) > _MAX_NAME_BYTES:
                raise DnsNameError
            self._known[at] = tail
        return tail

    def _labels(self, at: int) -> tuple[bytes, int | None, int]:
        """Return the labels from `at` on, the pointer that they end in (None: the root), and where they end."""
        wire, start = self._wire, at
        while at - start < _MAX_NAME_BYTES:
            if at >= len(wire):
                break
            size = wire[at]
            if size == 0:
                return wire[start : at + 1], None, at + 1
            if size >= _POINTER:
                if at + 1 >= len(wire):
                    break
                return wire[start:at], (size & 0x3F) << 8 | wire[at + 1], at + 2
            if size > 63:  # the two kinds of label that were given up (RFC 6891 section 5)
                break
            at += 1 + size
        raise DnsNameError


def text_of(name: bytes) -> str:
    """Return a name in wire form as text, as sent, without the root's dot ("." for the root itself).

    What is no letter, digit, hyphen or underscore is escaped as in a zone file (RFC 1035 section 5.1).
    """
    labels, at = [], 0
    while name[at]:
        labels.append(name[at + 1 : at + 1 + name[at]])
        at += 1 + name[at]
    if not labels:
        return "."
    if all(_PLAIN.fullmatch(label) for label in labels):
        return b".".join(labels).decode("ascii")
    from dns.name import Name

    return Name([*labels, b""]).to_text(omit_final_dot=True)
