"""Read one file of a provider's published ranges, strictly: what it is, its date, its prefixes by region.

A file says of itself whose list it is and, in most formats, of which day; where it does not, the day is given as
`FILE@2026-06-01`. A malformed entry is left out and reported with its path or line. Whether the file really is
what its provider published is not checked: its sha256 stands in the report.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from os import PathLike, fspath
from pathlib import Path

from residency.errors import Fault, LimitError, SourceError, shorten
from residency.files import read_capped
from residency.limits import LIMITS
from residency.model.network import parse_address
from residency.model.place import Gazetteer
from residency.sources.range_formats import Document, Entries, Entry, read_lines, read_rows, recognise
from residency.sources.range_rules import find_scope, normalise_region, read_services
from residency.sources.strict_json import parse_json

Prefix = tuple[int, int, int]  # family, first address as a number, length
_DATED = re.compile(r"(?P<file>.+)@(?P<day>\d{4}-\d{2}-\d{2})")
_DATE_IN_NAME = re.compile(r"ServiceTags_[A-Za-z]+_(\d{8})")  # Azure dates its file in its name only
_EARLIEST = date(2006, 1, 1)  # no provider published a list before
_WIDEST = {4: 8, 6: 16}
_BLOCK = {4: 16, 6: 32}
_ACCEPTED = (
    "AWS ip-ranges.json, Google cloud.json and goog.json, Azure ServiceTags, Oracle public_ip_ranges.json, "
    "Cloudflare ips-v4/ips-v6 or API, Fastly public-ip-list, DigitalOcean google.csv, GitHub meta"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One prefix as a list has it: its regions (several where the list names several), services and scope."""

    prefix: Prefix
    region: str
    border_group: str
    services: frozenset[str]
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeList:
    """One list of one provider, of one day: `published` is None where nobody says of which."""

    list_id: str
    provider: str
    name: str
    path: str
    published: date | None
    sha256: str
    rows: tuple[Listed, ...]
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()


def read_range_file(given: str | PathLike[str]) -> RangeList:
    """Read `FILE` or `FILE@DAY`; the format is recognised by content.

    Raises SourceError for a file that is none of the known formats or mostly malformed, LimitError over a cap.
    """
    path, day = _split(fspath(given))
    try:
        content = read_capped(path, LIMITS.max_ranges_bytes)
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", path=path) from error
    return read_ranges(content, path=str(path), day=day)


def read_ranges(content: bytes, *, path: str, day: date | None = None) -> RangeList:
    """Read the bytes of a list; `path` is named in errors, `day` is used where the list has no date of its own."""
    text = _decode(content, path)
    list_id, provider, name, own, entries = _open(text, path)
    published = _published(own, day, path)
    found, faults = _read_entries(entries, provider, path)
    rows = _merge(found, list_id)
    covered = _drop_placeless_details(rows)
    return RangeList(
        list_id=list_id,
        provider=provider,
        name=name,
        path=path,
        published=published,
        sha256=hashlib.sha256(content).hexdigest(),
        rows=tuple(sorted(covered, key=lambda row: row.prefix)),
        faults=tuple(faults[: LIMITS.max_faults_kept]),
        warnings=(*_undated(published), *_malformed(faults), *_overlaps(covered)),
    )


def unknown_regions(rows: Iterable[Listed], provider: str, gazetteer: Gazetteer) -> tuple[str, ...]:
    """Return a warning for each region that the gazetteer does not place: its prefixes have no place."""
    if provider == "github":
        return ()
    names = Counter(
        row.border_group or name for row in rows if row.scope == "regional" for name in row.region.split(", ")
    )
    return tuple(
        f"region `{shorten(name)}` of {provider} is not known here: {count} prefixes have no place"
        for name, count in sorted(names.items())
        if f"{provider}/{name}" not in gazetteer.regions
    )


def _split(given: str) -> tuple[Path, date | None]:
    """Split `FILE@DAY`, unless a file of the whole name exists."""
    found = _DATED.fullmatch(given)
    if found is None or Path(given).exists():
        return Path(given), None
    try:
        return Path(found["file"]), date.fromisoformat(found["day"])
    except ValueError as error:
        raise SourceError(f"`{found['day']}` is no date; write FILE@2026-06-01", path=found["file"]) from error


