"""Two hellos side by side in a browser: every list by name and in the order of the wire."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import clickhouse_connect
import pytest
from playwright.sync_api import Page, expect

from capture_agent.wire.client_hello import ClientHello, parse_client_hello

pytestmark = pytest.mark.browser

GREASE = {0x0A0A + 0x1010 * step for step in range(16)}
"""RFC 8701 section 2."""
ANY_GREASE = "0a0a"
A_HAS = """sections => Object.fromEntries(sections.map((section) => [
  section.querySelector("h2").textContent,
  [...section.getRootNode().host.parentNode.querySelectorAll("*")]
    .flatMap((node) => [...(node.shadowRoot?.querySelectorAll("tbody tr") ?? [])])
    .map((row) => [row.querySelector("th").textContent, row.querySelectorAll("td")[1].textContent])
    .filter(([, name]) => name !== "–"),
]))"""


def lists_of_a(page: Page) -> dict[str, list[tuple[str, str]]]:
    """Section -> code and name of the lines that A has, top to bottom, without the place of a moved one."""
    found = page.locator(".head").filter(has=page.locator("h2")).evaluate_all(A_HAS)
    return {
        name: [(code, shown.split(", place ")[0]) for code, shown in lines] for name, lines in found.items()
    }


def stored_hello(dsn: str, ja4_stable: str) -> ClientHello:
    """The hello that the mart keeps, read as the sensor reads one."""
    with clickhouse_connect.get_client(dsn=dsn) as client:
        skeleton = client.query(
            "select hello_skeleton from dim_ja4 where ja4_stable = {ja4:String}",
            parameters={"ja4": ja4_stable},
        ).first_row[0]
    return parse_client_hello(base64.b64decode(skeleton))


def in_hex(codes: Any) -> list[str]:
    return [ANY_GREASE if code in GREASE else f"{code:04x}" for code in codes]


def test_lists_are_named_and_in_the_order_of_the_wire(
    visit: Callable[..., Any], day_origin: str, day_dsn: str, mart_tables: Any
) -> None:
    seen = visit(day_origin, height=4000)
    chromium, firefox = mart_tables.CHROMIUM.ja4, mart_tables.FIREFOX.ja4
    shown = {}
    for first, second in ((chromium, firefox), (firefox, chromium)):
        page = seen.open(f"/compare?a={first}&b={second}")
        expect(page.get_by_role("heading", name="Key shares")).to_be_visible()
        shown[first] = lists_of_a(page)
        hello = stored_hello(day_dsn, first)
        for section, codes in (
            ("Cipher suites", hello.cipher_suites),
            ("Extensions", [kind for kind, _ in hello.extensions]),
            ("Supported groups", hello.supported_groups),
            ("Signature algorithms", hello.signature_algorithms),
            ("Versions", hello.supported_versions),
        ):
            assert [code for code, _ in shown[first][section]] == in_hex(codes), section
    # What both browsers send a key for, as their vendors say; code points from IANA's registry of groups.
    hybrid, curve = ("11ec", "X25519MLKEM768"), ("001d", "x25519")
    assert shown[chromium]["Key shares"] == [(ANY_GREASE, "GREASE"), hybrid, curve]
    assert shown[firefox]["Key shares"] == [hybrid, curve, ("0017", "secp256r1")]
    assert ("1303", "TLS_CHACHA20_POLY1305_SHA256") in shown[firefox]["Cipher suites"]
    assert ("001c", "record_size_limit") in shown[firefox]["Extensions"]
    assert shown[firefox]["Supported groups"][-2:] == [("0100", "ffdhe2048"), ("0101", "ffdhe3072")]


def test_two_hellos_are_compared_by_name(
    visit: Callable[..., Any], day_origin: str, mart_tables: Any
) -> None:
    first, second = mart_tables.CHROMIUM.ja4, mart_tables.SCRAPER.ja4
    page = visit(day_origin, height=2000).open(f"/compare?a={first}&b={second}")
    line = page.get_by_role("row", name="Post-quantum group")
    expect(line).to_contain_text("different")
    expect(page.get_by_role("row", name="1301 only A has it")).to_contain_text("TLS_AES_128_GCM_SHA256")
    page.get_by_role("checkbox", name="Only what differs").check()
    page.wait_for_url("**diff=yes*")
    expect(page.get_by_role("row", name="Transport")).to_have_count(0)
