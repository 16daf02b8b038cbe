from __future__ import annotations

from hashlib import sha256

from capture_agent.fingerprint.header_order import DEFAULT_HOP_HEADERS, header_order_hash


def test_it_hashes_the_names_as_sent() -> None:
    names = ["Host", "User-Agent", "accept"]
    assert header_order_hash(names) == sha256(b"Host,User-Agent,accept").hexdigest()[:12]


def test_order_and_case_matter() -> None:
    hashes = {header_order_hash(names) for names in (["A", "B"], ["B", "A"], ["a", "B"])}
    assert len(hashes) == 3


def test_pseudo_headers_do_not_count() -> None:
    assert header_order_hash([":method", ":path", "accept"]) == header_order_hash(["accept"])


def test_hop_headers_are_stripped_when_configured() -> None:
    names = ["Host", "X-Forwarded-For", "Accept", "CF-Ray"]
    assert header_order_hash(names, DEFAULT_HOP_HEADERS) == header_order_hash(["Host", "Accept"])
    assert header_order_hash(names) != header_order_hash(["Host", "Accept"])


def test_without_names_there_is_no_hash() -> None:
    assert header_order_hash([]) is None
    assert header_order_hash(["Via"], DEFAULT_HOP_HEADERS) is None


def test_names_that_are_not_text_are_hashed_too() -> None:
    assert header_order_hash([b"X-\xff".decode("utf-8", "surrogateescape")]) is not None
    assert header_order_hash(["X-\ud8ff"]) is not None
