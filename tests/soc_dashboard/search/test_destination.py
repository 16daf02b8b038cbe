"""What is typed into the header's search box leads to its page."""

from __future__ import annotations

import pytest

from soc_dashboard.search.destination import destination

JA4 = "t13d1516h2_8daaf6152771_02713d6af862"
"""The first example of JA4's specification."""


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("192.0.2.7", "/ip/192.0.2.7"),
        ("::ffff:192.0.2.7", "/ip/192.0.2.7"),
        ("[2001:DB8::0:1]", "/ip/2001%3Adb8%3A%3A1"),
        (JA4, f"/ja4/{JA4}"),
        ("q13d0312h3_55b375c5d22e_06cda9e17597", "/ja4/q13d0312h3_55b375c5d22e_06cda9e17597"),
        ("Shop.Test", "/host/shop.test"),
        ("xn--bcher-kva.example", "/host/xn--bcher-kva.example"),
        ("AS64500", "/asn/64500"),
        ("as 64500", "/asn/64500"),
        ("C0123456789", "/cluster/C0123456789"),
    ],
)
def test_one_thing_has_its_page(typed: str, path: str) -> None:
    assert destination(typed) == path
    assert destination(f"  {typed} ") == path


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        (f"ja4:{JA4}", f"/ja4/{JA4}"),
        ("ip:192.0.2.7", "/ip/192.0.2.7"),
        ("host:shop.test", "/host/shop.test"),
        ("asn:64500", "/asn/64500"),
        ("campaign:C0123456789", "/cluster/C0123456789"),
    ],
)
def test_a_query_that_names_one_thing_leads_to_its_page(typed: str, path: str) -> None:
    assert destination(typed) == path


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("t13d1516h2", "/fingerprints?q=t13d1516h2"),
        ("192.0.2.0/24", "/requests?q=ip%3A192.0.2.0%2F24"),
        ("status:4xx host:shop.test", "/requests?q=status%3A4xx+host%3Ashop.test"),
        ("ja4:t13d*", "/requests?q=ja4%3At13d%2A"),
        ("-host:shop.test", "/requests?q=-host%3Ashop.test"),
        ("asn:>64500", "/requests?q=asn%3A%3E64500"),
        ("rule:R015 lamp", "/requests?q=rule%3AR015+lamp"),
    ],
)
def test_a_query_leads_to_the_rows_that_match(typed: str, address: str) -> None:
    assert destination(typed) == address


@pytest.mark.parametrize(
    "typed", ["wp-login.php", ".env", "curl/8.5.0", "Mozilla", "nofield:x", '"open', "1.2.3"]
)
def test_anything_else_is_looked_for_among_requests(typed: str) -> None:
    assert destination(typed).startswith("/requests?q=")


@pytest.mark.parametrize(
    "typed", ["//evil.test/x", "https://evil.test", "/\\evil.test", "host://evil", "a\r\nb: c", "\0"]
)
def test_no_text_leads_out_of_the_dashboard(typed: str) -> None:
    address = destination(typed)
    assert address.startswith("/")
    assert not address.startswith(("//", "/\\"))
    assert address.isprintable()


def test_nothing_leads_to_the_requests() -> None:
    assert destination(" ") == "/requests"
