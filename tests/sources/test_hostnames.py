"""Hints in host names: the label that gave each, conflicts kept, and silence on names that only look like one."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.evaluate.locate import place_in, weigh
from residency.model.evidence import Kind
from residency.model.network import parse_address
from residency.model.period import midnight
from residency.model.place import Gazetteer
from residency.model.verdict import Where
from residency.shipped import manifest
from residency.sources.hostnames import _table, hint_snapshot, hints


def countries(host: str) -> list[str]:
    return [place.country for hint in hints(host) for place in hint.places]


@pytest.mark.parametrize(
    ("host", "places"),
    [
        ("ec2-63-34-222-109.eu-west-1.compute.amazonaws.com", ["IE (aws/eu-west-1)"]),
        ("ec2-3-80-1-1.compute-1.amazonaws.com", ["US (aws/us-east-1)"]),
        ("s3.eu-central-1.amazonaws.com", ["DE (aws/eu-central-1)"]),
        ("s3-eu-west-1.amazonaws.com", ["IE (aws/eu-west-1)"]),
        ("bucket.s3-website.eu-west-3.amazonaws.com", ["FR (aws/eu-west-3)"]),
        ("x.lambda-url.eu-north-1.on.aws", ["SE (aws/eu-north-1)"]),
        ("queue.us-gov-west-1.amazonaws.com", ["US (aws/us-gov-west-1)"]),
        ("europe-west1-project.cloudfunctions.net", ["BE (gcp/europe-west1)"]),
        ("europe-west3-docker.pkg.dev", ["DE (gcp/europe-west3)"]),
        ("europe-west12-aiplatform.googleapis.com", ["IT (gcp/europe-west12)"]),
        ("vm.westeurope.cloudapp.azure.com", ["NL (azure/westeurope)"]),
        ("app-1.norwayeast-01.azurewebsites.net", ["NO (azure/norwayeast)"]),
        ("objectstorage.eu-frankfurt-1.oraclecloud.com", ["DE (oracle/eu-frankfurt-1)"]),
        ("s3.nl-ams.scw.cloud", ["NL (scaleway/nl-ams)", "NL"]),
        ("bucket.ams3.digitaloceanspaces.com", ["NL"]),
        ("server-13-32-1-2.fra56.r.cloudfront.net", ["DE"]),
        ("server-13-32-1-2-fra56.r.cloudfront.net", ["DE"]),
        ("fra16s51-in-f14.1e100.net", ["DE"]),
        ("dub08s01-in-f4.1e100.net", ["IE"]),
        ("edge-ams-1.cdn.example.net", ["NL"]),
        ("cache-dub.example.com", ["IE"]),
        ("fra.example.co.uk", ["DE"]),
        ("ORD3.example.com.", ["US"]),
        ("api16-normal-no1a.tiktokv.eu", ["NO"]),
        ("mcs16-normal-useastred.tiktokw.eu", ["US"]),
        ("api-va01.tiktokv.eu", ["US"]),
        ("api-sg01.tiktokv.eu", ["SG"]),
        ("api.eu-west-1.example.com", ["IE"]),
    ],
)
def test_names_that_hint(host: str, places: list[str]) -> None:
    found = hints(host)
    assert [str(place) for hint in found for place in hint.places] == places
    for hint in found:
        label = hint.says.split("`")[1]
        assert label in host.lower().split(".")
        assert (hint.kind, hint.source) == (Kind.HOSTNAME, hint_snapshot().id)


@pytest.mark.parametrize(
    "host",
    [
        "frankfurter.example",
        "dublin-core.example",
        "amsterdam-tours.example",
        "www.amsterdam-tours.example",
        "milk.example",
        "ord.example",
        "fra.example",
        "www.fra.co.uk",
        "ams.com",
        "order.ord.example",
        "doh.example.com",
        "doh1.example.com",
        "sha256.example.com",
        "otp1.example.com",
        "printer.prn1.example.com",
        "mad.example.com",
        "man.example.com",
        "frame.example.com",
        "framework-cdn.example.com",
        "dubbed.example.com",
        "cdn-amsx.example.com",
        "xfra1.example.com",
        "fra1234.example.com",
        "account.blob.core.windows.net",
        "www.example.com",
        "d111111abcdef8.cloudfront.net",
        "oss-eu-west-1.aliyuncs.com",
        "eu-central-1.linodeobjects.com",
        "westeurope.example.com",
        "my-eu-west-1-bucket.example.com",
        "va01.example.com",
        "api-no1a.example.com",
        "tor1.example.com",
        "eu-west-1.com",
        "mars-north-1.amazonaws.com",
        "xn--fa-hia.example.com",
        "com",
        "co.uk",
        "localhost",
        "1.2.3.4",
        "2001:db8::1",
        "",
        "http://fra1.example.com",
        "fra1.example.com:443",
        "a" * 300,
        "fra1..example.com",
        "\x1b[31m.fra1.example.com",
    ],
)
def test_names_that_only_look_like_one(host: str) -> None:
    assert hints(host) == ()


def test_hints_that_contradict_are_all_kept() -> None:
    found = hints("fra1-to-iad2.us-east-1.compute.amazonaws.com")
    assert [sorted(p.country for p in hint.places) for hint in found] == [["US"], ["DE"], ["US"]]
    assert [hint.says.split("`")[1] for hint in found] == ["us-east-1", "fra1-to-iad2", "fra1-to-iad2"]


def test_a_hint_never_decides(gazetteer: Gazetteer) -> None:
    day = date(2026, 6, 1)
    for host in ("server-1.fra56.r.cloudfront.net", "ec2-1-1-1-1.us-west-2.compute.amazonaws.com"):
        weighed = weigh(hints(host), parse_address("193.190.198.27"), first=day, last=day)
        for names in (["EEA"], ["US"], ["WORLD"]):
            found = place_in(weighed, gazetteer.area(names, midnight(day)))
            assert found.where is Where.UNKNOWN


def test_every_code_names_a_country_of_the_gazetteer(gazetteer: Gazetteer) -> None:
    rows = _table().values()
    assert len(rows) == manifest()["name-codes"].rows > 200
    assert {row.country for row in rows} <= set(gazetteer.countries) | {"XK"}
    assert all(row.code == row.code.lower() and row.code.isalnum() and row.city for row in rows)
    assert all(len(row.code) == 3 for row in rows if row.kind != "vendor")


def test_codes_of_cities_agree_with_the_regions_that_bear_them(gazetteer: Gazetteer) -> None:
    """AWS's local zones are named by airport: `eu-central-1-waw-1` stands where the table puts `waw`."""
    table, compared = _table(), 0
    for region in gazetteer.regions.values():
        for part in region.border_group.removeprefix(region.region).split("-"):
            row = table.get(part)
            if row and row.kind == "airport":
                assert row.country == region.spot.country, region.border_group
                compared += 1
    assert compared > 40


words = st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=12)


@given(labels=st.lists(words, min_size=1, max_size=4))
def test_plain_words_give_no_hint_outside_of_providers(labels: list[str]) -> None:
    assert hints(".".join([*labels, "example", "com"])) == ()


@given(st.text(max_size=80))
def test_any_text_is_read_without_error(text: str) -> None:
    assert len(hints(text)) <= 16
