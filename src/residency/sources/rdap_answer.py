"""One RDAP answer about an address (RFC 9083 section 5.4), read into a registered network.

`ipwhois` reads the objects; it gets a copy that holds only what it needs, of the right types, and never opens a
connection. Which range the answer speaks of is read here: real answers write `074.125.000.000` and `2001:db8::/128`.
What is in the answer is the registry's and the holder's word. Not checked: whether the registry is right.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from residency.errors import SourceError, shorten
from residency.limits import LIMITS
from residency.sources.strict_json import JsonValue

_ORIGIN_FIELD = "arin_originas0_originautnums"
_GEOFEED_TYPE = "application/geofeed+csv"
_GEOFEED_RELATIONS = frozenset({"geo", "geofeed"})
_GEOFEED_REMARK = re.compile(r"Geofeed:?\s+(https://\S+)", re.IGNORECASE)
# How registries write countries whose ISO 3166-1 name is another.
_POSTAL_NAMES = {"united states": "US", "usa": "US", "united kingdom": "GB"}
_MAX_ITEMS = 64  # entities, links, remarks: honest answers hold a handful
_MAX_TEXT = 200
_WIDEST_BITS = {4: 32 - 8, 6: 128 - 16}  # nobody holds more than a /8 or a /16


class RdapError(SourceError):
    """An answer that cannot be used; `cause` is a short stable word (`shape`, `range`, `mismatch`)."""

    def __init__(self, cause: str, what: str) -> None:
        super().__init__(what)
        self.cause = cause


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredNetwork:
    """A network as a registry has it: values `first` to `last` of its family, holder, country, origin AS numbers.

    `country` is an upper-case code as said, "" where none is; `is_postal` where it is the holder's postal address
    that names it and not the network. `geofeeds` are the URLs that the answer names (RFC 9632, RFC 9877).
    """

    family: int
    first: int
    last: int
    handle: str
    name: str
    holder: str
    country: str
    is_postal: bool = False
    asns: tuple[int, ...] = ()
    geofeeds: tuple[str, ...] = ()
    registry: str = ""
    url: str = ""
    sha256: str = ""
    fetched_at: datetime | None = None

    @property
    def is_whole_block(self) -> bool:
        """Is it wider than any holder's network: what registries answer about space that they have not given out?"""
        widest = _WIDEST_BITS[self.family]
        return self.last - self.first >= 1 << widest

    def covers(self, family: int, value: int) -> bool:
        """Does it hold this address?"""
        return family == self.family and self.first <= value <= self.last


def read_answer(document: JsonValue, family: int, value: int, countries: Mapping[str, str]) -> RegisteredNetwork:
    """Read an answer to a question about one address; raises RdapError where it answers another one.

    `countries` is code -> name; it serves to read the country in a postal address.
    """
    if not isinstance(document, dict):
        raise RdapError("shape", "an RDAP answer that is no object")
    first, last = _range(document, family)
    if not first <= value <= last:
        raise RdapError("mismatch", "the answer is about a network that does not hold the address asked about")
    read = _read_by_ipwhois(document, family, value, (first, last))
    network: Mapping[str, Any] = read["network"]
    holder, postal = _holder(read["objects"], countries)
    said = _line(network.get("country")).upper()
    return RegisteredNetwork(
        family=family,
        first=first,
        last=last,
        handle=_line(network.get("handle")),
        name=_line(network.get("name")),
        holder=holder or _line(network.get("name")),
        country=said or postal,
        is_postal=not said and bool(postal),
        asns=_origins(document.get(_ORIGIN_FIELD)),
        geofeeds=tuple(dict.fromkeys(_geofeeds(document))),
    )


def _range(document: Mapping[str, JsonValue], family: int) -> tuple[int, int]:
    first = _bound(document.get("startAddress"), family, is_last=False)
    last = _bound(document.get("endAddress"), family, is_last=True)
    if first > last:
        raise RdapError("range", "the answer's network ends before it starts")
    return first, last


def _bound(said: JsonValue, family: int, *, is_last: bool) -> int:
    """Read one end of a range: an address, one with leading zeros, or one with a prefix length."""
    if not isinstance(said, str):
        raise RdapError("range", "the answer names no range of addresses")
    text = said.strip()
    if family == 4:
        # RDAP's zeros are padding (decimal), unlike the octal that programs read into them elsewhere.
        text = re.sub(r"(^|\.)0+(?=[0-9])", r"\1", text)
    try:
        network = ipaddress.ip_interface(text).network
    except ValueError as error:
        raise RdapError("range", f"`{shorten(said)}` is no address") from error
    if network.version != family:
        raise RdapError("mismatch", "the answer is about the other address family")
    bare = text.partition("/")[0]
    if int(ipaddress.ip_address(bare)) == int(network.network_address) and is_last:
        return int(network.broadcast_address)
    return int(ipaddress.ip_address(bare))


