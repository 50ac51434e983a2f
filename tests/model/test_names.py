"""Host names and patterns: the cases of HAZARDS B, and the table against brute force."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.model.names import HostNameError, HostPattern, PatternTable, looks_like, normalise_host

LONG_LABEL = "a" * 64 + ".com"
LONG_NAME = ".".join(["a" * 49] * 5) + ".abc"  # 253 octets


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("tiktok.com", "tiktok.com"),
        ("TikTok.COM.", "tiktok.com"),
        (" tiktok.com ", "tiktok.com"),
        ("localhost", "localhost"),
        ("_dmarc.x.com", "_dmarc.x.com"),
        ("*", "*"),
        ("*.x.com", "*.x.com"),
        ("a--b.com", "a--b.com"),
        ("faß.de", "xn--fa-hia.de"),
        ("FAß.de.", "xn--fa-hia.de"),
        ("xn--fa-hia.de", "xn--fa-hia.de"),
        ("XN--FA-HIA.de", "xn--fa-hia.de"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER。example", "xn--bcher-kva.example"),
        ("tіktok.com", "xn--tktok-n2e.com"),  # Cyrillic і
        ("a" * 63 + ".com", "a" * 63 + ".com"),
        (LONG_NAME, LONG_NAME),
        (LONG_NAME + ".", LONG_NAME),
        ("1.2.3.4.example", "1.2.3.4.example"),
    ],
)
def test_a_name_has_one_normal_form(text: str, name: str) -> None:
    assert normalise_host(text) == name


@pytest.mark.parametrize("text", ["1.2.3.4", "1.2.3.4.", "::1", "[2001:db8::1]", "fe80::1%eth0", "１.2.3.4"])
def test_an_address_is_no_name(text: str) -> None:
    assert normalise_host(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("   ", "empty"),
        (".", "empty label"),
        ("..", "empty label"),
        ("a..b", "empty label"),
        (".a", "empty label"),
        ("http://tiktok.com", "URL"),
        ("https://tiktok.com/x", "URL"),
        ("tiktok.com:443", "port"),
        ("1.2.3.4:443", "port"),
        ("user@tiktok.com", "user information"),
        ("tiktok.com/path", "path"),
        (LONG_LABEL, "63"),
        (LONG_NAME + "d", "253"),
        ("a." * 5000 + "a", "253"),
        ("ü" * 64 + ".de", "not a host name"),
        ("xn--zz\u00fc.de", "not a host name"),
        ("xn--a.de", "not a host name"),
        ("xn--.de", "not a host name"),
        ("xn--999999999.de", "not a host name"),
        ("tik\u200btok.com", "invisible"),
        ("tik\u202etok.com", "invisible"),
        ("tik\x00tok.com", "control"),
        ("tik\ttok.com", "control"),
        ("tik tok.com", "invisible"),
        ("tik\ud800tok.com", "control"),
        ("<script>", "character"),
        ("a,b", "character"),
    ],
)
def test_anything_else_is_refused_with_its_reason(text: str, why: str) -> None:
    with pytest.raises(HostNameError, match=why) as caught:
        normalise_host(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


@given(st.text(max_size=40))
def test_any_text_gives_a_name_none_or_one_typed_error(text: str) -> None:
    try:
        name = normalise_host(text)
    except HostNameError:
        return
    if name is not None:
        assert name.isascii()
        assert len(name) <= 253
        assert normalise_host(name) == name


@pytest.mark.parametrize(
    ("host", "twin"),
    [
        ("xn--tktok-n2e.com", "tiktok.com"),
        ("tiktok.com", None),
        ("xn--bcher-kva.example", "bucher.example"),
        ("xn--fiqs8s.cn", None),
        ("xn--broken-.com", None),
    ],
)
def test_lookalikes_are_named(host: str, twin: str | None) -> None:
    assert looks_like(host) == twin


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("*.tiktok.com", "a.tiktok.com", True),
        ("*.tiktok.com", "a.b.tiktok.com", True),
        ("*.tiktok.com", "tiktok.com", False),
        ("*.tiktok.com", "eviltiktok.com", False),
        ("*.tiktok.com", "tiktok.com.evil.com", False),
        ("*.tiktok.com", "xn--tktok-n2e.com", False),
        ("tiktok.com", "tiktok.com", True),
        ("tiktok.com", "a.tiktok.com", False),
        ("tiktok.com", "com", False),
        ("*", "anything.example", True),
        ("*.faß.de", "a.xn--fa-hia.de", True),
        ("TikTok.COM.", "tiktok.com", True),
    ],
)
def test_pattern_matches_what_it_says(pattern: str, host: str, *, matches: bool) -> None:
    parsed = HostPattern.parse(pattern)
    assert parsed.matches(host) is matches
    assert (PatternTable([(parsed, True)]).find(host) is True) is matches


@pytest.mark.parametrize(
    "text",
    ["*tiktok.com", "a.*.com", "**", "*.*.com", "*.", "", "1.2.3.4", "*.1.2.3.4", "http://x.com", "x.com:443"],
)
def test_a_pattern_that_cannot_mean_one_thing_is_refused(text: str) -> None:
    with pytest.raises(HostNameError):
        HostPattern.parse(text)


def test_everything_is_not_a_subdomain_pattern() -> None:
    everything = HostPattern.parse("*")
    assert everything.is_everything
    assert everything.stem == ""
    assert PatternTable([(everything, 1)]).everything == 1


def test_an_empty_table_finds_nothing() -> None:
    table: PatternTable[int] = PatternTable([])
    assert table.find("a.b") is None
    assert table.everything is None


def test_the_most_specific_pattern_answers() -> None:
    texts = ["*", "*.org", "*.x.org", "*.a.x.org", "a.x.org"]
    table = PatternTable((HostPattern.parse(text), text) for text in texts)
    assert table.find("a.x.org") == "a.x.org"
    assert table.find("b.a.x.org") == "*.a.x.org"
    assert table.find("b.x.org") == "*.x.org"
    assert table.find("x.org") == "*.org"
    assert table.find("x.com") == "*"


LABELS = st.sampled_from(["a", "b", "evila", "com", "x"])
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
PATTERNS = st.one_of(HOSTS, HOSTS.map(lambda h: f"*.{h}"), st.just("*"))


@given(st.lists(PATTERNS, max_size=12, unique=True), st.lists(HOSTS, max_size=12))
def test_the_table_equals_brute_force(patterns: list[str], hosts: list[str]) -> None:
    parsed = [HostPattern.parse(text) for text in patterns]
    table = PatternTable((p, p.text) for p in parsed)
    for host in hosts:
        matching = [p for p in parsed if p.matches(host)]
        best = max(matching, key=lambda p: (not p.is_wildcard, len(p.stem)), default=None)
        assert table.find(host) == (best.text if best else None)
