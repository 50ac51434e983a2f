"""Questions as bytes, and answers read within bounds (RFC 1035, RFC 6891, RFC 7871, RFC 9460).

A message of 64 KB can cost dnspython seconds; here every message is walked once, in time linear in its length. Only
records of the types that `resolve` understands are looked into, and only where somebody asks for them.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from residency.dns_names import DnsNameError, NameReader
from residency.limits import LIMITS
from residency.resolve.names import wire_name

NS, CNAME, SOA, OPT, RRSIG, IN = 2, 5, 6, 41, 46, 1
_CLIENT_SUBNET, _EXTENDED_ERROR = 8, 15
_HEADER = struct.Struct("!6H")
_RECORD = struct.Struct("!2HIH")
_TTL_SIGN = 1 << 31
_RESPONSE, _AUTHORITATIVE, _TRUNCATED, _RECURSION_AVAILABLE = 0x8000, 0x0400, 0x0200, 0x0080
_RECURSION_DESIRED, _AUTHENTIC, _CHECKING_DISABLED = 0x0100, 0x0020, 0x0010
_WITHOUT_QUESTION = frozenset({1, 2, 4, 5})  # what a server may say of a question that it does not repeat


class MalformedError(ValueError):
    """A message that cannot be read: `offset` is the byte where reading ended."""

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(f"{what} at byte {offset}")
        self.offset = offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question as sent. `asked` is the question section's name as sent, its case included."""

    id: int
    type: int
    asked: bytes
    is_exact_case: bool
    wire: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """Where a record lies: its owner in lower case and wire form, its type, and its data in the message."""

    owner: bytes
    type: int
    ttl_s: int
    start: int
    end: int


@dataclass(slots=True, kw_only=True)
class Response:
    """A message walked to its end. `authority` holds the types of that section, `extra` counts the additional one."""

    wire: bytes
    names: NameReader
    asked: bytes
    rcode: int
    is_authoritative: bool
    offers_recursion: bool
    is_authentic: bool
    answers: list[Record] = field(default_factory=list)
    authority: set[int] = field(default_factory=set)
    extra: int = 0
    trailing: int = 0
    scope: str = ""
    explained: str = ""


def build_query(
    name: str,
    type_: int,
    *,
    number: int,
    subnet: str = "",
    wants_signatures: bool = False,
    case_bits: int | None = None,
) -> Query:
    """Return a question with EDNS, recursion desired and the wish to be told of validation (RFC 6840 section 5.7).

    `number` is the id, unpredictable; `case_bits`, if given, mixes the case of the letters ("0x20").
    """
    asked = wire_name(name)
    if case_bits is not None:
        asked = _mixed(asked, case_bits)
    option = _subnet_option(subnet)
    # Who checks signatures needs the forged answers too, which a validating resolver holds back.
    header = _RECURSION_DESIRED | (_CHECKING_DISABLED if wants_signatures else _AUTHENTIC)
    head = _HEADER.pack(number, header, 1, 0, 0, 1)
    flags = 0x8000 if wants_signatures else 0
    edns = b"\0" + _RECORD.pack(OPT, LIMITS.dns_udp_bytes, flags, len(option)) + option
    wire = head + asked + struct.pack("!2H", type_, IN) + edns
    return Query(id=number, type=type_, asked=asked, is_exact_case=case_bits is not None, wire=wire)


def _mixed(asked: bytes, bits: int) -> bytes:
    """Return a name with letters in the case that `bits` say. No length byte of a label is a letter: at most 63."""
    mixed = bytearray(asked)
    for at, byte in enumerate(asked):
        if bits >> at & 1 and 97 <= byte <= 122:
            mixed[at] = byte - 32
    return bytes(mixed)


