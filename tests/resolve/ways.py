"""Ways of answering that no real server has, for the hostile one: which is meant stands in the name asked for.

It is the label before `hostile.example`. A way is a function of the query that yields what is sent: bytes over the
socket that was asked, `Wait` for a pause, `Elsewhere` for bytes from another port. Over TCP its bytes are written as
they are, with no length before them, and the connection is closed after. A way with no function over TCP answers there
as `honest` does.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.traffic.capture import messages

ZONE = "hostile.example"
HONEST = "63.34.222.109"
POISON = "66.66.66.66"
OBEYED = "=1+1\x1b]0;x\x07\u202e<b>\r\n"
MANY_LABELS = 119  # one more before them makes 120, and 254 bytes of 255
_POINTER = b"\xc0\x0c"
_RESPONSE, _CUT, _NS, _TXT = 0x8180, 0x0200, 2, 16
_HEAVY_BYTES = 61_000


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked: the id, the name's labels in lower case, and the question as sent."""

    id: bytes
    labels: tuple[str, ...]
    question: bytes
    type: int

    @property
    def way(self) -> str:
        return self.labels[-3] if len(self.labels) > 2 else ""

    def answer(self, *records: bytes, flags: int = _RESPONSE, additional: tuple[bytes, ...] = ()) -> bytes:
        """Return a message that answers this query with records."""
        return self.id + messages.dns([self.question], records, flags=flags, additional=additional)[2:]

    def failing(self, rcode: int) -> bytes:
        return self.answer(flags=_RESPONSE | rcode)

    def honest(self) -> bytes:
        """Return the right answer: one address for A, nothing for other types."""
        return self.answer(address()) if self.type == messages.A else self.answer()


@dataclass(frozen=True, slots=True)
class Wait:
    """Send nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Send from a port that was not asked."""

    data: bytes


Sent = bytes | Wait | Elsewhere
Way = Callable[[Query], Iterator[Sent]]
_PAUSE = Wait(0.05)


def address(text: str = HONEST, owner: bytes = _POINTER, ttl_s: int = 60) -> bytes:
    """Return a record of an IPv4 address."""
    return messages.record(owner, messages.A, bytes(int(part) for part in text.split(".")), ttl_s=ttl_s)


def read_query(wire: bytes) -> Query:
    """Read a query as clients send it; EDNS options are not looked at."""
    at, labels = 12, []
    while wire[at]:
        labels.append(wire[at + 1 : at + 1 + wire[at]].decode("latin-1").lower())
        at += 1 + wire[at]
    question = wire[12 : at + 5]
    return Query(wire[:2], tuple(labels), question, int.from_bytes(question[-4:-2], "big"))


def _other_id(id: bytes) -> bytes:
    return bytes([id[0] ^ 0x55, id[1]])


def honest(query: Query) -> Iterator[Sent]:
    """Answer as asked."""
    yield query.honest()


def _wrong_id(query: Query) -> Iterator[Sent]:
    yield _other_id(query.id) + query.answer(address(POISON))[2:]
    yield _PAUSE
    yield query.honest()


def _only_wrong_id(query: Query) -> Iterator[Sent]:
    yield _other_id(query.id) + query.answer(address(POISON))[2:]


def _wrong_question(query: Query) -> Iterator[Sent]:
    other = messages.question(messages.name(f"other.{ZONE}"))
    yield query.id + messages.dns([other], [address(POISON)])[2:]
    yield query.id + messages.dns([query.question[:-4] + b"\0\x10\0\1"], [address(POISON)])[2:]  # for TXT
    yield query.id + messages.dns([query.question[:-2] + b"\0\3"], [address(POISON)])[2:]  # of class CH
    yield query.id + messages.dns([], [address(POISON, messages.name(".".join(query.labels)))])[2:]
    yield _PAUSE
    yield query.honest()


def _wrong_source(query: Query) -> Iterator[Sent]:
    yield Elsewhere(query.answer(address(POISON)))
    yield _PAUSE
    yield query.honest()


def _garbage(query: Query) -> Iterator[Sent]:
    yield b"\xff" * 40
    yield b"x"
    yield bytes(12)
    yield _PAUSE
    yield query.honest()


def _tudoor(query: Query) -> Iterator[Sent]:
    """Send what makes a careless client give up: from the right place, with the right id (CVE-2023-29483)."""
    whole = query.answer(address(POISON))
    yield query.id  # cut in the header
    yield whole[:11]
    yield whole[:14]  # cut in the question
    yield query.id + struct.pack("!5H", 0x0100, 1, 0, 0, 0) + query.question  # a query, not a response
    yield query.id + struct.pack("!5H", _RESPONSE, 0, 0, 0, 0)
    yield query.id + struct.pack("!5H", _RESPONSE | 0x2800, 1, 0, 0, 0) + query.question  # opcode 5, an update
    yield query.id + struct.pack("!5H", _RESPONSE, 1, 1, 0, 0) + query.question + b"\xc0\x0c" * 3  # half a record
    yield _PAUSE
    yield query.honest()


