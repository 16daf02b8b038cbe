"""docs/reference/packets-and-flows.md names every limit, counter, link type, tunnel and preamble."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from capture_agent.events import TlsHello
from capture_agent.flows.limits import FlowCounters, FlowLimits
from capture_agent.wire.link import LINK_LAYERS

UPGRADES = ("smtp", "imap", "pop3", "ftp", "ldap", "postgresql", "mysql")
PREAMBLES = (*UPGRADES, "connect", "socks4", "socks5", "proxy_v1", "proxy_v2")
TUNNELS = ("ipip", "6in4", "gre", "erspan", "vxlan", "geneve", "gtpu")


@pytest.fixture(scope="module")
def page(project_root: Path) -> str:
    return (project_root / "docs" / "reference" / "packets-and-flows.md").read_text()


@pytest.mark.parametrize("fields", [FlowLimits, FlowCounters])
def test_every_limit_and_counter_is_documented(fields: type, page: str) -> None:
    missing = [field.name for field in dataclasses.fields(fields) if f"`{field.name}`" not in page]
    assert missing == []


def test_every_count_limit_has_its_default(page: str) -> None:
    limits = FlowLimits()
    for name in ("max_flows", "max_half_open", "max_datagram_flows"):
        assert f"| `{name}` | {getattr(limits, name)} |" in page
    for name in ("half_open_us", "hello_us", "idle_us", "datagram_idle_us", "sweep_us"):
        assert f"| `{name}` | {getattr(limits, name) // 1_000_000} s |" in page


def test_every_link_type_is_documented(page: str) -> None:
    table = page.partition("| link type |")[2].partition("\n\n")[0]
    assert {int(number) for number in re.findall(r"\b\d+\b(?=[,\s|])", table)} >= set(LINK_LAYERS)


@pytest.mark.parametrize("name", [*PREAMBLES, *TUNNELS])
def test_every_tunnel_and_preamble_is_documented(name: str, page: str) -> None:
    assert f"`{name}`" in page


def test_tunnel_and_preamble_are_columns() -> None:
    assert {"tunnel", "preamble"} <= set(TlsHello.__struct_fields__)
