"""Public suffixes: names under which anybody may register, from the list packaged with publicsuffixlist.

No network is used; the list is read when a pattern is first asked about.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from residency.model.names import HostPattern

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


@lru_cache(maxsize=2)
def _suffix_list(only_icann: bool) -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(accept_unknown=False, only_icann=only_icann)


def is_icann_suffix(pattern: HostPattern) -> bool:
    """Is its stem a suffix that ICANN or a registry delegates (`com`, `*.co.uk`)?"""
    return _is_suffix(pattern, only_icann=True)


def is_private_suffix(pattern: HostPattern) -> bool:
    """Is its stem a suffix whose owner lets others register under it (`*.s3.eu-west-1.amazonaws.com`)?"""
    return _is_suffix(pattern, only_icann=False) and not is_icann_suffix(pattern)


def _is_suffix(pattern: HostPattern, *, only_icann: bool) -> bool:
    stem = pattern.stem
    names = _suffix_list(only_icann)
    if not stem:
        return False
    if names.publicsuffix(stem) == stem:
        return True
    # `*.ck` in the list makes every name just below `ck` a suffix
    child = f"a.{stem}"
    return pattern.is_wildcard and names.publicsuffix(child) == child