def _tudoor_and_cut(query: Query) -> Iterator[Sent]:
    """Send the same, then an answer that is cut: the honest one comes over TCP."""
    *before, _ = _tudoor(query)
    yield from before
    yield from _cut(query)


def _no_question(query: Query) -> Iterator[Sent]:
    """Send failures that do not say what they answer: honest servers do so, and who wants a client to give up."""
    for rcode in (1, 2, 4, 5):
        yield query.id + struct.pack("!5H", _RESPONSE | rcode, 0, 0, 0, 0)
    yield _PAUSE
    yield query.honest()


def _other_type(query: Query) -> Iterator[Sent]:
    """Answer for the type whose number differs as an upper-case letter from a lower-case one: 97 for HTTPS, 65."""
    hint = b"\0\1\0\0\4\0\4" + bytes(int(part) for part in POISON.split("."))
    told = messages.record(_POINTER, query.type, hint)
    yield query.id + messages.dns([query.question[:-3] + bytes([query.question[-3] | 0x20]) + b"\0\1"], [told])[2:]
    yield _PAUSE
    yield query.honest()


def _lower(query: Query) -> Iterator[Sent]:
    """Answer in lower case with poison, then in the case that was asked: only who saw the question can."""
    yield query.id + messages.dns([query.question[:-4].lower() + query.question[-4:]], [address(POISON)])[2:]
    yield _PAUSE
    yield query.honest()


def _loop(query: Query) -> Iterator[Sent]:
    """Give an alias of the name for itself, and an address that must not be used."""
    yield query.answer(messages.record(_POINTER, messages.CNAME, _POINTER), address(POISON))


def _malformed(query: Query) -> Iterator[Sent]:
    """Answer with a record whose length lies, and nothing after it."""
    yield query.answer(messages.record(_POINTER, messages.A, bytes(4), length=4_000))


def _malformed_loop(query: Query) -> Iterator[Sent]:
    """Answer with a name that points to itself."""
    yield query.answer(address(owner=struct.pack("!H", 0xC000 | (12 + len(query.question)))))


def _cut(query: Query) -> Iterator[Sent]:
    """Cut over UDP, with one address that must not be used."""
    yield query.answer(address(POISON), flags=_RESPONSE | _CUT)


def _end(query: Query) -> Iterator[Sent]:
    return iter(())


def framed(message: bytes) -> bytes:
    """Return a message with its length before it, as TCP carries it."""
    return len(message).to_bytes(2, "big") + message


