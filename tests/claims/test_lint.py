"""Warnings: only where due, with their line."""

from __future__ import annotations

import pytest

from residency.claims import LintWarning, lint, parse_pack
from residency.claims.networks import format_share, share_of_address_space
from residency.model.place import Gazetteer

CLEAN = """\
schema = "residency/1"
[[claim]]
id = "a"
vendor = "V"
statement = "S."
activity = "storage"
allow = ["IE"]
hosts = ["*.x.example", "s3.eu-west-1.amazonaws.com"]
[[claim.source]]
url = "https://a.example"
"""


def warnings(text: str, gazetteer: Gazetteer) -> tuple[LintWarning, ...]:
    return lint(parse_pack(text, path="x", gazetteer=gazetteer), gazetteer)


def test_a_clean_claim_has_none(gazetteer: Gazetteer) -> None:
    assert warnings(CLEAN, gazetteer) == ()


@pytest.mark.parametrize(
    ("old", "new", "where", "line", "says"),
    [
        ('vendor = "V"', "", "claim[0]", 2, "no vendor and no parties"),
        ('url = "https://a.example"', "", "", 0, ""),
        ('"*.x.example", ', '"*.x.example", "*.s3.eu-west-1.amazonaws.com", ', "claim[0].hosts[1]", 8, "private"),
        ('"storage"', '"storage"\nmodality = "migrating"', "claim[0].modality", 7, "cannot be contradicted"),
        ('["IE"]', '["site:tiktok/dublin-1"]', "claim[0].allow", 7, "evidence that says a country"),
        ('["IE"]', '["ES-CN"]', "claim[0].allow", 7, "evidence that says a country"),
        (
            "[[claim.source]]",
            '[[claim.host]]\npattern = "*.blob.core.windows.net"\n[[claim.source]]',
            "claim[0].host[0].pattern",
            10,
            "private public suffix",
        ),
        (
            "[[claim.source]]",
            '[[claim.exception]]\nid = "e"\n[[claim.source]]',
            "claim[0].exception[0]",
            9,
            "caveat",
        ),
        (
            "[[claim.source]]",
            '[[claim.exception]]\nid = "e"\nactivity = "backup"\nplaces = ["FR"]\n[[claim.source]]',
            "claim[0].exception[0]",
            9,
            "about backup: it excuses nothing",
        ),
        (
            "[[claim.source]]",
            '[[claim.exception]]\nid = "e"\nplaces = ["FR"]\n[[claim.source]]',
            "claim[0].exception[0]",
            9,
            "open-ended",
        ),
        (
            "[[claim.source]]",
            '[[claim.network]]\ncidr = "5.0.0.0/8"\n[[claim.source]]',
            "claim[0].network",
            9,
            "0.39 % of the address space",
        ),
    ],
)
def test_warnings(gazetteer: Gazetteer, old: str, new: str, where: str, line: int, says: str) -> None:
    text = CLEAN.replace(old, new, 1)
    if not where:
        text = CLEAN.partition("[[claim.source]]")[0]
        where, line, says = "claim[0]", 2, "names no source"
    (warning,) = warnings(text, gazetteer)
    assert (warning.where, warning.line) == (where, line)
    assert says in warning.text
    assert warning.text.startswith("a: ")


def test_only_wide_scopes_are_told_at_every_load(gazetteer: Gazetteer) -> None:
    text = CLEAN.replace('vendor = "V"', "").replace('"*.x.example"', '"*.github.io"')
    assert len(parse_pack(text, path="x", gazetteer=gazetteer).warnings) == 1


def test_share_of_nothing_and_of_everything() -> None:
    assert share_of_address_space([]) == 0
    assert format_share(1.0) == "100 %"
    assert format_share(0.0039) == "0.39 %"
