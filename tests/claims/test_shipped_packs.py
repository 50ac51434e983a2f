"""The thirteen shipped packs: they load without a fault, and warn only where a warning is due."""

from __future__ import annotations

from datetime import date

import pytest

from residency.claims import lint, load_pack, shipped_packs
from residency.model.claim import Activity, Modality
from residency.model.place import Gazetteer

DUE = {
    "aws-regional": {"private public suffix"},
    "github-ghe-eu": {"private public suffix"},
    "microsoft-eudb": {"private public suffix", "a caveat"},
    "slack-frankfurt": {"excuses nothing here"},
    "tiktok-clover": {"cannot be contradicted", "open-ended"},
    "zoom-eu": {"a caveat"},
}


def test_counts(gazetteer: Gazetteer) -> None:
    packs = [load_pack(name, gazetteer=gazetteer) for name in shipped_packs()]
    claims = [claim for pack in packs for claim in pack.claims]
    assert (len(packs), len(claims)) == (13, 29)
    assert len({claim.id for claim in claims}) == len(claims)
    assert all(claim.cases or not claim.activity.is_observable or claim.sources for claim in claims)


@pytest.mark.parametrize("name", shipped_packs())
def test_pack(name: str, gazetteer: Gazetteer) -> None:
    pack = load_pack(name, gazetteer=gazetteer)
    assert (pack.name, pack.path) == (name, name)
    assert pack.as_of == (None if name == "example-policy-eu-names" else date(2026, 11, 23))
    assert pack.vendor
    assert all(claim.parties and claim.sources for claim in pack.claims)
    warned = [warning.text for warning in lint(pack, gazetteer)]
    due = DUE.get(name, set())
    assert all(any(words in text for words in due) for text in warned), warned
    assert all(any(words in text for text in warned) for words in due), warned


def test_facts_that_the_design_names(gazetteer: Gazetteer) -> None:
    claims = {claim.id: claim for claim in load_pack("tiktok-clover", gazetteer=gazetteer).claims}
    assert claims["tiktok.third-party-oversight"].activity is Activity.OVERSIGHT
    storage = claims["tiktok.clover.storage-default"]
    assert storage.modality is Modality.MIGRATING
    assert "NO" in storage.allow
    assert storage.exceptions[0].places == ("US",)
    assert claims["tiktok.not-stored-in-china"].is_forbid_only
