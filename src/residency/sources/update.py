"""`data update`: fetch the providers' lists from their official addresses, and keep each with its day and hash.

Kept as `<folder>/<list>/<day>.json` (or .csv) beside a `.sha256` in the form of sha256sum. Nothing here runs unless it
is asked for, and no audit reads what is kept unless it says `--ranges updated` (docs/adr/0008): an update must not
change a verdict behind anybody's back. Who fetches is `fetch`; a list is read before it is kept.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from residency.errors import SourceError, UsageError, did_you_mean, shorten
from residency.sources.range_files import RangeList, read_ranges

if TYPE_CHECKING:
    from residency.sources.fetch import Fetcher
    from residency.sources.fetch_policy import FetchPolicy
    from residency.sources.fetched import Fetched, FetchKind

UPDATED = "updated"  # what `--ranges` says for all that was kept
_BY_HAND = "download the list in a browser and give it with --ranges FILE"
_KEPT = re.compile(r"\d{4}-\d{2}-\d{2}\.(?:json|csv)")
_AZURE_LIST = re.compile(
    r"https://download\.microsoft\.com/download/[0-9A-Za-z/-]{1,120}/ServiceTags_Public_(\d{8})\.json"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedList:
    """One list and the official address that publishes it; a `page` names a list whose own address changes."""

    list_id: str
    provider: str
    url: str
    form: str = "json"  # json | csv | page
    further_hosts: tuple[str, ...] = ()  # to which it redirects or links


PUBLISHED: tuple[PublishedList, ...] = (
    PublishedList(list_id="aws", provider="aws", url="https://ip-ranges.amazonaws.com/ip-ranges.json"),
    PublishedList(
        list_id="azure",
        provider="azure",
        url="https://www.microsoft.com/en-us/download/details.aspx?id=56519",
        form="page",
        further_hosts=("download.microsoft.com",),
    ),
    PublishedList(list_id="cloudflare", provider="cloudflare", url="https://api.cloudflare.com/client/v4/ips"),
    PublishedList(
        list_id="digitalocean",
        provider="digitalocean",
        url="https://digitalocean.com/geo/google.csv",
        form="csv",
        further_hosts=("www.digitalocean.com",),
    ),
    PublishedList(list_id="fastly", provider="fastly", url="https://api.fastly.com/public-ip-list"),
    PublishedList(list_id="gcp", provider="gcp", url="https://www.gstatic.com/ipranges/cloud.json"),
    PublishedList(list_id="github-meta", provider="github", url="https://api.github.com/meta"),
    PublishedList(list_id="google", provider="gcp", url="https://www.gstatic.com/ipranges/goog.json"),
    PublishedList(
        list_id="oracle",
        provider="oracle",
        url="https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json",
        further_hosts=("docs.cloud.oracle.com",),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """What came of one list: `kept` is its file, `day` the list's; `failed` says why there is none."""

    list_id: str
    url: str
    kept: Path | None = None
    day: date | None = None
    sha256: str = ""
    prefixes: int = 0
    is_new: bool = False
    warnings: tuple[str, ...] = ()
    failed: str = ""


def choose_lists(providers: Sequence[str]) -> tuple[PublishedList, ...]:
    """Return the lists of the named providers (or of the named lists), all for none; raises UsageError."""
    known = {name for item in PUBLISHED for name in (item.provider, item.list_id)}
    for name in providers:
        if name not in known:
            raise UsageError(
                f"--provider `{shorten(name)}`: one of {', '.join(sorted(known))}{did_you_mean(name, known)}"
            )
    return tuple(item for item in PUBLISHED if not providers or {item.provider, item.list_id} & set(providers))


def policy_for(lists: Sequence[PublishedList]) -> FetchPolicy:
    """Return the policy that lets these lists be fetched and nothing else."""
    from residency.sources.fetch_policy import FetchPolicy, host_of

    hosts = {host for item in lists for host in (host_of(item.url), *item.further_hosts)}
    return FetchPolicy(hosts=frozenset(hosts))


