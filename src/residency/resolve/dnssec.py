"""Signatures of answers, checked here against trust anchors that the user gives (RFC 4035 section 5).

Checked: each RRset on the way from the question to the answer has a signature that holds, by a key whose chain of DS
and DNSKEY records, asked of the same server, ends at an anchor. Not checked: that a record which has no signature may
have none, and that no closer name exists than a wildcard (both need NSEC). An answer without signatures is therefore
`not validated`, never called forged.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from residency.dns_names import text_of
from residency.errors import UsageError
from residency.files import read_capped
from residency.limits import LIMITS
from residency.model.resolution import Dnssec, LookupOutcome, Reply
from residency.resolve.wire import CNAME, RRSIG, MalformedError, Record, Response, read_response

if TYPE_CHECKING:
    from dns.name import Name
    from dns.rdata import Rdata
    from dns.rrset import RRset

DS, DNSKEY = 43, 48
Ask = Callable[[str, int], Awaitable[bytes]]
"""Name and type -> the message that answers, b"" for none."""
Anchors = dict["Name", "list[Rdata]"]


class _BogusError(Exception):
    """A signature that does not hold."""


def read_anchors(path: Path) -> Anchors:
    """Read DS or DNSKEY records, one a line as in a zone file; raises UsageError, with the line, for anything else."""
    from dns.exception import DNSException
    from dns.zonefile import read_rrsets

    try:
        text = read_capped(path, LIMITS.max_anchor_file_bytes).decode("utf-8")
        found: Anchors = {}
        for rrset in read_rrsets(text, rdclass=None, default_ttl=0):
            if rrset.rdtype not in (DS, DNSKEY):
                raise UsageError("a trust anchor is a DS or DNSKEY record", path=path)
            found.setdefault(rrset.name, []).extend(rrset)
    except (DNSException, UnicodeDecodeError) as error:
        raise UsageError("no DS or DNSKEY records, one a line as in a zone file", path=path) from error
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", path=path) from error
    if not found:
        raise UsageError("no trust anchor in it; write DS or DNSKEY records, one a line", path=path)
    return found


def as_bogus(reply: Reply, what: str = "its signatures do not hold") -> Reply:
    """Return a reply whose signatures do not hold: a failure, as a validating resolver would say."""
    return replace(reply, outcome=LookupOutcome.SERVFAIL, dnssec=Dnssec.BOGUS, detail=what)


class Validator:
    """Checks the answers of one server; keys are asked for once a zone."""

    def __init__(self, anchors: Anchors, ask: Ask) -> None:
        self._anchors, self._ask = anchors, ask
        self._keys: dict[Name, RRset | None] = {}

    async def check(self, reply: Reply, type_: int) -> Reply:
        """Return the reply with what its signatures say; one without an answer as it is."""
        if reply.outcome is not LookupOutcome.ANSWER:
            return reply
        try:
            response = read_response(reply.wire)
            owners = [(alias.owner, CNAME) for alias in reply.chain]
            last = reply.chain[-1].target if reply.chain else text_of(response.asked)
            pairs = owners if type_ == CNAME else [*owners, (last, type_)]
            are_signed = [await self._is_signed(response, owner, kind, depth=0) for owner, kind in pairs]
        except MalformedError as error:
            return as_bogus(reply, str(error))
        except _BogusError as error:
            return as_bogus(reply, f"its signatures do not hold: {error}")
        return replace(reply, dnssec=Dnssec.VALIDATED if all(are_signed) else Dnssec.NONE)

    async def _is_signed(self, response: Response, owner: str, kind: int, *, depth: int) -> bool:
        """Is an RRset signed by a key that leads to an anchor? False where it has no signature or leads to none."""
        from dns.name import from_text

        name = from_text(owner)
        records, signatures = _rrset(response, name, kind), _rrset(response, name, RRSIG, covers=kind)
        if records is None or signatures is None:
            return False
        signer: Name = signatures[0].signer
        if not name.is_subdomain(signer):
            raise _BogusError("signed by a zone that it is not in")
        keys = await self._keys_of(signer, depth)
        if keys is None:
            return False
        _verify(records, signatures, keys)
        return True

    async def _keys_of(self, zone: Name, depth: int) -> RRset | None:
        """Return the keys of a zone, if a chain leads from an anchor to them."""
        if zone in self._keys:
            return self._keys[zone]
        is_below = any(zone.is_subdomain(anchor) for anchor in self._anchors)
        if not is_below or depth > LIMITS.max_dnssec_zones:
            return None
        trusted = self._anchors.get(zone) or await self._delegated(zone, depth)
        keys = await self._checked_keys(zone, trusted) if trusted else None
        self._keys[zone] = keys
        return keys

    async def _delegated(self, zone: Name, depth: int) -> list[Rdata] | None:
        """Return the DS records of a zone, as its parent signed them."""
        response = await self._response(zone, DS)
        if response is None or not await self._is_signed(response, _text(zone), DS, depth=depth + 1):
            return None
        found = _rrset(response, zone, DS)
        return None if found is None else list(found)

    async def _checked_keys(self, zone: Name, trusted: list[Rdata]) -> RRset | None:
        """Return the keys of a zone: signed by one of them that is trusted."""
        from dns.rrset import from_rdata_list

        response = await self._response(zone, DNSKEY)
        keys = None if response is None else _rrset(response, zone, DNSKEY)
        signatures = None if response is None else _rrset(response, zone, RRSIG, covers=DNSKEY)
        if keys is None or signatures is None:
            return None
        entry = [key for key in keys if any(_is_trusted(zone, key, known) for known in trusted)]
        if not entry:
            raise _BogusError(f"no key of {_text(zone)} is the one that is trusted")
        _verify(keys, signatures, from_rdata_list(zone, keys.ttl, entry))
        return keys

    async def _response(self, zone: Name, kind: int) -> Response | None:
        wire = await self._ask(_text(zone), kind)
        return read_response(wire) if wire else None


def _text(name: Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _rrset(response: Response, name: Name, kind: int, *, covers: int = 0) -> RRset | None:
    """Return the records of one owner and type (signatures: of what they cover); None where there are none.

    Raises MalformedError for one that cannot be read, and for more than a validator should be made to work through.
    """
    from dns.exception import DNSException
    from dns.rdata import from_wire
    from dns.rdataclass import RdataClass
    from dns.rdatatype import RdataType
    from dns.rrset import from_rdata_list

    owner = name.to_wire()
    if owner is None:
        return None
    wanted = [
        r for r in response.answers if r.type == kind and r.owner == owner.lower() and _covers(response, r, covers)
    ]
    most = LIMITS.max_dnssec_signatures if covers else LIMITS.max_dnssec_records
    if len(wanted) > most:
        raise MalformedError(f"{len(wanted)} records of one type, too many to check", wanted[0].start)
    if not wanted:
        return None
    try:
        data = [
            from_wire(RdataClass.IN, RdataType(kind), response.wire, record.start, record.end - record.start)
            for record in wanted
        ]
    except DNSException as error:
        raise MalformedError("a signed record that cannot be read", wanted[0].start) from error
    return from_rdata_list(name, wanted[0].ttl_s, data)


def _covers(response: Response, record: Record, kind: int) -> bool:
    return not kind or response.wire[record.start : record.start + 2] == kind.to_bytes(2, "big")


def _is_trusted(zone: Name, key: Rdata, known: Rdata) -> bool:
    """Is a key the one of an anchor or of a DS record (RFC 4034 section 5)?"""
    from dns.dnssec import make_ds
    from dns.exception import DNSException
    from dns.rdtypes import dnskeybase, dsbase

    if not isinstance(known, dsbase.DSBase) or not isinstance(key, dnskeybase.DNSKEYBase):
        return bool(key == known)
    try:
        return bool(make_ds(zone, key, known.digest_type) == known)
    except DNSException:  # a digest of a kind that is not known, or no longer trusted
        return False


def _verify(records: RRset, signatures: RRset, keys: RRset) -> None:
    from dns.dnssec import validate
    from dns.exception import DNSException

    if len(keys) > LIMITS.max_dnssec_records:
        raise _BogusError("too many keys")
    try:
        validate(records, signatures, {keys.name: keys})
    except (DNSException, ValueError) as error:
        raise _BogusError(f"{_text(records.name)}: {error}") from error
