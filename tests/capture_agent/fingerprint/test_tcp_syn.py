from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture_agent.fingerprint.tcp_syn import SynFacts, initial_ttl, read_options, syn_pattern, tcp_signature

# A SYN of Linux 6.x as recorded: mss 1460, sackOK, timestamps, nop, window scale 10.
LINUX_OPTIONS = bytes.fromhex("020405b40402080a123456780000000001030 30a".replace(" ", ""))
LINUX = SynFacts(
    ttl=64, window=64240, options_field=LINUX_OPTIONS, ip_df=True, ip_id=4711, has_payload=False, seq=1, ack=0
)


def test_signature_of_a_linux_syn() -> None:
    # p0f 3.09b has 4:64:0:*:mss*44,7:mss,sok,ts,nop,ws:df,id+:0 for Linux with window scale 7.
    assert tcp_signature(LINUX) == "4:64:1460:mss*44,10:mss,sok,ts,nop,ws:df,id+:0"
    assert LINUX.tcp_options == "2-4-8-1-3"
    assert (LINUX.mss, LINUX.window_scale) == (1460, 10)


def test_signature_over_ipv6_has_no_ipv4_quirks() -> None:
    syn = SynFacts(57, 64800, bytes.fromhex("020405a0"), None, None, has_payload=True)
    assert tcp_signature(syn) == "6:64:1440:mss*45,0:mss::+"


def test_window_as_a_multiple_of_the_mtu() -> None:
    syn = SynFacts(128, 6000, bytes.fromhex("020405b4"), True, 0, has_payload=False)
    assert tcp_signature(syn).split(":")[3] == "mtu*4,0"


def test_without_options_nothing_is_invented() -> None:
    syn = SynFacts(255, 1024, b"", False, 0, has_payload=False)
    assert tcp_signature(syn) == "4:255:0:1024,0::id-:0"
    assert (syn.mss, syn.window_scale, syn.tcp_options) == (None, None, "")


@pytest.mark.parametrize(("ttl", "start"), [(1, 32), (32, 32), (33, 64), (64, 64), (113, 128), (129, 255)])
def test_initial_ttl(ttl: int, start: int) -> None:
    assert initial_ttl(ttl) == start


@pytest.mark.parametrize(
    ("changes", "quirk"),
    [
        ({"flags": 0xC2}, "ecn"),
        ({"seq": 0}, "seq-"),
        ({"ack": 5}, "ack+"),
        ({"flags": 0x22}, "urgf+"),
        ({"flags": 0x0A}, "pushf+"),
        ({"options_field": bytes.fromhex("080a0000000000000000")}, "ts1-"),
        ({"options_field": bytes.fromhex("080a0000000100000001")}, "ts2+"),
        ({"options_field": bytes.fromhex("00000001")}, "opt+"),
        ({"options_field": bytes.fromhex("03030f00")}, "exws"),
        ({"options_field": bytes.fromhex("020305b4")}, "bad"),
        ({"options_field": bytes.fromhex("0200")}, "bad"),
        ({"options_field": bytes.fromhex("02")}, "bad"),
    ],
)
def test_quirks(changes: dict[str, int | bytes], quirk: str) -> None:
    fields = {name: getattr(LINUX, name) for name in LINUX.__struct_fields__}
    syn = SynFacts(**{**fields, **changes})
    assert quirk in tcp_signature(syn).split(":")[5].split(",")
    assert quirk not in tcp_signature(LINUX).split(":")[5].split(",")


def test_end_of_list_closes_the_options_and_its_padding_is_counted() -> None:
    options = read_options(bytes.fromhex("020405b4000000"))
    assert options.kinds == (2, 0)
    assert options.padding == b"\0\0"
    syn = SynFacts(64, 1, bytes.fromhex("020405b4000000"), True, 0, has_payload=False)
    assert tcp_signature(syn).split(":")[4] == "mss,eol+2"


def test_unknown_options_keep_their_number() -> None:
    assert read_options(bytes.fromhex("fd04f989")).kinds == (253,)
    syn = SynFacts(64, 1, bytes.fromhex("fd04f989"), True, 0, has_payload=False)
    assert "?253" in tcp_signature(syn)


@given(st.binary(max_size=44))
def test_any_options_field_can_be_walked(field: bytes) -> None:
    options = read_options(field)
    assert len(options.kinds) <= len(field)
    tcp_signature(SynFacts(64, 1, field, True, 1, has_payload=False))


OPTIONS = st.lists(
    st.sampled_from(
        [
            b"\x02\x04\x05\xb4",
            b"\x04\x02",
            b"\x01",
            b"\x03\x03\x07",
            b"\x03\x03\x0f",
            b"\0",
            b"\x08\x0a",
            b"\x22\x0a",
        ]
    )
    | st.binary(min_size=8, max_size=8).map(b"\x08\x0a".__add__)
    | st.just(b"\x08\x0a" + bytes(8))
    | st.binary(max_size=6),
    max_size=6,
).map(b"".join)


@given(
    field=OPTIONS,
    ip_id=st.sampled_from([None, 0, 1, 4711]),
    seq=st.sampled_from([None, 0, 1, 2**31]),
    ack=st.sampled_from([None, 0, 9]),
)
def test_the_pattern_of_a_syn_has_its_signature_and_options(
    field: bytes, ip_id: int | None, seq: int | None, ack: int | None
) -> None:
    syn = SynFacts(
        57, 64240, field, None if ip_id is None else True, ip_id, has_payload=False, seq=seq, ack=ack
    )
    pattern = syn_pattern(syn)
    assert tcp_signature(pattern) == tcp_signature(syn)
    assert (pattern.mss, pattern.window_scale) == (syn.mss, syn.window_scale)
    assert pattern.option_kinds == syn.option_kinds


def test_two_connections_of_one_client_have_one_pattern() -> None:
    fields = {name: getattr(LINUX, name) for name in LINUX.__struct_fields__}
    options = bytes.fromhex("020405b40402080a") + b"\x12\x34\x56\x78" + bytes(4) + bytes.fromhex("01030307")
    first = SynFacts(**{**fields, "options_field": options, "seq": 1000, "ip_id": 7})
    later = options.replace(b"\x12\x34\x56\x78", b"\x9a\xbc\xde\xf0")
    second = SynFacts(**{**fields, "options_field": later, "seq": 2000, "ip_id": 8})
    assert syn_pattern(first) == syn_pattern(second)


def test_every_quirk_of_the_code_is_documented(project_root: Path) -> None:
    page = (project_root / "docs" / "reference" / "tcp-signature.md").read_text()
    quirks = "df,id+,id-,ecn,seq-,ack+,urgf+,pushf+,ts1-,ts2+,opt+,exws,bad"
    for quirk in quirks.split(","):
        assert f"`{quirk}`" in page