def kept_folder() -> Path:
    """Return the folder in which updated lists are kept (the user's data folder; it may not exist yet)."""
    import platformdirs

    return platformdirs.user_data_path("residency", appauthor=False) / "ranges"


def update_ranges(fetcher: Fetcher, lists: Sequence[PublishedList], folder: Path) -> list[Updated]:
    """Fetch and keep each list; a list that fails is reported, and the others are kept all the same."""
    return [_update(fetcher, item, folder) for item in lists]


def kept_files(folder: Path) -> list[str]:
    """Return what was kept as `FILE@DAY`, oldest first for each list; raises SourceError for a damaged file."""
    files = sorted(path for path in folder.glob("*/*") if _KEPT.fullmatch(path.name))
    if not files:
        raise SourceError("no list was kept yet; run `residency data update` first", path=folder)
    return [f"{_verified(path)}@{path.stem}" for path in files]


def _verified(path: Path) -> Path:
    note = path.with_name(path.name + ".sha256")
    try:
        stated = note.read_text(encoding="ascii").split(" ", 1)[0]
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError("a kept list whose sha256 cannot be read; remove it and update again", path=path) from error
    if stated != found:
        raise SourceError("a kept list that differs from its sha256; remove it and update again", path=path)
    return path


def _update(fetcher: Fetcher, item: PublishedList, folder: Path) -> Updated:
    from residency.sources.fetched import PAGE, RANGES_JSON, RANGES_TEXT

    url, day = item.url, None
    if item.form == "page":
        page = fetcher.get(url, PAGE)
        if not page.is_ok:
            return Updated(list_id=item.list_id, url=url, failed=f"{page}; {_BY_HAND}")
        newest = _newest_link(page.body)
        if newest is None:
            return Updated(list_id=item.list_id, url=url, failed=f"the page names no list; {_BY_HAND}")
        url, day = newest
    kind: FetchKind = RANGES_TEXT if item.form == "csv" else RANGES_JSON
    fetched = fetcher.get(url, kind)
    if not fetched.is_ok:
        return Updated(list_id=item.list_id, url=url, failed=str(fetched))
    try:
        return _keep(item, fetched, day, folder)
    except SourceError as error:
        return Updated(list_id=item.list_id, url=url, failed=error.what)


def _newest_link(page: bytes) -> tuple[str, date] | None:
    """Find the address of the newest list that Microsoft's download page names; it changes every week."""
    found = []
    for link in _AZURE_LIST.finditer(page.decode("utf-8", "replace")):
        day = link[1]
        try:
            found.append((date.fromisoformat(f"{day[:4]}-{day[4:6]}-{day[6:]}"), link[0]))
        except ValueError:
            continue
    newest = max(found, default=None)
    return (newest[1], newest[0]) if newest else None


def _keep(item: PublishedList, fetched: Fetched, named_day: date | None, folder: Path) -> Updated:
    """Read the list, then write it and its hash; a list without a date of its own is of the day it was fetched."""
    read = _read(item, fetched, named_day)
    day = read.published or fetched.fetched_at.date()
    path = folder / item.list_id / f"{day}.{'csv' if item.form == 'csv' else 'json'}"
    is_new = not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != read.sha256
    if is_new:
        _write(path, fetched.body)
        _write(path.with_name(path.name + ".sha256"), f"{read.sha256}  {path.name}\n".encode("ascii"))
    return Updated(
        list_id=item.list_id,
        url=fetched.url,
        kept=path,
        day=day,
        sha256=read.sha256,
        prefixes=len(read.rows),
        is_new=is_new,
        warnings=read.warnings,
    )


def _read(item: PublishedList, fetched: Fetched, named_day: date | None) -> RangeList:
    read = read_ranges(fetched.body, path=fetched.url, day=named_day)
    if read.published is None:
        read = read_ranges(fetched.body, path=fetched.url, day=fetched.fetched_at.date())
    if read.list_id != item.list_id:
        raise SourceError(f"it answers with another list: {read.name}")
    return read


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step: a reader sees the old one or the new one, never a part."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SourceError(f"cannot be written: {error.strerror}", path=path) from error
