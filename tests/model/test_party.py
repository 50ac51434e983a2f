"""Parties and authors are compared in one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.claims.convert import slug
from residency.model.claim import party_key


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
def test_it_is_the_form_in_which_claim_files_hold_parties(name: str) -> None:
    assert party_key(name) == slug(name)
    assert party_key(party_key(name)) == party_key(name)