def _decode(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError("not UTF-8 text; give the file as its provider publishes it", path=path) from error


def _open(text: str, path: str) -> tuple[str, str, str, date | None, Entries]:
    """Recognise the format: its list, provider and name, its own date, and its entries."""
    if text.lstrip()[:1] in ("{", "["):
        document = _read_json(text, path)
        shape = recognise(document)
        if shape is None:
            raise SourceError(f"no list of ranges that is known here ({_ACCEPTED})", path=path)
        own = _day_in_name(path) if shape.provider == "azure" else _day_of(shape.date_of(document))
        return shape.list_id, shape.provider, shape.name, own, shape.entries(document)
    lines = text.splitlines()
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    if "," in first and _is_from(lines, "digitalocean"):
        return "digitalocean", "digitalocean", "DigitalOcean google.csv", None, read_rows(lines)
    if "," not in first and _is_from(lines, "cloudflare"):
        return "cloudflare", "cloudflare", "Cloudflare ips", None, read_lines(lines)
    hint = "a geofeed goes to --geofeed, a plain list of anycast prefixes to --anycast"
    raise SourceError(f"no list of ranges that is known here ({_ACCEPTED}); {hint}", path=path)


def _read_json(text: str, path: str) -> Document:
    try:
        document = parse_json(text.encode("utf-8"))
    except SourceError as error:
        raise SourceError(error.what, path=path) from error
    if not isinstance(document, dict):
        raise SourceError(f"no list of ranges that is known here ({_ACCEPTED})", path=path)
    return document


def _is_from(lines: Sequence[str], provider: str) -> bool:
    """Do most of a text's first prefixes lie in what the provider is known to hold? Plain text names no provider."""
    known = _known_prefixes(provider)
    asked = [line.split(",")[0].strip() for line in islice((x for x in lines if x.strip() and x[0] != "#"), 200)]
    prefixes = [prefix for text in asked if (prefix := _prefix(text)) is not None]
    inside = sum(any(_covers(wide, prefix) for wide in known) for prefix in prefixes)
    return bool(prefixes) and 2 * inside > len(prefixes)


@lru_cache(maxsize=4)
def _known_prefixes(provider: str) -> tuple[Prefix, ...]:
    from residency.sources.embedded import read_table

    columns, words, _ = read_table("provider-ranges")
    rows = (columns["provider"] == words["provider"].index(provider)).nonzero()[0].tolist()
    halves = zip(*(columns[name][rows].tolist() for name in ("family", "hi", "lo", "length")), strict=True)
    return tuple((family, (high << 64) + low, length) for family, high, low, length in halves)


def _covers(wide: Prefix, prefix: Prefix) -> bool:
    """Do the two overlap: is one inside the other?"""
    shift = (32 if prefix[0] == 4 else 128) - min(wide[2], prefix[2])
    return wide[0] == prefix[0] and wide[1] >> shift == prefix[1] >> shift


def _prefix(text: str) -> Prefix | None:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return None
    return network.version, int(network.network_address), network.prefixlen


def _day_of(text: str) -> date | None:
    """Read the date at the start of a list's own time stamp."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _day_in_name(path: str) -> date | None:
    found = _DATE_IN_NAME.search(Path(path).name)
    return _day_of(f"{found[1][:4]}-{found[1][4:6]}-{found[1][6:]}") if found else None


def _published(own: date | None, given: date | None, path: str) -> date | None:
    """Return the list's own date, else the one given; refuse two that differ and an impossible one."""
    if own and given and own != given:
        raise SourceError(f"the list says of itself that it is of {own}; leave out @{given}", path=path)
    day = own or given
    if day and not _EARLIEST <= day <= (datetime.now(UTC) + timedelta(days=1)).date():
        raise SourceError(f"a list of {day}: no such list can be; check the file or the clock", path=path)
    return day


def _read_entries(
    entries: Entries, provider: str, path: str
) -> tuple[dict[Prefix, list[tuple[str, str, frozenset[str]]]], list[Fault]]:
    """Read prefixes, regions and services; what cannot be read becomes a fault with its path."""
    found: dict[Prefix, list[tuple[str, str, frozenset[str]]]] = defaultdict(list)
    faults: list[Fault] = []
    known: dict[str, Prefix | str] = {}
    services: dict[str, frozenset[str]] = {}
    count = 0
    for entry in entries:
        count += 1
        if count > LIMITS.max_range_prefixes:
            raise LimitError(f"a list of over {LIMITS.max_range_prefixes} entries", path=path)
        if isinstance(entry, Fault):
            faults.append(entry)
            continue
        read = known.get(entry.prefix) or known.setdefault(entry.prefix, check_prefix(entry.prefix))
        if isinstance(read, str):
            faults.append(_fault(entry, read))
            continue
        named = services.get(entry.service)
        if named is None:
            named = services[entry.service] = read_services(provider, entry.service)
        found[read].append((normalise_region(provider, entry.region), entry.border_group, named))
    if not found or len(faults) > count // 2:
        raise SourceError(_why_unusable(count, faults), path=path)
    return found, faults


def _why_unusable(count: int, faults: Sequence[Fault]) -> str:
    if not faults:
        return "the list holds no prefix"
    return f"{len(faults)} of {count} entries are malformed, first {faults[0].where}: {faults[0].what}"


def _fault(entry: Entry, why: str) -> Fault:
    return Fault(where=entry.where, line=entry.line, what=f"{shorten(entry.prefix)}: {why}")


def check_prefix(text: str) -> Prefix | str:
    """Return the prefix, or the reason why it is none that a provider can publish."""
    if len(text) > 64:
        return "not a prefix"
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        return "has bits set right of its length" if "host bits" in str(error) else "not a prefix"
    if network.prefixlen < _WIDEST[network.version]:
        return f"wider than /{_WIDEST[network.version]}"
    if not _is_public(network):
        return "not public address space"
    return network.version, int(network.network_address), network.prefixlen


def _is_public(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """Are both ends public? A block whose own ends are is looked at once: lists hold thousands of prefixes in it.

    A special /24 inside such a block passes, and does no harm: sources are never asked about its addresses.
    """
    value, width = int(network.network_address), network.max_prefixlen
    if network.prefixlen >= _BLOCK[network.version] and _is_public_block(
        network.version, value >> (width - _BLOCK[network.version])
    ):
        return True
    return _are_public(str(network.network_address), str(network.broadcast_address))


@lru_cache(maxsize=4096)
def _is_public_block(version: int, block: int) -> bool:
    shift = (32 if version == 4 else 128) - _BLOCK[version]
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    return _are_public(str(kind(block << shift)), str(kind(((block + 1) << shift) - 1)))


def _are_public(*texts: str) -> bool:
    return all(parse_address(text).is_locatable for text in texts)


def _merge(found: Mapping[Prefix, Sequence[tuple[str, str, frozenset[str]]]], list_id: str) -> list[Listed]:
    """Make one row of each prefix: an entry without region belongs to the prefix's region where it has one."""
    rows = []
    for prefix, entries in found.items():
        services = frozenset[str]().union(*(named for _, _, named in entries))
        regions = sorted({region for region, _, _ in entries} - {""})
        groups = sorted({group for _, group, _ in entries} - {"", "global"})
        region = ", ".join(regions)
        scope = find_scope(list_id, region, services)
        group = groups[0] if len(groups) == 1 == len(regions) else ""
        rows.append(Listed(prefix=prefix, region=region, border_group=group, services=services, scope=scope))
    return rows


def supernets(prefix: Prefix) -> Iterable[Prefix]:
    """Yield the prefixes that hold this one, narrowest first, up to the widest that are read."""
    family, value, length = prefix
    width = 32 if family == 4 else 128
    for shorter in range(length - 1, _WIDEST[family] - 1, -1):
        yield family, value >> (width - shorter) << (width - shorter), shorter


def _drop_placeless_details(rows: Sequence[Listed]) -> list[Listed]:
    """Leave out prefixes without region inside a wider one that has one: they say nothing and would hide it.

    Azure lists thousands of single addresses under tags that have no region (`AzureMonitor`).
    """
    regional = {row.prefix for row in rows if row.scope == "regional"}
    return [row for row in rows if not (row.scope == "global" and not row.region and _lies_in(row.prefix, regional))]


def _lies_in(prefix: Prefix, regional: set[Prefix]) -> bool:
    return any(wide in regional for wide in supernets(prefix))


def _undated(published: date | None) -> tuple[str, ...]:
    if published:
        return ()
    return ("the list has no date: it can warn and never contradict; give its day as FILE@2026-06-01",)


def _malformed(faults: Sequence[Fault]) -> tuple[str, ...]:
    if not faults:
        return ()
    return (f"{len(faults)} malformed entries are left out, first {faults[0].where}: {faults[0].what}",)


def _overlaps(rows: Sequence[Listed]) -> tuple[str, ...]:
    """Warn of prefixes of one region inside a wider one of another (the most specific is used)."""
    where = {row.prefix: row.region for row in rows if row.scope == "regional"}
    nested = [
        (prefix, wide)
        for prefix, region in where.items()
        if (wide := next((w for w in supernets(prefix) if w in where), None)) and where[wide] != region
    ]
    double = sorted(prefix for prefix, region in where.items() if ", " in region)
    found = []
    if nested:
        prefix, wide = min(nested)
        found.append(
            f"{len(nested)} prefixes lie in a wider one of another region, and the most specific is used: "
            f"{show(prefix)} ({where[prefix]}) in {show(wide)} ({where[wide]})"
        )
    if double:
        found.append(f"{len(double)} prefixes are listed for several regions: {show(double[0])} ({where[double[0]]})")
    return tuple(found)


def show(prefix: Prefix) -> str:
    """Return a prefix as text."""
    family, value, length = prefix
    kind = ipaddress.IPv4Address if family == 4 else ipaddress.IPv6Address
    return f"{kind(value)}/{length}"
