"""RDAP answers: every recorded one is read, and one about something else is not used."""

from __future__ import annotations

import copy
import ipaddress
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.sources.gazetteer import shipped_gazetteer
from residency.sources.rdap_answer import RdapError, RegisteredNetwork, read_answer

COUNTRIES = shipped_gazetteer().countries
PLAIN: dict[str, Any] = {
    "handle": "NET-1",
    "name": "ACME-NET",
    "country": "IE",
    "startAddress": "20.0.0.0",
    "endAddress": "20.0.255.255",
    "entities": [
        {
            "handle": "P1",
            "roles": ["technical"],
            "vcardArray": ["vcard", [["fn", {}, "text", "Jane Person"], ["kind", {}, "text", "individual"]]],
        },
        {
            "handle": "O1",
            "roles": ["registrant"],
            "vcardArray": [
                "vcard",
                [
                    ["fn", {}, "text", "Acme Ltd"],
                    ["kind", {}, "text", "org"],
                    ["adr", {"label": "1 Quay\nDublin\nIreland"}, "text", ["", "", "", "", "", "", ""]],
                ],
            ],
        },
    ],
}


def read(document: Any, address: str = "20.0.0.1") -> RegisteredNetwork:
    parsed = ipaddress.ip_address(address)
    return read_answer(document, parsed.version, int(parsed), COUNTRIES)


def changed(**said: Any) -> dict[str, Any]:
    return {k: v for k, v in (PLAIN | said).items() if v is not ...}


def cause(document: Any, address: str = "20.0.0.1") -> str:
    with pytest.raises(RdapError) as caught:
        read(document, address)
    return caught.value.cause


def text(family: int, value: int) -> str:
    return str(ipaddress.IPv4Address(value) if family == 4 else ipaddress.IPv6Address(value))


def test_every_recorded_answer_is_read() -> None:
    folder = os.environ.get("RESIDENCY_SHARED")
    if not folder:
        pytest.skip("RESIDENCY_SHARED is not set: the shared inputs are not here")
    path = Path(folder) / "inputs" / "ipwhois_tests" / "rdap.json"
    recorded = json.loads(path.read_text(encoding="utf-8"))
    found = {asked: read(entry["response"], asked) for asked, entry in recorded.items()}
    assert {a: (text(n.family, n.first), text(n.family, n.last), n.country) for a, n in found.items()} == {
        "2a00:2381:ffff::1": ("2a00:2381:ffff::", "2a00:2381:ffff:0:ffff:ffff:ffff:ffff", "GB"),
        "2001:240:10c:1::ca20:9d1d": ("2001:240::", "2001:240:ffff:ffff:ffff:ffff:ffff:ffff", "JP"),
        "2001:43f8:7b0::": ("2001:43f8:7b0::", "2001:43f8:7b0:ffff:ffff:ffff:ffff:ffff", "KE"),
        "62.239.237.1": ("62.239.237.0", "62.239.237.255", "GB"),
        "200.57.141.161": ("200.57.141.161", "200.57.141.161", "MX"),
        "2001:4860:4860::8888": ("2001:4860::", "2001:4860:ffff:ffff:ffff:ffff:ffff:ffff", "US"),
        "210.107.73.73": ("210.107.0.0", "210.107.127.255", "KR"),
        "2801:10:c000::": ("2801:10:c000::", "2801:10:c000::", "CO"),
        "74.125.225.229": ("74.125.0.0", "74.125.255.255", "US"),
        "196.11.240.215": ("196.11.239.0", "196.11.246.255", "ZA"),
    }
    assert {a for a, n in found.items() if n.is_postal} == {"2001:4860:4860::8888", "74.125.225.229"}
    assert found["74.125.225.229"].holder == "Google Inc."
    assert found["200.57.141.161"].holder == "Triara.com, S.A. de C.V."
    assert found["210.107.73.73"].holder == "BORANET-NET-210-107"  # only contacts: the network's own name


def test_an_entity_is_no_answer_about_an_address() -> None:
    folder = os.environ.get("RESIDENCY_SHARED")
    if not folder:
        pytest.skip("RESIDENCY_SHARED is not set: the shared inputs are not here")
    entity = json.loads((Path(folder) / "inputs" / "ipwhois_tests" / "entity.json").read_text(encoding="utf-8"))
    assert cause(entity) == "range"


def test_holder_and_country_are_the_registrant_s() -> None:
    found = read(PLAIN)
    assert (found.holder, found.country, found.is_postal, found.name) == ("Acme Ltd", "IE", False, "ACME-NET")


def test_a_country_in_the_postal_address_is_said_to_be_one() -> None:
    found = read(changed(country=...))
    assert (found.country, found.is_postal) == ("IE", True)


