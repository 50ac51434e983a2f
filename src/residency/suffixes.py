"""Public suffixes: names under which anybody may register, from the list packaged with publicsuffixlist.

No network is used; the list is read when a name is first asked about.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from residency.model.names import HostPattern

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


@lru_cache(maxsize=1)
def _sections() -> tuple[str, str]:
    """Return the list's text: ICANN's section, and all of it."""
    from publicsuffixlist import PSLFILE

    with open(PSLFILE, encoding="utf-8") as file:
        every = file.read().lower()
    return every[every.index("// ===begin icann") : every.index("// ===end icann")], every


@lru_cache(maxsize=1_000)
def _suffix_list(top: str, *, only_icann: bool) -> PublicSuffixList:
    """Return the rules below one top label: parsing the whole list would cost an audit a quarter of a second."""
    from publicsuffixlist import PublicSuffixList

    label = top.removeprefix("xn--").encode("ascii").decode("punycode") if top.startswith("xn--") else top
    icann, every = _sections()
    rules = re.findall(rf"^(?:[^/\s]\S*\.)?{re.escape(label)}$", icann if only_icann else every, re.MULTILINE)
    return PublicSuffixList("\n".join(rules), accept_unknown=False)


def is_icann_suffix(pattern: HostPattern) -> bool:
    """Is its stem a suffix that ICANN or a registry delegates (`com`, `*.co.uk`)?"""
    return _is_suffix(pattern, only_icann=True)


def is_private_suffix(pattern: HostPattern) -> bool:
    """Is its stem a suffix whose owner lets others register under it (`*.s3.eu-west-1.amazonaws.com`)?"""
    return _is_suffix(pattern, only_icann=False) and not is_icann_suffix(pattern)


def _is_suffix(pattern: HostPattern, *, only_icann: bool) -> bool:
    stem = pattern.stem
    if not stem:
        return False
    names = _suffix_list(stem.rpartition(".")[2], only_icann=only_icann)
    if names.publicsuffix(stem) == stem:
        return True
    # `*.ck` in the list makes every name just below `ck` a suffix
    child = f"a.{stem}"
    return pattern.is_wildcard and names.publicsuffix(child) == child


def registered_name(host: str) -> str:
    """Return the part of a host name that somebody registered (`example.co.uk`), "" where there is none.

    Suffixes of private owners do not count: below `s3.eu-west-1.amazonaws.com` it is still `amazonaws.com`.
    """
    return _suffix_list(host.rpartition(".")[2], only_icann=True).privatesuffix(host) or ""
