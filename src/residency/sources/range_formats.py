"""The official shapes of providers' lists, each told by its content: what it names, its own date, its entries.

A reader walks a parsed document and yields an entry for each prefix, or a fault with the path of what it could
not read. It checks shapes only; prefixes, regions and dates are read in `range_files`.
Sources: the documentation pages of each provider on its address ranges, named in docs/data.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from residency.errors import Fault, shorten

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One prefix as a list gives it, unread: `where` is its path in the document."""

    where: str
    prefix: str
    region: str = ""
    service: str = ""
    border_group: str = ""
    line: int | None = None


Entries = Iterator[Entry | Fault]


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeFormat:
    """One official JSON format: `list_id` tells apart the lists of one provider, `date_of` is the text of its date."""

    name: str
    list_id: str
    provider: str
    matches: Callable[[Document], bool]
    date_of: Callable[[Document], str]
    entries: Callable[[Document], Entries]


def _text(item: object, key: str) -> str:
    value = item.get(key) if isinstance(item, Mapping) else None
    return value if isinstance(value, str) else ""


def _items(document: object, key: str, where: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, value) for every member of the list at `key`; nothing where it is absent."""
    value = document.get(key) if isinstance(document, Mapping) else None
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield f"{where}{key}[{i}]", item


def _bad(where: str, item: object, wanted: str) -> Fault:
    return Fault(where=where, line=None, what=f"{shorten(repr(item), 60)} where {wanted} belongs")


def _prefixes(document: object, key: str, where: str = "", *, region: str = "", service: str = "") -> Entries:
    """Yield the texts of a plain list of prefixes."""
    for path, item in _items(document, key, where):
        if isinstance(item, str):
            yield Entry(where=path, prefix=item, region=region, service=service)
        else:
            yield _bad(path, item, "a prefix")


def _aws(document: Document) -> Entries:
    for key, name in (("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix")):
        for path, item in _items(document, key):
            prefix, region = _text(item, name), _text(item, "region")
            if not prefix or not region:
                yield _bad(path, item, f"`{name}` with its `region`")
                continue
            group = _text(item, "network_border_group")
            yield Entry(
                where=path, prefix=prefix, region=region, service=_text(item, "service"), border_group=group.lower()
            )


def _google(document: Document) -> Entries:
    for path, item in _items(document, "prefixes"):
        prefix = _text(item, "ipv4Prefix") or _text(item, "ipv6Prefix")
        if not prefix:
            yield _bad(path, item, "`ipv4Prefix` or `ipv6Prefix`")
            continue
        service = _text(item, "service").replace(" ", "_")
        yield Entry(where=path, prefix=prefix, region=_text(item, "scope"), service=service)


def _azure(document: Document) -> Entries:
    for path, tag in _items(document, "values"):
        properties = tag.get("properties") if isinstance(tag, Mapping) else None
        if not isinstance(properties, Mapping) or not isinstance(properties.get("addressPrefixes"), list):
            yield _bad(path, tag, "a service tag with `properties.addressPrefixes`")
            continue
        region, inner = _text(properties, "region"), f"{path}.properties."
        yield from _prefixes(properties, "addressPrefixes", inner, region=region, service=_text(tag, "name"))


def _oracle(document: Document) -> Entries:
    for path, region in _items(document, "regions"):
        name = _text(region, "region")
        if not name or not isinstance(region.get("cidrs"), list):
            yield _bad(path, region, "a `region` with its `cidrs`")
            continue
        for inner, item in _items(region, "cidrs", f"{path}."):
            prefix = _text(item, "cidr")
            if not prefix:
                yield _bad(inner, item, "`cidr`")
                continue
            tags = ",".join(tag for _, tag in _items(item, "tags") if isinstance(tag, str))
            yield Entry(where=inner, prefix=prefix, region=name, service=tags)


def _cloudflare(document: Document) -> Entries:
    for key in ("ipv4_cidrs", "ipv6_cidrs"):
        yield from _prefixes(document.get("result"), key, "result.")


def _fastly(document: Document) -> Entries:
    for key in ("addresses", "ipv6_addresses"):
        yield from _prefixes(document, key)


# Members of GitHub's answer that hold no prefixes of its own services.
_GITHUB_OTHER = frozenset({"ssh_keys", "domains", "ssh_key_fingerprints"})


def _github(document: Document) -> Entries:
    for key in document:
        if key not in _GITHUB_OTHER:
            yield from _prefixes(document, key, service=key)


def _has(document: Document, key: str, kind: type) -> bool:
    return isinstance(document.get(key), kind)


def _is_google(document: Document) -> bool:
    return _has(document, "creationTime", str) and _has(document, "prefixes", list)


def _names_scopes(document: Document) -> bool:
    return any(_text(item, "scope") for _, item in _items(document, "prefixes"))


def _is_azure(document: Document, cloud: str) -> bool:
    """Is it a file of service tags for the cloud whose name holds `cloud`?"""
    return _has(document, "values", list) and "changeNumber" in document and cloud in _text(document, "cloud").lower()


def _is_cloudflare(document: Document) -> bool:
    result = document.get("result")
    return isinstance(result, Mapping) and any(_has(result, key, list) for key in ("ipv4_cidrs", "ipv6_cidrs"))


def _azure_format(list_id: str, cloud: str) -> RangeFormat:
    return RangeFormat(
        name="Azure service tags",
        list_id=list_id,
        provider="azure",
        matches=lambda d: _is_azure(d, cloud),
        date_of=lambda _: "",
        entries=_azure,
    )


FORMATS: tuple[RangeFormat, ...] = (
    RangeFormat(
        name="AWS ip-ranges.json",
        list_id="aws",
        provider="aws",
        matches=lambda d: _has(d, "prefixes", list) and "syncToken" in d and _has(d, "createDate", str),
        date_of=lambda d: _text(d, "createDate"),
        entries=_aws,
    ),
    RangeFormat(
        name="Google cloud.json",
        list_id="gcp",
        provider="gcp",
        matches=lambda d: _is_google(d) and _names_scopes(d),
        date_of=lambda d: _text(d, "creationTime"),
        entries=_google,
    ),
    RangeFormat(
        name="Google goog.json",
        list_id="google",
        provider="gcp",
        matches=_is_google,
        date_of=lambda d: _text(d, "creationTime"),
        entries=_google,
    ),
    _azure_format("azure", "public"),
    _azure_format("azure-government", "gov"),
    _azure_format("azure-china", "china"),
    RangeFormat(
        name="Oracle public_ip_ranges.json",
        list_id="oracle",
        provider="oracle",
        matches=lambda d: _has(d, "regions", list) and _has(d, "last_updated_timestamp", str),
        date_of=lambda d: _text(d, "last_updated_timestamp"),
        entries=_oracle,
    ),
    RangeFormat(
        name="Cloudflare API ips",
        list_id="cloudflare",
        provider="cloudflare",
        matches=_is_cloudflare,
        date_of=lambda _: "",
        entries=_cloudflare,
    ),
    RangeFormat(
        name="Fastly public-ip-list",
        list_id="fastly",
        provider="fastly",
        matches=lambda d: _has(d, "addresses", list) and _has(d, "ipv6_addresses", list),
        date_of=lambda _: "",
        entries=_fastly,
    ),
    RangeFormat(
        name="GitHub meta",
        list_id="github-meta",
        provider="github",
        matches=lambda d: _has(d, "hooks", list) and _has(d, "web", list) and _has(d, "git", list),
        date_of=lambda _: "",
        entries=_github,
    ),
)


def recognise(document: Document) -> RangeFormat | None:
    """Return the first format whose shape the document has, or None."""
    return next((shape for shape in FORMATS if shape.matches(document)), None)


def read_lines(lines: list[str]) -> Entries:
    """Yield the prefixes of a text that holds one a line (Cloudflare ips-v4, ips-v6)."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield Entry(where=f"line {number}", prefix=line.strip(), line=number)


def read_rows(lines: list[str]) -> Entries:
    """Yield the prefixes of DigitalOcean's CSV: prefix, country, ISO 3166-2 part, city, postal code.

    The region is the part, as in the shipped list. A row without part has no region.
    """
    import csv

    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        row = next(csv.reader([line]))
        if len(row) < 3:
            yield Fault(where=f"line {number}", line=number, what="fewer than prefix, country, part")
            continue
        yield Entry(where=f"line {number}", prefix=row[0].strip(), region=row[2].strip(), line=number)
