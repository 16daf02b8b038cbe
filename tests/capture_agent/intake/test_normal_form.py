"""Events are brought into one form, and what must not be stored is gone before anything else sees it."""

from __future__ import annotations

from typing import Any

import pytest

from capture_agent.events import HeaderOrderSource, HttpEvent
from capture_agent.intake.normal_form import MAX_NAMES, MAX_VALUE_CHARS, NormalForm, UnacceptableEvent

PLAIN: dict[str, Any] = {
    "t_us": 1_795_350_390_070_261,
    "src_ip": "192.0.2.7",
    "src_port": 40_000,
    "dst_ip": "198.51.100.1",
    "dst_port": 443,
    "method": "GET",
    "unparsed_uri": "/search?q=secret",
    "proto": "HTTP/1.1",
    "status": 200,
    "headers": (),
}


def normal(form: NormalForm | None = None, **changed: object) -> HttpEvent:
    return (form or NormalForm()).of(HttpEvent(**{**PLAIN, **changed}))


@pytest.mark.parametrize(
    ("logged", "canonical"),
    [
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:C000:0207", "192.0.2.7"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[2001:db8::1]", "2001:db8::1"),
    ],
)
def test_every_spelling_of_an_address_becomes_the_canonical_one(logged: str, canonical: str) -> None:
    event = normal(src_ip=logged, dst_ip=logged, useragent_ip=logged)
    assert (event.src_ip, event.dst_ip, event.useragent_ip) == (canonical,) * 3


def test_client_is_the_peer_unless_the_servers_trust_list_says_otherwise() -> None:
    assert normal().useragent_ip == "192.0.2.7"
    assert normal(useragent_ip="203.0.113.9").useragent_ip == "203.0.113.9"


def test_query_is_dropped_from_target_and_referer_unless_configured() -> None:
    headers = (("Referer", "https://a.test/x?token=1"),)
    event = normal(headers=headers)
    assert (event.unparsed_uri, event.headers) == ("/search", (("Referer", "https://a.test/x"),))
    kept = normal(NormalForm(stores_query=True), headers=headers)
    assert (kept.unparsed_uri, kept.headers) == ("/search?q=secret", headers)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("http://ann:s3cret@shop.test/a?b", "http://shop.test/a"),
        ("//ann:s3cret@shop.test/a", "//shop.test/a"),
        ("ann:s3cret@shop.test:443", "shop.test:443"),
        ("http://a@b@shop.test/", "http://shop.test/"),
        ("/cb#access_token=s3cret", "/cb"),
        ("/cart;jsessionid=s3cret/item;JSESSIONID=s3cret?x", "/cart;jsessionid=/item;JSESSIONID="),
        ("/@ann/posts", "/@ann/posts"),
        ("https://shop.test/@ann", "https://shop.test/@ann"),
        ("*", "*"),
    ],
)
def test_secrets_in_a_target_or_referer_are_dropped(sent: str, stored: str) -> None:
    event = normal(unparsed_uri=sent, headers=(("Referer", sent),))
    assert (event.unparsed_uri, event.headers) == (stored, (("Referer", stored),))
    with_query = normal(NormalForm(stores_query=True), unparsed_uri=sent.replace("#", "?"))
    assert with_query.unparsed_uri.startswith(stored.partition("?")[0])
    assert "s3cret" not in with_query.unparsed_uri.partition("?")[0]


def test_host_is_stored_without_a_user() -> None:
    assert normal(host="ann:s3cret@shop.test").host == "shop.test"
    assert normal(headers=(("Host", "ann:s3cret@shop.test:8443"),)).host == "shop.test:8443"


def test_message_repeats_no_address_where_clients_have_pseudonyms() -> None:
    with pytest.raises(UnacceptableEvent) as refused:
        normal(NormalForm(tells_addresses=False), src_ip="198.51.100.7:80")
    assert str(refused.value) == "src_ip is text of 15 characters, not an IP address"


def test_all_header_names_stay_in_order_with_case_and_duplicates() -> None:
    headers = (("Host", "a"), ("X-B", "1"), ("x-b", "2"), ("ACCEPT", "*/*"), ("X-B", None))
    assert [name for name, _ in normal(headers=headers).headers] == ["Host", "X-B", "x-b", "ACCEPT", "X-B"]