def _read_by_ipwhois(
    document: Mapping[str, JsonValue], family: int, value: int, ends: tuple[int, int]
) -> Mapping[str, Any]:
    from ipwhois.exceptions import BaseIpwhoisException
    from ipwhois.net import Net
    from ipwhois.rdap import RDAP

    kind = ipaddress.IPv4Address if family == 4 else ipaddress.IPv6Address
    clean: dict[str, Any] = {
        "handle": _line(document.get("handle")),
        "name": _line(document.get("name")),
        "country": _line(document.get("country")),
        "ipVersion": f"v{family}",
        "startAddress": str(kind(ends[0])),
        "endAddress": str(kind(ends[1])),
        "parentHandle": "",
        "entities": list(_clean_entities(document.get("entities"))),
    }
    try:
        answer: Mapping[str, Any] = RDAP(Net(str(kind(value)))).lookup(
            response=clean, bootstrap=True, root_ent_check=False, depth=0
        )
    except (BaseIpwhoisException, LookupError, TypeError, ValueError, AttributeError) as error:
        raise RdapError("shape", f"an RDAP answer that cannot be read: {shorten(error)}") from error
    return answer


def _clean_entities(entities: JsonValue) -> Iterator[dict[str, JsonValue]]:
    """Yield the entities with a handle of their own, and only the fields that tell who holds the network."""
    for i, entity in enumerate(_objects(entities)):
        roles = entity.get("roles")
        card = entity.get("vcardArray")
        yield {
            "handle": _line(entity.get("handle")) or f"entity {i + 1}",
            "roles": [r for r in roles if isinstance(r, str)] if isinstance(roles, list) else [],
            "vcardArray": _clean_card(card),
        }


def _clean_card(card: JsonValue) -> list[JsonValue]:
    """Return a jCard (RFC 7095) with the properties that are read: name, kind and postal address."""
    properties = card[1] if isinstance(card, list) and len(card) > 1 and isinstance(card[1], list) else []
    kept: list[JsonValue] = [
        p
        for p in properties[:_MAX_ITEMS]
        if isinstance(p, list) and len(p) >= 4 and p[0] in ("fn", "kind", "adr") and isinstance(p[1], dict)
    ]
    return ["vcard", kept]


def _holder(objects: Mapping[str, Mapping[str, Any]], countries: Mapping[str, str]) -> tuple[str, str]:
    """Return the holder's name and the country of its postal address: the registrant, else an organisation.

    People named as contacts are not the holder; their names are not kept.
    """
    contacts = [(entity, entity.get("contact") or {}) for entity in objects.values()]
    ranked = sorted(contacts, key=lambda pair: "registrant" not in (pair[0].get("roles") or ()))
    for entity, contact in ranked:
        name = _line(contact.get("name"))
        is_registrant = "registrant" in (entity.get("roles") or ())
        if contact.get("kind") == "individual" and not is_registrant:
            continue
        if (is_registrant or contact.get("kind") == "org") and name and name != entity.get("handle"):
            return name, _postal_country(contact.get("address"), countries)
    return "", ""


def _postal_country(addresses: object, countries: Mapping[str, str]) -> str:
    """Return the country that the last line of a postal address names in full, "" where it names none."""
    first = addresses[0] if isinstance(addresses, list) and addresses else {}
    value = first.get("value") if isinstance(first, Mapping) else None
    if not isinstance(value, str):
        return ""
    last = value.strip().replace("\\n", "\n").rpartition("\n")[2].strip().casefold()
    return _POSTAL_NAMES.get(last) or next((code for code, name in countries.items() if name.casefold() == last), "")


def _origins(said: JsonValue) -> tuple[int, ...]:
    numbers = said[:_MAX_ITEMS] if isinstance(said, list) else []
    return tuple(sorted({n for n in numbers if isinstance(n, int) and not isinstance(n, bool) and 0 < n < 1 << 32}))


def _geofeeds(document: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield the geofeeds named by a link (RFC 9877 section 2.2) or by a remark (RFC 9632 section 3)."""
    for link in _objects(document.get("links")):
        relations = frozenset(str(link.get("rel")).split())
        href = link.get("href")
        if isinstance(href, str) and (relations & _GEOFEED_RELATIONS or link.get("type") == _GEOFEED_TYPE):
            yield href[: LIMITS.max_url_characters]
    for remark in _objects(document.get("remarks")):
        lines = remark.get("description")
        for line in lines[:_MAX_ITEMS] if isinstance(lines, list) else []:
            found = _GEOFEED_REMARK.fullmatch(line.strip()) if isinstance(line, str) else None
            if found:
                yield found[1][: LIMITS.max_url_characters]


def _objects(said: JsonValue) -> list[dict[str, JsonValue]]:
    return [item for item in said[:_MAX_ITEMS] if isinstance(item, dict)] if isinstance(said, list) else []


def _line(said: object) -> str:
    """Return a text as one short line, "" for anything else."""
    return shorten(" ".join(said.split()), _MAX_TEXT) if isinstance(said, str) else ""
