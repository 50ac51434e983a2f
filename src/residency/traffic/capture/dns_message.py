"""Reads a DNS message: its question, and the addresses that its answer gives for the name asked for (RFC 1035).

Only the answer section is read, and of it only what is reachable from the question through CNAMEs: an address under
another owner, or in the additional section, is what poisoners send. Authority and additional records are not looked
at, so a message damaged there is read all the same. Messages of mDNS and LLMNR look alike; the caller knows the port.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

from residency.dns_names import DnsNameError, NameReader, text_of
from residency.limits import LIMITS
from residency.traffic.capture.octets import CutShortError

A = 1
CNAME = 5
AAAA = 28
ANY = 255
_IN = 1
_HEADER = struct.Struct("!6H")
_QUESTION = struct.Struct("!2H")
_RECORD = struct.Struct("!2HIH")
_ADDRESS_BYTES = {A: 4, AAAA: 16}
_TTL_SIGN = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked: a name as sent, without the root's dot, and the numbers of its type and class."""

    name: str
    type: int
    class_: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A query or a response to one.

    `addresses` are (address, TTL in seconds) in the order of the message; an address holds only as long as every
    CNAME on the way to it, so the smallest TTL of them counts. `chain` are the CNAMEs in order, from the one that the
    question's name points to. Both are empty where the response says that the name was not found or was cut: a cut
    answer is asked for again over TCP (RFC 2181 section 9).
    """

    id: int
    is_response: bool
    opcode: int
    rcode: int  # the four bits of the header; the upper ones, in an OPT record, are not read
    is_truncated: bool
    question: Question | None
    addresses: tuple[tuple[str, int], ...]
    chain: tuple[str, ...]


@dataclass(slots=True)
class _Answers:
    """The records of class IN in an answer section, by owner in lower case."""

    aliases: dict[bytes, tuple[bytes, int]]
    addresses: dict[bytes, list[tuple[bytes, int]]]


def read_message(wire: bytes) -> Message | None:
    """Read one message without its length prefix of TCP; None where it is malformed or over a cap.

    A response to several questions at once is malformed (RFC 9619). A chain of CNAMEs that comes back to itself, or
    is longer than the cap, has no addresses.
    """
    try:
        return _read(wire)
    except (CutShortError, DnsNameError, struct.error):
        return None


def _read(wire: bytes) -> Message | None:
    number, flags, questions, answers, _, _ = _HEADER.unpack_from(wire)
    if questions > 1 or answers > LIMITS.max_dns_records or len(wire) > 0xFFFF:
        return None
    names, at = NameReader(wire), _HEADER.size
    question, asked = None, b""
    if questions:
        asked, at = names.read(at)
        kind, class_ = _QUESTION.unpack_from(wire, at)
        at += _QUESTION.size
        question = Question(name=text_of(asked), type=kind, class_=class_)
    found = _read_answers(wire, names, at, answers, 0 if question is None else question.type)
    is_response, opcode, rcode = bool(flags & 0x8000), flags >> 11 & 0xF, flags & 0xF
    is_truncated = bool(flags & 0x0200)
    is_answer = is_response and opcode == rcode == 0 and not is_truncated
    is_of_internet = question is not None and question.class_ == _IN
    chain, addresses = _follow(asked.lower(), found) if is_answer and is_of_internet else ((), ())
    return Message(
        id=number,
        is_response=is_response,
        opcode=opcode,
        rcode=rcode,
        is_truncated=is_truncated,
        question=question,
        addresses=addresses,
        chain=chain,
    )


def _read_answers(wire: bytes, names: NameReader, at: int, count: int, asked: int) -> _Answers:
    """Walk the answer section; of addresses only the type that was asked for is kept."""
    found = _Answers({}, {})
    for _ in range(count):
        owner, at = names.read(at)
        kind, class_, ttl_s, size = _RECORD.unpack_from(wire, at)
        at += _RECORD.size
        end = at + size
        if end > len(wire) or _ADDRESS_BYTES.get(kind, size) != size:
            raise CutShortError
        ttl_s = 0 if ttl_s & _TTL_SIGN else ttl_s  # RFC 2181 section 8
        if class_ == _IN and kind in _ADDRESS_BYTES and asked in (kind, ANY):
            found.addresses.setdefault(owner.lower(), []).append((wire[at:end], ttl_s))
        elif class_ == _IN and kind == CNAME:
            target, after = names.read(at)
            if after != end:
                raise CutShortError
            found.aliases.setdefault(owner.lower(), (target, ttl_s))  # a second one is forbidden (RFC 2181, 10.1)
        at = end
    return found


def _address(raw: bytes) -> str:
    return str(ipaddress.IPv4Address(raw) if len(raw) == 4 else ipaddress.IPv6Address(raw))


def _follow(asked: bytes, found: _Answers) -> tuple[tuple[str, ...], tuple[tuple[str, int], ...]]:
    """Return the CNAMEs from the question on, and the addresses of the last of them."""
    chain: list[bytes] = []
    seen, owner, least_s = {asked}, asked, _TTL_SIGN
    while (alias := found.aliases.get(owner)) is not None:
        target, ttl_s = alias
        owner, least_s = target.lower(), min(least_s, ttl_s)
        chain.append(target)
        if owner in seen or len(chain) > LIMITS.max_dns_chain:
            return tuple(text_of(name) for name in chain), ()
        seen.add(owner)
    addresses: dict[bytes, int] = {}
    for raw, ttl_s in found.addresses.get(owner, ()):
        addresses.setdefault(raw, min(ttl_s, least_s))
    return tuple(text_of(name) for name in chain), tuple((_address(raw), ttl_s) for raw, ttl_s in addresses.items())