def _subnet_option(subnet: str) -> bytes:
    """Return the client subnet option: only the bytes that the prefix covers are sent (RFC 7871 section 6)."""
    if not subnet:
        return b""
    network = ipaddress.ip_network(subnet)
    covered = network.network_address.packed[: -(-network.prefixlen // 8)]
    body = struct.pack("!HBB", 1 if network.version == 4 else 2, network.prefixlen, 0) + covered
    return struct.pack("!2H", _CLIENT_SUBNET, len(body)) + body


class Fit(Enum):
    """Whether a packet answers a question."""

    NO = "no"  # it may come from anybody, and is passed over, however it is damaged
    DOUBTFUL = "doubtful"  # it has the right id but no question, or a part of one: counts where nothing better comes
    YES = "yes"


def fit(wire: bytes, query: Query) -> Fit:
    """Tell whether a packet is a response to this very question: id, question, and case where that was mixed."""
    if len(wire) < _HEADER.size:
        return Fit.NO
    number, flags, questions, *_ = _HEADER.unpack_from(wire)
    if number != query.id or not flags & _RESPONSE or flags >> 11 & 0xF or questions > 1:
        return Fit.NO
    if not questions:
        return Fit.DOUBTFUL if flags & 0xF in _WITHOUT_QUESTION else Fit.NO
    sent = query.wire[_HEADER.size : _HEADER.size + len(query.asked) + 4]
    came = wire[_HEADER.size : _HEADER.size + len(sent)]
    if not query.is_exact_case:  # the name alone: as a byte, the number of HTTPS is a letter too
        size = len(query.asked)
        sent, came = sent[:size].lower() + sent[size:], came[:size].lower() + came[size:]
    if came == sent:
        return Fit.YES
    return Fit.DOUBTFUL if len(came) < len(sent) and sent.startswith(came) else Fit.NO


def is_cut(wire: bytes) -> bool:
    """Does it say that it was cut short? Such a message need not be readable to its end."""
    return bool(_HEADER.unpack_from(wire)[1] & _TRUNCATED)


def count_answers(wire: bytes) -> int:
    """Return how many answer records it says that it has."""
    return int(_HEADER.unpack_from(wire)[3])


def read_response(wire: bytes) -> Response:
    """Walk a message that `fit` accepted; raises MalformedError for one that cannot be read to its end."""
    _, flags, questions, answers, authority, extra = _HEADER.unpack_from(wire)
    names, at = NameReader(wire), _HEADER.size
    asked = b"\0"
    if questions:
        asked, at = _name(names, at, "the question")
        at += 4
        if at > len(wire):
            raise MalformedError("the question ends early", len(wire))
    found = Response(
        wire=wire,
        names=names,
        asked=asked.lower(),
        rcode=flags & 0xF,
        is_authoritative=bool(flags & _AUTHORITATIVE),
        offers_recursion=bool(flags & _RECURSION_AVAILABLE),
        is_authentic=bool(flags & _AUTHENTIC),
    )
    at = _walk(found, at, (answers, authority, extra))
    found.trailing = len(wire) - at
    return found


def _walk(found: Response, at: int, counts: tuple[int, int, int]) -> int:
    for section, count in zip(("answer", "authority", "additional"), counts, strict=True):
        for number in range(1, count + 1):
            record, class_, at = _record(found, at, f"{section} record {number} of {count}")
            if record.type == OPT and section == "additional":
                _read_options(found, record)
            elif section == "additional":
                found.extra += 1
            elif section == "authority":
                found.authority.add(record.type)
            elif class_ == IN:
                found.answers.append(record)
    return at


def _record(found: Response, at: int, what: str) -> tuple[Record, int, int]:
    owner, at = _name(found.names, at, what)
    if at + _RECORD.size > len(found.wire):
        raise MalformedError(f"{what} ends early", at)
    kind, class_, ttl_s, size = _RECORD.unpack_from(found.wire, at)
    at += _RECORD.size
    if at + size > len(found.wire):
        raise MalformedError(f"{what} says it has {size} bytes of data, there are {len(found.wire) - at}", at)
    if kind == OPT:
        found.rcode |= (ttl_s >> 24) << 4
    ttl_s = 0 if ttl_s & _TTL_SIGN else ttl_s  # RFC 2181 section 8
    return Record(owner.lower(), kind, ttl_s, at, at + size), class_, at + size


def _name(names: NameReader, at: int, what: str) -> tuple[bytes, int]:
    try:
        return names.read(at)
    except DnsNameError as error:
        raise MalformedError(f"{what} has a name that runs out, is too long or circular", at) from error


def _read_options(found: Response, record: Record) -> None:
    """Read the EDNS options that tell of the answer: the client subnet's scope, and an explanation (RFC 8914)."""
    for code, value in _pairs(found.wire, record.start, record.end, "EDNS option"):
        if code == _CLIENT_SUBNET:
            found.scope = _scope(value)
        elif code == _EXTENDED_ERROR and len(value) >= 2:
            text = value[2:].decode("utf-8", "replace")[: LIMITS.max_value_characters]
            found.explained = f"extended error {int.from_bytes(value[:2], 'big')}" + (f": {text}" if text else "")


def _scope(value: bytes) -> str:
    """Return the network that an answer holds for; "" where the option says none that there is."""
    if len(value) < 4:
        return ""
    family, _, length = struct.unpack_from("!HBB", value)
    size = {1: 4, 2: 16}.get(family, 0)
    if not size or length > 8 * size or len(value) - 4 > size:
        return ""
    return str(ipaddress.ip_network((value[4:].ljust(size, b"\0"), length), strict=False))


def _pairs(wire: bytes, at: int, end: int, what: str) -> Iterator[tuple[int, bytes]]:
    """Yield numbered values, each with its length before it: EDNS options and the parameters of HTTPS records."""
    while at < end:
        if at + 4 > end:
            raise MalformedError(f"{what} ends early", at)
        code, size = struct.unpack_from("!2H", wire, at)
        at += 4
        if at + size > end:
            raise MalformedError(f"{what} says it has {size} bytes, there are {end - at}", at)
        yield code, wire[at : at + size]
        at += size


def read_target(found: Response, record: Record, *, before: int = 0) -> bytes:
    """Return the name that a CNAME or PTR record's data is, or begins with after `before` bytes."""
    target, after = _name(found.names, record.start + before, "the data of a record")
    if after > record.end or (not before and after != record.end):
        raise MalformedError("a name that does not end with its record", record.start)
    return target


def read_parameters(found: Response, record: Record) -> dict[int, bytes]:
    """Return the parameters of an HTTPS or SVCB record by their keys, which must rise (RFC 9460 section 2.2)."""
    if record.end - record.start < 3:
        raise MalformedError("an HTTPS or SVCB record ends early", record.start)
    _, after = _name(found.names, record.start + 2, "an HTTPS or SVCB record")
    parameters: dict[int, bytes] = {}
    last = -1
    for key, value in _pairs(found.wire, after, record.end, "parameter of an HTTPS or SVCB record"):
        if key <= last:
            raise MalformedError("parameters of an HTTPS or SVCB record out of order", record.start)
        parameters[key] = value
        last = key
    return parameters
