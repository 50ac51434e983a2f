"""The lines of a geofeed (RFC 8805): one prefix, its country, region and city; what breaks the format is set aside.

A line is read strictly, for a feed is evidence: five fields (further ones are ignored, as the format may grow), a
prefix without host bits that lies in public address space, an ISO 3166-1 code or nothing, an ISO 3166-2 region of
that country or nothing. Codes may be in either case (RFC 8805 section 2.1.1). The postal code is not kept.

Feeds in use leave the last comma away. A line of four fields is taken where no line of its feed has a postal code,
since then nothing can be missing; elsewhere, and at the end of a file without a final newline, it may be cut short.

Not checked: whether a region exists beyond its form, and the RPKI signature of RFC 9632.
"""

from __future__ import annotations

import csv
import ipaddress
import re
from collections.abc import Container
from dataclasses import dataclass
from functools import lru_cache

from residency.errors import shorten
from residency.limits import LIMITS
from residency.model.network import AddressClass, parse_address

_REGION = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}")
_FIELDS = 5
_WIDEST = {4: 8, 6: 16}  # no holder has a wider network
_MAX_LINE = 1_000
_BLOCK_BITS = {4: 32 - 24, 6: 128 - 48}
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One usable line. Without a country the publisher declines to say where the prefix is."""

    line: int
    network: Network
    country: str
    region: str
    city: str

    @property
    def place(self) -> tuple[str, str, str]:
        """What it says, to compare lines."""
        return self.country, self.region, self.city


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was set aside: its number (1-based), why, and its beginning."""

    line: int
    reason: str
    text: str


class _LineError(ValueError):
    """Why a line is set aside."""


def read_lines(text: str, countries: Container[str]) -> list[FeedEntry | BadLine]:
    """Return every line of a feed that is neither blank nor a comment, usable or set aside, in order."""
    lines = text.removeprefix("\ufeff").split("\n")
    found: list[FeedEntry | BadLine] = []
    short: list[int] = []  # positions in `found` of lines with four fields
    has_postal = False
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if number > LIMITS.max_geofeed_lines:
            found.append(BadLine(number, f"over {LIMITS.max_geofeed_lines:,} lines; the rest is not read", ""))
            break
        try:
            fields = _split(stripped)
            if len(fields) < _FIELDS and (len(fields) < _FIELDS - 1 or number == len(lines)):
                raise _LineError(f"{len(fields)} fields where five are due")
            found.append(_read_fields(number, fields, countries))
        except _LineError as error:
            found.append(BadLine(number, str(error), shorten(stripped)))
            continue
        if len(fields) < _FIELDS:
            short.append(len(found) - 1)
        elif fields[4]:
            has_postal = True
    for at in short if has_postal else ():
        line_number = found[at].line
        found[at] = BadLine(line_number, "4 fields where five are due", shorten(lines[line_number - 1].strip()))
    return found


def _read_fields(number: int, fields: list[str], countries: Container[str]) -> FeedEntry:
    prefix, country, region, city = fields[0], fields[1].upper(), fields[2].upper(), fields[3]
    network = _read_prefix(prefix)
    if country and country not in countries:
        raise _LineError(f"`{shorten(country)}` is no ISO 3166-1 code")
    if region and not _REGION.fullmatch(region):
        raise _LineError(f"`{shorten(region)}` is no ISO 3166-2 code")
    if region and region[:2] != country:
        raise _LineError(f"region {region} is not in {country or 'no country'}")
    return FeedEntry(number, network, country, region, city)


def _split(line: str) -> list[str]:
    """Return the fields of a line without the blanks around them."""
    if len(line) > _MAX_LINE:
        raise _LineError(f"a line of {len(line)} characters")
    if not line.isprintable():
        raise _LineError("a control or invisible character")
    if '"' not in line:
        return [field.strip() for field in line.split(",")]
    try:
        return [field.strip() for field in next(csv.reader([line], strict=True, skipinitialspace=True))]
    except csv.Error as error:
        raise _LineError(f"quotes that do not match: {error}") from error


def _read_prefix(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise _LineError(_why_no_prefix(text)) from error
    if network.prefixlen < _WIDEST[network.version]:
        raise _LineError(f"{network} is wider than any holder's network")
    for end in (network.network_address, network.broadcast_address):
        kind = _class_of_block(network.version, int(end) >> _BLOCK_BITS[network.version])
        if kind is not AddressClass.PUBLIC:
            raise _LineError(f"{shorten(text)} is {kind} address space")
    return network


@lru_cache(maxsize=1 << 16)
def _class_of_block(version: int, block: int) -> AddressClass:
    """Return the class of a /24 or /48: no part of public space is divided more finely (model.network)."""
    value = block << _BLOCK_BITS[version]
    first = ipaddress.IPv4Address(value) if version == 4 else ipaddress.IPv6Address(value)
    return parse_address(str(first)).address_class


def _why_no_prefix(text: str) -> str:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"`{shorten(text)}` is no prefix"
    return f"{shorten(text)} has bits set beyond its length"
