"""Parties and authors are compared in one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.model.claim import Activity, Claim, party_key


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("acme", "acme"),
        ("Acme Inc.", "acme-inc"),
        ("TikTok (ByteDance)", "tiktok-bytedance"),
        ("Société Générale", "societe-generale"),
        ("北京", "北京"),
        ("", ""),
        ("--", "--"),
    ],
)
def test_one_form(name: str, key: str) -> None:
    assert party_key(name) == key


@given(st.text(max_size=30))
def test_the_form_is_its_own_form(name: str) -> None:
    assert party_key(party_key(name)) == party_key(name)


@pytest.mark.parametrize(
    ("party", "authors"),
    [
        ("Amazon Web Services", {"amazon-web-services", "aws"}),
        ("microsoft", {"microsoft", "azure", "github"}),
        ("Google", {"google", "gcp"}),
        ("acme", {"acme"}),
    ],
)
def test_a_party_owns_the_lists_of_its_organisation(party: str, authors: set[str]) -> None:
    claim = Claim(id="a", statement="s", activity=Activity.CONNECTION, parties=(party,))
    assert claim.own_authors == authors
