"""The rules below one top label must say what the whole list says."""

from __future__ import annotations

import pytest
from publicsuffixlist import PSLFILE, PublicSuffixList

from residency.model.names import HostPattern
from residency.suffixes import is_icann_suffix, is_private_suffix

WHOLE = PublicSuffixList(accept_unknown=False)
ICANN = PublicSuffixList(accept_unknown=False, only_icann=True)


def listed_names() -> list[str]:
    with open(PSLFILE, encoding="utf-8") as file:
        rules = [line.strip().lower() for line in file if line.strip() and not line.startswith("//")]
    names = [rule.lstrip("!*.").encode("idna").decode() for rule in rules]
    return [name for i, name in enumerate(names) if i % 41 == 0 or name.startswith("xn--")]


@pytest.mark.parametrize("prefix", ["", "q."])
def test_as_the_whole_list(prefix: str) -> None:
    names = [prefix + name for name in listed_names()]
    assert len(names) > 200
    for name in names:
        pattern = HostPattern.parse(name)
        assert is_icann_suffix(pattern) == (ICANN.publicsuffix(name) == name), name
        private = WHOLE.publicsuffix(name) == name and ICANN.publicsuffix(name) != name
        assert is_private_suffix(pattern) == private, name