@pytest.mark.parametrize(
    "name", ["Authorization", "Proxy-Authorization", "COOKIE", "X-Api-Key", "Set-Cookie"]
)
def test_value_of_a_header_without_a_column_is_never_kept(name: str) -> None:
    event = normal(headers=((name, "top=secret"),))
    assert event.headers == ((name, None),)
    assert "secret" not in repr(event)


def test_values_can_be_restricted_further() -> None:
    form = NormalForm(kept_headers=frozenset({"user-agent"}))
    event = normal(form, headers=(("User-Agent", "curl"), ("Accept", "*/*")))
    assert event.headers == (("User-Agent", "curl"), ("Accept", None))


def test_cookie_names_are_kept_without_values_split_at_the_first_equals_sign() -> None:
    event = normal(headers=(("Cookie", "a=1; b=x=y;c ; =z"), ("cookie", "d=4")))
    assert event.cookie_names == ("a", "b", "d")


def test_header_that_only_begins_with_cookie_is_not_a_cookie() -> None:
    assert normal(headers=(("Cookie-Consent", "a=1"), ("Cookie2", "b=2"))).cookie_names == ()


def test_cookie_names_of_the_server_are_taken_as_they_are() -> None:
    assert normal(cookie_names=("sid",), headers=(("Cookie", None),)).cookie_names == ("sid",)


def test_scheme_follows_the_port_only_where_the_server_does_not_say() -> None:
    assert normal(dst_port=443).scheme == "https"
    assert normal(dst_port=80).scheme == "http"
    assert normal(dst_port=80, scheme="https").scheme == "https"
    assert normal(NormalForm(tls_ports=frozenset({80})), dst_port=80).scheme == "https"


def test_host_comes_from_the_header_where_the_server_does_not_say() -> None:
    assert normal(headers=(("Host", "shop.test"),)).host == "shop.test"
    assert normal(host="a.test", headers=(("Host", "shop.test"),)).host == "a.test"


def test_header_order_of_http2_is_the_servers_and_of_http1_the_wires() -> None:
    assert normal(proto="HTTP/1.0").header_order_source is HeaderOrderSource.WIRE
    assert normal(proto="HTTP/2.0").header_order_source is HeaderOrderSource.SERVER
    declared = normal(proto="HTTP/2.0", header_order_source=HeaderOrderSource.WIRE)
    assert declared.header_order_source is HeaderOrderSource.WIRE


def test_long_values_and_many_cookies_are_cut() -> None:
    cookies = "; ".join(f"c{number}=1" for number in range(1_000))
    event = normal(
        unparsed_uri="/" + "a" * 100_000, headers=(("User-Agent", "b" * 100_000), ("Cookie", cookies))
    )
    assert len(event.unparsed_uri) == MAX_VALUE_CHARS
    assert event.headers[0] == ("User-Agent", "b" * MAX_VALUE_CHARS)
    assert len(event.cookie_names or ()) == MAX_NAMES


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"src_ip": "not an address"}, "src_ip is 'not an address'"),
        ({"dst_ip": "300.1.1.1"}, "dst_ip"),
        ({"useragent_ip": ""}, "useragent_ip"),
        ({"src_port": 65_536}, "src_port is 65536"),
        ({"dst_port": -1}, "dst_port is -1"),
        ({"status": 70_000}, "status"),
        ({"t_us": -1}, "t_us is -1, outside the years 1970 to 2199"),
        ({"t_us": 1 << 62}, "t_us"),
        ({"conn_start_us": 1 << 62}, "conn_start_us"),
        ({"dur_us": -5}, "dur_us"),
        ({"dur_us": 1 << 62}, "dur_us"),
        ({"bytes": 1 << 63}, "bytes"),
        ({"conn_req": 1 << 40}, "conn_req"),
        ({"v": 2}, "v is 2, this agent reads version 1"),
    ],
)
def test_value_that_no_request_has_is_refused_with_its_name(changed: dict[str, object], words: str) -> None:
    with pytest.raises(UnacceptableEvent, match=words):
        normal(**changed)