def _half(query: Query) -> Iterator[Sent]:
    whole = framed(query.honest())
    yield whole[: len(whole) // 2]


def _drip(query: Query) -> Iterator[Sent]:
    for byte in framed(query.honest()):
        yield bytes([byte])
        yield Wait(0.3)


def _cut_again(query: Query) -> Iterator[Sent]:
    """Say over TCP too that the answer is cut."""
    yield framed(query.answer(address(POISON), flags=_RESPONSE | _CUT))


def _heavy(query: Query) -> Iterator[Sent]:
    """Answer with 61 KB of addresses, each under the long name of the question."""
    yield query.answer(*(address(f"52.0.{n // 256}.{n % 256}") for n in range(_HEAVY_BYTES // 16)))


def _heavy_names(query: Query) -> Iterator[Sent]:
    """Answer with 61 KB of aliases: each owner and target is one more label before the long name."""
    size = len(messages.record(b"\1a" + _POINTER, messages.CNAME, b"\1b" + _POINTER))
    record = messages.record(b"\1a" + _POINTER, messages.CNAME, b"\1b" + _POINTER)
    yield query.answer(*([record] * (_HEAVY_BYTES // size)))


def _heavy_tcp(query: Query) -> Iterator[Sent]:
    yield framed(next(message for message in _heavy_names(query) if isinstance(message, bytes)))


def _late_over_tcp(query: Query) -> Iterator[Sent]:
    """Answer other questions over TCP before the one that was asked."""
    other = messages.question(messages.name(f"other.{ZONE}"))
    yield framed(_other_id(query.id) + query.answer(address(POISON))[2:])
    yield framed(query.id + messages.dns([other], [address(POISON)])[2:])
    yield framed(b"")
    yield framed(query.honest())


def _two_aliases(query: Query) -> Iterator[Sent]:
    """Give two aliases and addresses for all: only one alias may be (RFC 2181 section 10.1)."""
    first, second = messages.name("first.example"), messages.name("second.example")
    yield query.answer(
        messages.record(_POINTER, messages.CNAME, first),
        messages.record(_POINTER, messages.CNAME, second),
        address(HONEST, first),
        address(POISON, second),
        address(POISON),
    )


def _other_class(query: Query) -> Iterator[Sent]:
    yield query.answer(messages.record(_POINTER, messages.A, b"BBBB", class_=3), address())


def _other_family(query: Query) -> Iterator[Sent]:
    """Answer with the addresses that were not asked for."""
    yield query.answer(messages.record(_POINTER, messages.AAAA, b"B" * 16))


def _negative_ttl(query: Query) -> Iterator[Sent]:
    """Give one address twice, with TTLs whose first bit is set (RFC 2181 section 8) and is not."""
    yield query.answer(address(ttl_s=0xFFFF_FFFF), address(ttl_s=60))


def _upside_down(query: Query) -> Iterator[Sent]:
    """Give the chain from its end, and spell owners as no question did."""
    yield query.answer(
        address(HONEST, messages.name("END.example")),
        messages.record(messages.name("Middle.example"), messages.CNAME, messages.name("end.EXAMPLE")),
        messages.record(_POINTER, messages.CNAME, messages.name("MIDDLE.example")),
    )


def _after_the_end(query: Query) -> Iterator[Sent]:
    """Append a record that no count counts."""
    yield query.answer(address()) + address(POISON)


def _crowd(query: Query) -> Iterator[Sent]:
    """Answer over TCP with as many records as 64 KB hold."""
    yield framed(query.answer(*([messages.record(b"\0", _TXT, b"")] * 5_900)))


def _poison(query: Query) -> Iterator[Sent]:
    """Answer, and tell of others in the answer section and in the additional one."""
    bank = messages.name("bank.example")
    told = (address(), address(POISON, messages.name(f"other.{ZONE}")), address(POISON, bank))
    extra = (address(POISON, bank), messages.record(_POINTER, _NS, bank), address(POISON))
    yield query.answer(*told, additional=extra) if query.type == messages.A else query.answer(additional=extra)


def _escapes(query: Query) -> Iterator[Sent]:
    """Give an alias whose text would be obeyed by a terminal or a browser."""
    target = b"\x09\x1b]0;x\x07<b>\x03a.b\0" if query.type == messages.A else b"\0"
    yield query.answer(messages.record(_POINTER, messages.CNAME, target), address(owner=target))


def _shouts(query: Query) -> Iterator[Sent]:
    """Fail, and explain it (RFC 8914) with what a terminal, a browser or a spreadsheet would obey."""
    text = OBEYED.encode()
    option = struct.pack("!HHH", 15, len(text) + 2, 22) + text
    explained = b"\0" + struct.pack("!2HIH", 41, 1_232, 0, len(option)) + option
    yield query.answer(flags=_RESPONSE | 2, additional=(explained,))


def _shouts_in_records(query: Query) -> Iterator[Sent]:
    """Answer with aliases, protocols and names of which each holds what would be obeyed."""
    label = OBEYED.encode()
    target = bytes([len(label)]) + label + b"\7example\0"
    protocol = bytes([len(label)]) + label
    data = {
        messages.A: bytes([63, 34, 222, 109]),
        65: b"\0\1\0\0\1" + len(protocol).to_bytes(2, "big") + protocol,
        12: target,
    }
    answers = [messages.record(_POINTER, messages.CNAME, target), messages.record(target, query.type, data[query.type])]
    yield query.answer(*answers)


def _drop(query: Query) -> Iterator[Sent]:
    return iter(())


def _servfail(query: Query) -> Iterator[Sent]:
    yield query.failing(2)


def _refused(query: Query) -> Iterator[Sent]:
    yield query.failing(5)


def _odd(query: Query) -> Iterator[Sent]:
    """Fail with a code of which nobody has heard."""
    yield query.failing(11)


UDP: dict[str, Way] = {
    "honest": honest,
    "wrong-id": _wrong_id,
    "only-wrong-id": _only_wrong_id,
    "wrong-question": _wrong_question,
    "wrong-source": _wrong_source,
    "garbage": _garbage,
    "tudoor": _tudoor,
    "tudoor-and-cut": _tudoor_and_cut,
    "no-question": _no_question,
    "other-type": _other_type,
    "lower": _lower,
    "loop": _loop,
    "malformed": _malformed,
    "malformed-loop": _malformed_loop,
    "cut": _cut,
    "cut-eof": _cut,
    "cut-half": _cut,
    "cut-drip": _cut,
    "cut-cut": _cut,
    "ht": _cut,
    "hv": _heavy,
    "hn": _heavy_names,
    "crowd": _cut,
    "late-over-tcp": _cut,
    "two-aliases": _two_aliases,
    "other-class": _other_class,
    "other-family": _other_family,
    "negative-ttl": _negative_ttl,
    "upside-down": _upside_down,
    "after-the-end": _after_the_end,
    "poison": _poison,
    "escapes": _escapes,
    "shouts": _shouts,
    "shouts-in-records": _shouts_in_records,
    "drop": _drop,
    "servfail": _servfail,
    "refused": _refused,
    "odd": _odd,
}
TCP: dict[str, Way] = {
    "cut-eof": _end,
    "cut-half": _half,
    "cut-drip": _drip,
    "cut-cut": _cut_again,
    "ht": _heavy_tcp,
    "crowd": _crowd,
    "late-over-tcp": _late_over_tcp,
}


def long_name(way: str) -> str:
    """Return a name of so many labels that is answered in a way, whose own label must be short."""
    tail = f"{way}.{ZONE}"
    return "a." * (MANY_LABELS - tail.count(".") - 1) + tail
