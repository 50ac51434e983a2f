"""The template of `claims new` loads without a fault and lints without a warning, for whatever vendor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.claims import lint, parse_pack, template
from residency.errors import UsageError
from residency.model.claim import Activity
from residency.model.place import Gazetteer


def test_default(gazetteer: Gazetteer) -> None:
    pack = parse_pack(template(), path="x", gazetteer=gazetteer)
    assert lint(pack, gazetteer) == ()
    assert pack.claims[0].id == "acme.eu"
    assert template().count("#") > 10


@pytest.mark.parametrize("activity", list(Activity))
def test_every_activity(gazetteer: Gazetteer, activity: str) -> None:
    text = template("v.x", "V GmbH & Co", activity=activity, allow=["IE", "NO"], hosts=["*.v.example"])
    (claim,) = parse_pack(text, path="x", gazetteer=gazetteer).claims
    assert (claim.activity, claim.allow) == (activity, ("IE", "NO"))
    assert claim.parties == ("v-gmbh-co",)


@pytest.mark.parametrize(
    "options",
    [
        {"claim_id": "A"},
        {"claim_id": "a\n"},
        {"claim_id": ""},
        {"vendor": ""},
        {"vendor": "a\nb"},
        {"activity": "x"},
        {"hosts": ["*x"]},
        {"allow": []},
        {"statement": "\x1b"},
    ],
)
def test_what_no_claim_file_may_hold(options: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        template(**options)


@given(vendor=st.text(min_size=1, max_size=40))
def test_any_vendor(gazetteer: Gazetteer, vendor: str) -> None:
    try:
        text = template("a", vendor)
    except UsageError:
        return
    pack = parse_pack(text, path="x", gazetteer=gazetteer)
    assert pack.claims[0].vendor == vendor
    assert lint(pack, gazetteer) == ()
