"""From messages to outcomes: what a response means for the question, and what the replies mean for the name.

Only what is reachable from the question through CNAMEs is an answer. Records under other owners, and the additional
section, are what poisoners send: counted in the notes, used for nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from residency.dns_names import text_of
from residency.limits import LIMITS
from residency.model.network import parse_address
from residency.model.resolution import Alias, Dnssec, LookupOutcome, ResolvedAddress, ServiceBinding
from residency.resolve.names import TYPES
from residency.resolve.wire import (
    CNAME,
    NS,
    SOA,
    MalformedError,
    Record,
    Response,
    count_answers,
    read_parameters,
    read_response,
    read_target,
)

_O = LookupOutcome
_ADDRESS_BYTES = {TYPES["A"]: 4, TYPES["AAAA"]: 16}
_BINDINGS = frozenset({TYPES["HTTPS"], TYPES["SVCB"]})
_ALPN, _PORT, _HINTS_V4, _ECH, _HINTS_V6 = 1, 3, 4, 5, 6
_MAX_TTL = 1 << 31

_RCODES = {
    1: (_O.SERVFAIL, "FORMERR: the server could not read the question"),
    2: (_O.SERVFAIL, ""),
    3: (_O.NXDOMAIN, ""),
    4: (_O.REFUSED, "NOTIMP: the server does not answer such questions"),
    5: (_O.REFUSED, ""),
    9: (_O.LAME, "NOTAUTH: the server is not responsible for the name"),
}

# What is said of a name as a whole: the first of these that a reply has. Several kinds of failure go before "there is
# nothing", which only counts where nothing failed.
_ORDER = (
    *(_O.NON_PUBLIC_ANSWER, _O.ANSWER, _O.CNAME_LOOP, _O.TOO_MANY_RECORDS, _O.MALFORMED, _O.TRUNCATED),
    *(_O.REFUSED, _O.SERVFAIL, _O.LAME, _O.TIMEOUT, _O.NXDOMAIN, _O.NODATA, _O.INVALID_NAME),
)


@dataclass(slots=True, kw_only=True)
class Meaning:
    """What a response says, before who said it and when is added."""

    outcome: LookupOutcome
    detail: str = ""
    chain: tuple[Alias, ...] = ()
    addresses: tuple[ResolvedAddress, ...] = ()
    bindings: tuple[ServiceBinding, ...] = ()
    names: tuple[str, ...] = ()
    dnssec: Dnssec = Dnssec.NONE
    scope: str = ""
    notes: tuple[str, ...] = ()


def combine(outcomes: Iterable[LookupOutcome]) -> LookupOutcome:
    """Return the outcome of a name from those of its replies, in whatever order they came."""
    return min(outcomes, key=_ORDER.index)


def read_meaning(wire: bytes, type_: int) -> Meaning:
    """Return what a response to a question of this type says. Never raises for what is in it."""
    count = count_answers(wire)
    if count > LIMITS.max_answer_records:
        what = f"{count:,} answer records, over {LIMITS.max_answer_records:,}"
        return Meaning(outcome=_O.TOO_MANY_RECORDS, detail=what)
    try:
        response = read_response(wire)
        return _meaning(response, type_)
    except MalformedError as error:
        return Meaning(outcome=_O.MALFORMED, detail=str(error))


def _meaning(response: Response, type_: int) -> Meaning:
    found = _follow(response, type_)
    found.scope = response.scope
    found.notes = tuple(_notes(response, found.notes))
    if found.outcome is _O.ANSWER and response.is_authentic:
        found.dnssec = Dnssec.RESOLVER
    if response.explained and found.outcome is not _O.ANSWER:
        found.detail = "; ".join(filter(None, (found.detail, response.explained)))
    return found


def _notes(response: Response, own: tuple[str, ...]) -> Iterable[str]:
    yield from own
    if response.extra:
        yield f"{response.extra} additional records left out"
    if response.trailing:
        yield f"{response.trailing} bytes after the message left out"


def _follow(response: Response, type_: int) -> Meaning:
    """Follow the CNAMEs from the question, then read the records of the type asked for at their end."""
    aliases, wanted = _sorted(response, type_)
    chain, owner, is_loop = _chain(response, aliases, is_followed=type_ != CNAME)
    own = wanted.get(owner, [])
    strangers = len(response.answers) - sum(r.owner == owner or r.type == CNAME for r in response.answers)
    notes = (f"{strangers} records of other owners left out",) if strangers else ()
    least_s = min((alias.ttl_s for alias in chain), default=_MAX_TTL)
    if is_loop:
        what = f"a chain of aliases that comes back to itself or is longer than {LIMITS.max_dns_chain}"
        return Meaning(outcome=_O.CNAME_LOOP, detail=what, chain=chain, notes=notes)
    if response.rcode:
        outcome, detail = _RCODES.get(response.rcode, (_O.SERVFAIL, f"response code {response.rcode}"))
        return Meaning(outcome=outcome, detail=detail, chain=chain, notes=notes)
    found = _read_own(response, own, type_, least_s)
    found.chain, found.notes = chain, (*notes, *found.notes)
    if found.outcome is _O.NODATA:
        found.outcome, found.detail = _nothing(response, chain)
    return found


def _sorted(response: Response, type_: int) -> tuple[dict[bytes, Record], dict[bytes, list[Record]]]:
    aliases: dict[bytes, Record] = {}
    wanted: dict[bytes, list[Record]] = {}
    for record in response.answers:
        if record.type == CNAME:
            aliases.setdefault(record.owner, record)  # a second one is forbidden (RFC 2181 section 10.1)
        if record.type == type_:
            wanted.setdefault(record.owner, []).append(record)
    return aliases, wanted


def _chain(
    response: Response, aliases: dict[bytes, Record], *, is_followed: bool
) -> tuple[tuple[Alias, ...], bytes, bool]:
    """Return the CNAMEs in order, the owner at their end, and whether they never end."""
    owner, seen, chain = response.asked, {response.asked}, list[Alias]()
    while (record := aliases.get(owner)) is not None:
        target = read_target(response, record)
        chain.append(Alias(owner=text_of(owner), target=text_of(target).lower(), ttl_s=record.ttl_s))
        if not is_followed:
            break
        owner = target.lower()
        if owner in seen or len(chain) > LIMITS.max_dns_chain:
            return tuple(chain), owner, True
        seen.add(owner)
    return tuple(chain), owner, False


def _read_own(response: Response, own: Sequence[Record], type_: int, least_s: int) -> Meaning:
    if not own:
        return Meaning(outcome=_O.NODATA)
    if type_ in _ADDRESS_BYTES:
        addresses = _addresses(response, own, _ADDRESS_BYTES[type_], least_s)
        return _judged([a for a in addresses if not a.is_public], addresses=addresses)
    if type_ in _BINDINGS:
        bindings = tuple(_binding(response, record, least_s) for record in own)
        hints = {hint for binding in bindings for hint in binding.hints}
        return _judged([r for r in map(_resolved, sorted(hints)) if not r.is_public], bindings=bindings)
    if type_ != TYPES["PTR"]:  # a CNAME, which the chain holds, or keys that `dnssec` reads
        return Meaning(outcome=_O.ANSWER)
    names = dict.fromkeys(text_of(read_target(response, record)).lower() for record in own)
    return Meaning(outcome=_O.ANSWER, names=tuple(names))


def _judged(
    refused: Sequence[ResolvedAddress],
    *,
    addresses: tuple[ResolvedAddress, ...] = (),
    bindings: tuple[ServiceBinding, ...] = (),
) -> Meaning:
    if not refused:
        return Meaning(outcome=_O.ANSWER, addresses=addresses, bindings=bindings)
    kinds = sorted({parse_address(a.text).address_class.value for a in refused})
    what = f"{refused[0].text} and {len(refused) - 1} more" if len(refused) > 1 else refused[0].text
    detail = f"{what}: {', '.join(kinds)}"
    return Meaning(outcome=_O.NON_PUBLIC_ANSWER, detail=detail, addresses=addresses, bindings=bindings)


def _addresses(response: Response, own: Sequence[Record], size: int, least_s: int) -> tuple[ResolvedAddress, ...]:
    found: dict[bytes, int] = {}
    for record in own:
        if record.end - record.start != size:
            raise MalformedError(f"an address of {record.end - record.start} bytes", record.start)
        found.setdefault(response.wire[record.start : record.end], min(record.ttl_s, least_s))
    return tuple(_resolved(str(ipaddress.ip_address(raw)), ttl_s) for raw, ttl_s in found.items())


def _resolved(text: str, ttl_s: int = 0) -> ResolvedAddress:
    return ResolvedAddress(text, ttl_s, parse_address(text).is_locatable)


def _binding(response: Response, record: Record, least_s: int) -> ServiceBinding:
    parameters = read_parameters(response, record)
    port = parameters.get(_PORT)
    hints = (*_hints(parameters.get(_HINTS_V4, b""), 4, record), *_hints(parameters.get(_HINTS_V6, b""), 16, record))
    if port is not None and len(port) != 2:
        raise MalformedError("a port of an HTTPS or SVCB record that is no two bytes", record.start)
    return ServiceBinding(
        priority=int.from_bytes(response.wire[record.start : record.start + 2], "big"),
        target=text_of(read_target(response, record, before=2)).lower(),
        ttl_s=min(record.ttl_s, least_s),
        alpn=_protocols(parameters.get(_ALPN, b""), record),
        port=None if port is None else int.from_bytes(port, "big"),
        hints=hints,
        has_ech=_ECH in parameters,
    )


def _hints(value: bytes, size: int, record: Record) -> tuple[str, ...]:
    if len(value) % size:
        raise MalformedError("address hints of an HTTPS or SVCB record with a part left over", record.start)
    return tuple(str(ipaddress.ip_address(value[at : at + size])) for at in range(0, len(value), size))


def _protocols(value: bytes, record: Record) -> tuple[str, ...]:
    found, at = [], 0
    while at < len(value):
        text = value[at + 1 : at + 1 + value[at]]
        if not text or len(text) < value[at]:
            raise MalformedError("protocols of an HTTPS or SVCB record end early", record.start)
        found.append(text.decode("ascii", "backslashreplace"))
        at += 1 + value[at]
    return tuple(found)


def _nothing(response: Response, chain: tuple[Alias, ...]) -> tuple[LookupOutcome, str]:
    """Tell a name that has nothing of this type from a server that does not know (RFC 2308 section 2.2)."""
    if chain:
        return _O.NODATA, f"the chain ends at {chain[-1].target}, of which the server gave nothing"
    if response.is_authoritative or SOA in response.authority:
        return _O.NODATA, ""
    if NS in response.authority:
        return _O.LAME, "the server only points to other servers"
    if not response.offers_recursion:
        return _O.LAME, "the server is not responsible for the name and asks no others"
    return _O.NODATA, ""
