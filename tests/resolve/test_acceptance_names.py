"""What is asked and what never is: names as people write them, against real servers and one that takes note."""

from __future__ import annotations

import pytest
from tests.resolve.hostile import Hostile
from tests.resolve.servers import zones
from tests.resolve.servers.kit import Servers
from tests.traffic.capture import messages

from residency.model.resolution import LookupOutcome
from residency.resolve import resolve

DEADLINE_S = 5.0
NEVER_ASKED = [
    f"http://dublin.{zones.ZONE}",
    f"dublin.{zones.ZONE}:443",
    f"user@dublin.{zones.ZONE}",
    f"dublin.{zones.ZONE}/path",
    f"dublin .{zones.ZONE}",
    f"{'a' * 64}.{zones.ZONE}",
    ".".join(["a" * 63] * 4),
    f"dublin..{zones.ZONE}",
    f".{zones.ZONE}",
    f"xn--\u00e9.{zones.ZONE}",
    f"xn--99999999999.{zones.ZONE}",
    f"dublin\x00.{zones.ZONE}",
    "",
    ".",
    "localhost",
    "www.localhost",
    "hidden.onion",
    "010.0.0.1",
    "0x7f.1",
    "2130706433",
    "1.2.3",
    "fe80::1%eth0",
]


@pytest.mark.parametrize("text", NEVER_ASKED)
def test_what_is_no_name_is_never_asked_and_the_reason_given(hostile: Hostile, text: str) -> None:
    (lookup,) = resolve([text], servers=[hostile.address], deadline_s=DEADLINE_S)
    assert lookup.outcome is LookupOutcome.INVALID_NAME
    assert lookup.detail
    assert hostile.questions == []


@pytest.mark.parametrize(
    ("text", "hint"),
    [("http://a.example", "host"), ("a.example:443", "port"), ("user@a.example", "user")],
)
def test_a_url_is_refused_with_a_hint(hostile: Hostile, text: str, hint: str) -> None:
    (lookup,) = resolve([text], servers=[hostile.address], deadline_s=DEADLINE_S)
    assert hint in lookup.detail


def test_spellings_of_one_name_are_one_name(servers: Servers) -> None:
    name = f"dublin.{zones.ZONE}"
    found = resolve([name, f"{name.upper()}.", f"Dublin.{zones.ZONE}"], servers=[servers.authority])
    assert [lookup.name for lookup in found] == [name]
    assert found[0].endpoints == (zones.DUBLIN, zones.DUBLIN_6)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("faß.example", "xn--fa-hia.example"),
        ("tіktok.com", "xn--tktok-n2e.com"),  # with a Cyrillic letter
        ("TikTok.COM.", "tiktok.com"),
        ("_dmarc.x.com", "_dmarc.x.com"),
        ("intranet", "intranet"),  # no search domain is added
        ("a.b", "a.b"),
    ],
)
def test_the_name_asked_is_the_normal_form_and_nothing_else(hostile: Hostile, text: str, asked: str) -> None:
    (lookup,) = resolve([text], servers=[hostile.address], deadline_s=DEADLINE_S)
    assert lookup.name == asked
    assert hostile.names == {messages.name(asked)}


def test_a_sharp_s_is_kept(servers: Servers) -> None:
    (lookup,) = resolve(f"faß.{zones.ZONE}", servers=[servers.authority], types=["A"])
    assert lookup.endpoints == (zones.FRANKFURT,)


@pytest.mark.parametrize("text", ["dub\u200blin.{}", "dub\u200dlin.{}", "dub\u00adlin.{}", "dub\u2060lin.{}"])
def test_a_character_that_cannot_be_seen_does_not_make_another_name(servers: Servers, text: str) -> None:
    (lookup,) = resolve(text.format(zones.ZONE), servers=[servers.authority], types=["A"])
    assert lookup.endpoints == ()


def test_an_address_is_no_name(hostile: Hostile) -> None:
    resolve(["1.2.3.4", "2001:db8::1"], servers=[hostile.address], deadline_s=DEADLINE_S)
    assert {question[-4:] for question in hostile.questions} == {b"\0\x0c\0\1"}  # PTR, class IN
    assert messages.name("4.3.2.1.in-addr.arpa") in hostile.names


def test_stars_and_underscores_are_data(servers: Servers) -> None:
    found = resolve(
        [f"starred.{zones.ZONE}", f"_srv._tcp.{zones.ZONE}", f"_dmarc.{zones.ZONE}"],
        servers=[servers.authority],
        types=["A"],
    )
    assert [alias.target for alias in found[0].chain] == [f"*.wild.{zones.ZONE}"]
    assert [lookup.endpoints for lookup in found] == [(zones.FRANKFURT,), (zones.DUBLIN,), ()]
    assert found[2].outcome is LookupOutcome.NODATA