def test_a_person_is_named_only_where_the_network_is_theirs() -> None:
    entities = copy.deepcopy(PLAIN["entities"])
    assert "Jane" not in read(changed(entities=entities[:1])).holder
    entities[0]["roles"] = ["registrant"]
    assert read(changed(entities=entities[:1])).holder == "Jane Person"


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        ("020.000.000.000", "020.000.255.255", "20.0.0.0", "20.0.255.255"),
        ("20.0.0.0/16", "20.0.0.0/16", "20.0.0.0", "20.0.255.255"),
        ("20.0.0.0/32", "20.0.0.255/32", "20.0.0.0", "20.0.0.255"),
        (" 20.0.0.1 ", "20.0.0.1", "20.0.0.1", "20.0.0.1"),
    ],
)
def test_the_ways_to_write_a_range(start: str, end: str, first: str, last: str) -> None:
    found = read(changed(startAddress=start, endAddress=end))
    assert (text(4, found.first), text(4, found.last)) == (first, last)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"startAddress": "21.0.0.0", "endAddress": "21.255.255.255"}, "mismatch"),
        ({"startAddress": "20.0.0.2"}, "mismatch"),
        ({"startAddress": "2001:db8::", "endAddress": "2001:db8::ffff"}, "mismatch"),
        ({"startAddress": "20.0.255.255", "endAddress": "20.0.0.0"}, "range"),
        ({"startAddress": ...}, "range"),
        ({"startAddress": 20, "endAddress": None}, "range"),
        ({"startAddress": "20.0.0", "endAddress": "x"}, "range"),
        ({"startAddress": "0x14.0.0.0"}, "range"),
    ],
)
def test_an_answer_about_something_else_is_not_used(said: dict[str, Any], why: str) -> None:
    assert cause(changed(**said)) == why


@pytest.mark.parametrize("document", [None, [], "x", 1, {}, [PLAIN]])
def test_what_is_no_network_is_not_used(document: Any) -> None:
    assert cause(document) in ("shape", "range")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "vcard", "fn", "org", "IE", "registrant"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["handle", "roles", "vcardArray", "links", "href", "rel", "description", "entities"]), inner
        )
    ),
    max_leaves=10,
)


@given(
    st.dictionaries(st.sampled_from(["country", "name", "handle", "entities", "links", "remarks", "ipVersion"]), JUNK)
)
def test_whatever_else_is_in_it_an_answer_is_read_or_refused(said: dict[str, Any]) -> None:
    found = read(PLAIN | said)
    assert (text(4, found.first), text(4, found.last)) == ("20.0.0.0", "20.0.255.255")
    assert all(isinstance(field, str) for field in (found.holder, found.country, found.name, found.handle))


def test_hostile_text_is_one_short_line() -> None:
    found = read(changed(name="x\x1b[31m\nUS\u202e" + "y" * 1000, entities=[]))
    assert found.holder.isprintable()
    assert len(found.holder) < 300


def test_the_whole_address_space_is_nobody_s_network() -> None:
    assert read(changed(startAddress="0.0.0.0", endAddress="255.255.255.255")).is_whole_block
    assert not read(changed(startAddress="20.0.0.0", endAddress="20.255.255.255")).is_whole_block


def test_origin_as_numbers_are_read() -> None:
    assert read(changed(arin_originas0_originautnums=[15169, 3, 3, -1, True, "x", 2**40])).asns == (3, 15169)


FEED = "https://feeds.example/geofeed.csv"


@pytest.mark.parametrize(
    "said",
    [
        {"links": [{"rel": "geo", "href": FEED, "type": "application/geofeed+csv"}]},
        {"links": [{"rel": "geofeed", "href": FEED}]},
        {"links": [{"href": FEED, "type": "application/geofeed+csv"}, {"rel": "self", "href": "https://x.example"}]},
        {"remarks": [{"description": ["Some text", f"Geofeed {FEED}"]}]},
        {
            "remarks": [{"title": "geofeed", "description": [f"geofeed: {FEED}"]}],
            "links": [{"rel": "geo", "href": FEED}],
        },
    ],
)
def test_a_geofeed_is_found_in_links_and_remarks(said: dict[str, Any]) -> None:
    assert read(changed(**said)).geofeeds == (FEED,)


@pytest.mark.parametrize(
    "said",
    [
        {"links": [{"rel": "self", "href": FEED}]},
        {"remarks": [{"description": [f"see our Geofeed {FEED} please"]}]},
        {"remarks": [{"description": ["Geofeed http://feeds.example/a.csv"]}]},
        {"remarks": [{"description": f"Geofeed {FEED}"}], "links": "geo"},
    ],
)
def test_nothing_else_is_a_geofeed(said: dict[str, Any]) -> None:
    assert read(changed(**said)).geofeeds == ()
