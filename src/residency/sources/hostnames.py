"""What a host name hints at: provider regions, airport codes, and a few labels of vendors. Never evidence of a place.

The vendor writes the name, so a hint decides nothing; it is shown, and so is another that contradicts it. Precision
goes before recall: only labels below the registered name are read, and a code is a whole part of one, between dashes,
never a piece of a word. A code that is also a word or a common abbreviation counts only with digits beside it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from residency.model.evidence import Kind, Snapshot, Statement
from residency.model.names import HostNameError, normalise_host
from residency.model.place import Place, ProviderRegion
from residency.shipped import manifest, read_verified
from residency.sources.gazetteer import shipped_gazetteer
from residency.suffixes import registered_name

_CODE = re.compile(r"([a-z]{3})(\d{1,3}(?:[a-z]\d{0,3})?)?")  # fra, fra56, fra16s51
_MAX_HINTS = 16

# Under whose names a provider writes its region, as a whole label or between the dashes of one.
_PROVIDER_DOMAINS: dict[str, tuple[str, ...]] = {
    "aws": (
        *("amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws", "on.aws", "aws.dev", "awsapprunner.com"),
        *("amazoncognito.com", "awsapps.com", "amazonworkspaces.com"),
    ),
    "azure": (
        *("azure.com", "windows.net", "microsoft.com", "azurewebsites.net", "azurecontainerapps.io"),
        *("azurecontainer.io", "azmk8s.io", "azure.us", "azure.cn", "chinacloudapi.cn", "usgovcloudapi.net"),
    ),
    "gcp": ("cloudfunctions.net", "pkg.dev", "run.app", "googleapis.com", "googleusercontent.com", "gke.goog"),
    "oracle": ("oraclecloud.com", "oraclecloud.eu", "oraclecloudapps.com", "customer-oci.com", "oci.com"),
    "scaleway": ("scw.cloud", "scaleway.com"),
    "exoscale": ("exo.io", "exoscale.com"),
    "upcloud": ("upcloudobjects.com", "upcloud.com"),
}
# The one AWS region whose computers are not named by it.
_AWS_FIRST = re.compile(r"(?:compute|z)-1")
# Anybody may copy Amazon's form of a region (`eu-west-1`); these use it for places of their own.
_OTHER_MEANING = frozenset({"aliyuncs.com", "alibabacloud.com", "linodeobjects.com", "myhuaweicloud.com"})
_AWS_FORM = re.compile(r"[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class NameCode:
    """One row of data/name_codes.csv; `domains` are registered names, or stems of them (`tiktok*`)."""

    code: str
    kind: str
    country: str
    city: str
    stands_alone: bool
    domains: tuple[str, ...]

    def holds_in(self, registered: str) -> bool:
        """Does it mean its place below this registered name?"""
        stems = (d[:-1] if d.endswith("*") else d for d in self.domains)
        return not self.domains or any(
            registered.startswith(stem) if full.endswith("*") else registered == stem
            for stem, full in zip(stems, self.domains, strict=True)
        )


def hints(host: str) -> tuple[Statement, ...]:
    """Return what the labels of a host name hint at, in the order of the name; () for none, an address or no name.

    Each statement is of Kind.HOSTNAME, by the registered name's owner; `says` quotes the label. Several, and
    contradicting ones, are all kept.
    """
    try:
        name = normalise_host(host)
    except HostNameError:
        return ()
    registered = registered_name(name) if name else ""
    if not name or not registered or name == registered:
        return ()
    inner = name.removesuffix(f".{registered}").split(".")
    found = [*_regions(inner, name, registered), *_codes(inner, registered)]
    return tuple(dict.fromkeys(found))[:_MAX_HINTS]


def hint_snapshot() -> Snapshot:
    """Return the version of the table of codes, which every hint names as its source."""
    return manifest()["name-codes"].snapshot


def _regions(labels: list[str], name: str, registered: str) -> Iterator[Statement]:
    provider = _provider_of(name)
    for label in labels:
        if provider == "aws" and _AWS_FIRST.fullmatch(label):
            yield _region_hint(label, "aws", "us-east-1", registered)
        for found, region in _region_in(label, provider, registered):
            yield _region_hint(label, found, region, registered)


def _region_in(label: str, provider: str, registered: str) -> Iterator[tuple[str, str]]:
    """Yield (provider, region) for the regions that stand in a label between dashes, the longest of each start."""
    parts = label.split("-")
    known = _region_names(provider or "aws")
    for start in range(len(parts)):
        for end in range(len(parts), start, -1):
            candidate = "-".join(parts[start:end])
            if candidate in known and (provider or _is_plain_aws(candidate, label, registered)):
                yield provider, candidate
                break


def _is_plain_aws(candidate: str, label: str, registered: str) -> bool:
    """Is a label outside of any provider's names in Amazon's own form, and nothing else?"""
    return candidate == label and bool(_AWS_FORM.fullmatch(label)) and registered not in _OTHER_MEANING


def _region_hint(label: str, provider: str, region: str, registered: str) -> Statement:
    found = _region_names(provider or "aws")[region]
    where = f"{found.spot.city}, {found.spot.country}" if found.spot.city else found.spot.country
    if not provider:
        place = Place(found.spot.country)
        return _say(f"label `{label}`: {where}, if it is Amazon's region of that name", place, registered)
    return _say(
        f"label `{label}`: {provider} {region}, {where}", Place(found.spot.country, None, found.key), registered
    )


def _codes(labels: list[str], registered: str) -> Iterator[Statement]:
    table = _table()
    for label in labels:
        for part in re.split(r"[-_]", label):
            row, has_digits = _code_in(part, table)
            if row and row.holds_in(registered) and (has_digits or row.stands_alone):
                kind = {"airport": f"airport code {row.code.upper()}", "metro": f"city code {row.code.upper()}"}
                what = kind.get(row.kind, "a label of this vendor")
                yield _say(f"label `{label}`: {row.city}, {row.country} ({what})", Place(row.country), registered)


def _code_in(part: str, table: dict[str, NameCode]) -> tuple[NameCode | None, bool]:
    """Return the row of a whole part of a label, and whether digits stand beside the code."""
    whole = table.get(part)
    if whole is not None:
        return whole, False
    found = _CODE.fullmatch(part)
    return (table.get(found[1]), bool(found[2])) if found else (None, False)


def _say(says: str, place: Place, registered: str) -> Statement:
    return Statement(
        kind=Kind.HOSTNAME,
        source=hint_snapshot().id,
        author=registered,
        says=says,
        places=frozenset({place}),
        proves=False,
    )


def _provider_of(name: str) -> str:
    for provider, domains in _PROVIDER_DOMAINS.items():
        if any(name.endswith(f".{domain}") for domain in domains):
            return provider
    return ""


@lru_cache(maxsize=16)
def _region_names(provider: str) -> dict[str, ProviderRegion]:
    """The regions of a provider by name; of AWS the regions themselves, whose zones have no names of their own."""
    regions = (r for r in shipped_gazetteer().regions.values() if r.provider == provider)
    return {r.region: r for r in regions if r.border_group in ("", r.region)}


@lru_cache(maxsize=1)
def _table() -> dict[str, NameCode]:
    content, _ = read_verified("name-codes")
    rows = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))
    return {
        row["code"]: NameCode(
            code=row["code"],
            kind=row["kind"],
            country=row["country"],
            city=row["city"],
            stands_alone=row["alone"] == "yes",
            domains=tuple(row["domains"].split()),
        )
        for row in rows
    }
