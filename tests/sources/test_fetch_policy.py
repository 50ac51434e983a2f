"""What may be fetched, decided without a socket: URLs, hosts and addresses."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.limits import LIMITS
from residency.model.network import parse_address
from residency.sources.fetch_policy import FetchPolicy, check_addresses, check_url, host_of
from residency.sources.fetched import FetchError, Outcome

POLICY = FetchPolicy(hosts=frozenset({"rdap.example", "xn--fa-hia.example"}))
PUBLIC = "198.41.0.4"


def refusal(url: str, policy: FetchPolicy = POLICY) -> str:
    with pytest.raises(FetchError) as caught:
        check_url(url, policy)
    assert caught.value.outcome is Outcome.REFUSED_BY_POLICY
    return caught.value.cause


@pytest.mark.parametrize(
    ("url", "again"),
    [
        ("https://rdap.example/ip/1.2.3.4", "https://rdap.example/ip/1.2.3.4"),
        ("https://RDAP.Example./", "https://rdap.example/"),
        ("https://rdap.example", "https://rdap.example/"),
        ("https://rdap.example:443/a?b=c#d", "https://rdap.example/a?b=c"),
        ("https://xn--fa-hia.example/", "https://xn--fa-hia.example/"),
    ],
)
def test_an_allowed_url_has_one_form(url: str, again: str) -> None:
    assert check_url(url, POLICY).url == again


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("", "url"),
        ("http://rdap.example/", "scheme"),
        ("HTTP://rdap.example/", "scheme"),
        ("rdap.example/ip", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("ftp://rdap.example/", "scheme"),
        ("gopher://rdap.example/", "scheme"),
        ("data:text/csv,1.0.0.0/24", "scheme"),
        ("https://ok@evil/", "userinfo"),
        ("https://rdap.example@evil.example/", "userinfo"),
        ("https://a:b@rdap.example/", "userinfo"),
        ("https://@rdap.example/", "userinfo"),
        ("https://rdap.example:444/", "port"),
        ("https://rdap.example:0/", "port"),
        ("https://rdap.example:99999/", "url"),
        ("https://rdap.example\\@evil.example/", "url"),
        ("https://rdap.example/\r\nX: y", "url"),
        ("https://rdap.example/ a", "url"),
        ("\thttps://rdap.example/", "url"),
        ("https://rdap.еxample/", "url"),
        ("https://[::1/", "url"),
        ("https:///x", "host"),
        ("https://evil.example/", "host"),
        ("https://rdap.example.evil.example/", "host"),
        ("https://xrdap.example/", "host"),
        ("https://localhost/", "host"),
        ("https://127.0.0.1/", "address"),
        ("https://[::ffff:127.0.0.1]/", "address"),
        ("https://[fd00:ec2::254]/", "address"),
        ("https://rdap.example/" + "x" * LIMITS.max_url_characters, "url"),
    ],
)
def test_every_other_url_is_refused_with_its_cause(url: str, cause: str) -> None:
    assert refusal(url) == cause


def test_an_address_literal_is_refused_even_where_it_is_listed() -> None:
    assert refusal("https://127.0.0.1/", FetchPolicy(hosts=frozenset({"127.0.0.1"}))) == "address"


def test_the_default_policy_allows_no_host() -> None:
    assert refusal("https://rdap.example/", FetchPolicy()) == "host"


def test_an_opt_in_adds_hosts_and_nothing_else() -> None:
    wider = POLICY.also(["feeds.example"])
    assert check_url("https://feeds.example/", wider).host == "feeds.example"
    assert refusal("https://feeds.example/") == "host"
    assert wider.exempt_addresses == frozenset()


@given(st.text(max_size=60) | st.text(alphabet="https:/@.\\[]rdap example:0123", max_size=40))
def test_no_text_gets_anywhere_but_to_the_listed_hosts(text: str) -> None:
    for url in (text, "https://" + text, "https://rdap.example" + text):
        try:
            host = check_url(url, POLICY).host
        except FetchError:
            continue
        assert host in POLICY.hosts


@given(st.integers(0, 2**32 - 1))
def test_an_address_inside_a_mapped_nat64_or_6to4_form_is_judged_like_itself(value: int) -> None:
    inner = parse_address(str(ipaddress.IPv4Address(value)))
    forms = ((0xFFFF << 32) | value, (0x64FF9B << 96) | value, (0x2002 << 112) | (value << 80) | 1)
    for form in forms:
        text = str(ipaddress.IPv6Address(form))
        if inner.is_locatable:
            assert check_addresses("h", [text], POLICY) == (text,)
        else:
            with pytest.raises(FetchError, match="resolves to"):
                check_addresses("h", [text], POLICY)


@given(st.permutations([PUBLIC, "10.0.0.1", "2606:4700::1"]))
def test_one_private_answer_refuses_all_in_any_order(answers: list[str]) -> None:
    with pytest.raises(FetchError, match=r"10\.0\.0\.1, a private address"):
        check_addresses("rdap.example", answers, POLICY)


def test_addresses_keep_their_order_once_each_and_no_more_than_will_be_tried() -> None:
    many = [f"198.41.0.{n}" for n in range(20)]
    assert check_addresses("h", [PUBLIC, PUBLIC, "2606:4700::1"], POLICY) == (PUBLIC, "2606:4700::1")
    assert check_addresses("h", many, POLICY) == tuple(many[: LIMITS.max_addresses_tried])
    with pytest.raises(FetchError, match="private"):
        check_addresses("h", [*many, "10.0.0.1"], POLICY)


def test_the_host_of_a_url() -> None:
    assert host_of("https://RDAP.example:8443/x") == "rdap.example"
    assert [host_of(url) for url in ("", "no url", "https://[::1/", "https://1.2.3.4/")] == [""] * 4
