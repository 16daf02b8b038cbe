"""Signatures of RFC 9421 and of the Web Bot Auth draft, and what must not pass for one."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import HTTPMessageVerifier, MappingKeyResolver, algorithms
from hypothesis import given
from hypothesis import strategies as st

from ja4_assets.verified_bots.identity import State
from ja4_assets.verified_bots.web_bot_auth import (
    MAX_HEADER_CHARS,
    KeyDirectory,
    KeyFileError,
    SignedRequest,
    check,
    domain_of,
    read_key_directory,
    thumbprint,
)

# RFC 9421 appendix B.1.4, test-key-ed25519.
X = "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"
KEYID = "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U"
AGENT = "signature-agent.test"
# draft-meunier-web-bot-auth-architecture-05, appendix A.2.3: Signature-Agent as a string.
DRAFT_STRING = SignedRequest(
    at=datetime(2025, 1, 1, 0, 0, 30, tzinfo=UTC),
    method="GET",
    scheme="https",
    authority="example.com",
    path="/path/to/resource",
    query=None,
    signature="sig2=:jdq0SqOwHdyHr9+r5jw3iYZH6aNGKijYp/EstF4RQTQdi5N5YYKrD+mCT1HA1nZDsi6nJKuHxUi/5Syp3rLWBA==:",
    signature_input=(
        'sig2=("@authority" "signature-agent");created=1735689600;keyid="' + KEYID + '";alg="ed25519"'
        ';expires=1735693200;nonce="e8N7S2MFd/qrd6T2R3tdfAuuANngKI7LFtKYI/vowzk4lAZYadIX6wW25MwG7DCT9RUKAJ0q'
        'VkU0mEeLElW1qg==";tag="web-bot-auth"'
    ),
    signature_agent='"https://signature-agent.test"',
)
INPUT = DRAFT_STRING.signature_input
# The vectors the draft points to (web_bot_auth_architecture_v2.json): Signature-Agent as a dictionary.
DRAFT_DICTIONARY = replace(
    DRAFT_STRING,
    signature="sig2=:RdNFx5Bj6au3YgAMQL/RzmUlZE8QZLIaXGRpw985hWnwPfMxT228NMk6ehRS1PSl4e8PhbNZACSanGdhEwYCCg==:",
    signature_input=(
        'sig2=("@authority" "signature-agent";key="agent2");created=1735689600;keyid="' + KEYID + '"'
        ';alg="ed25519";expires=4889289600;nonce="n9p433xm+NJ3ph3upfBIGmsuwHw387YV7Q/F+6BSpGCVjYCqQw6rznNA8PV'
        'VLySrAWsv0hQtFioQb6E1YsauiA==";tag="web-bot-auth"'
    ),
    signature_agent='agent2="https://signature-agent.test"',
)


B26_INPUT = (
    'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length")'
    ';created=1618884473;keyid="test-key-ed25519"'
)
B26_SIGNATURE = (
    "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"
)
HEADERS = ["signature", "signature_input", "signature_agent", "authority", "path", "method"]


def key_file(folder: Path, **changes: object) -> Path:
    agent = {
        "agent": f"https://{AGENT}",
        "operator": "Example",
        "keys": [
            {"kty": "OKP", "crv": "Ed25519", "x": X, "use": "sig"},
            {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        ],
    }
    path = folder / "keys.json"
    path.write_text(json.dumps({"agents": [agent | changes]}))
    return path


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> KeyDirectory:
    return read_key_directory(key_file(tmp_path_factory.mktemp("keys")))


@pytest.mark.parametrize(
    ("x", "keyid"),
    [
        (X, KEYID),
        ("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
    ],
    ids=["draft", "rfc8037-a3"],
)
def test_a_key_is_named_by_its_thumbprint(x: str, keyid: str) -> None:
    assert thumbprint(x) == keyid


def test_the_library_verifies_the_example_of_rfc_9421() -> None:
    """Appendix B.2.6, signed with test-key-ed25519; the library is ours to trust only as far as this."""

    class Message:
        method = "POST"
        url = "https://example.com/foo?param=Value&Pet=dog"
        headers = {  # noqa: RUF012
            "Date": "Tue, 20 Apr 2021 02:07:55 GMT",
            "Content-Type": "application/json",
            "Content-Length": "18",
            "Signature-Input": B26_INPUT,
            "Signature": B26_SIGNATURE,
        }

    key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(X + "="))
    verifier = HTTPMessageVerifier(
        signature_algorithm=algorithms.ED25519,
        key_resolver=MappingKeyResolver(public_keys={"test-key-ed25519": key}, private_keys={}),
    )
    (result,) = verifier.verify(Message, max_age=None)
    assert result.parameters["created"] == 1618884473


@pytest.mark.parametrize("request_", [DRAFT_STRING, DRAFT_DICTIONARY], ids=["string", "dictionary"])
def test_the_draft_s_vectors_are_verified(request_: SignedRequest, directory: KeyDirectory) -> None:
    found = check(request_, directory)
    assert (found.domain, found.state) == (AGENT, State.VERIFIED)
    assert KEYID in found.detail


@pytest.mark.parametrize(
    "change",
    [
        {"authority": "shop.test"},
        {"signature": DRAFT_DICTIONARY.signature},
        {"signature": "sig2=:AAAA:"},
        {"signature": "sig2=1"},
        {"signature": "sig1" + DRAFT_STRING.signature[4:]},
    ],
    ids=["another host", "another signature", "short", "no bytes", "another label"],
)
def test_a_signature_that_is_wrong_is_an_impostor_s(change: dict[str, str], directory: KeyDirectory) -> None:
    assert check(replace(DRAFT_STRING, **change), directory).state is State.IMPOSTOR  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"at": datetime(2025, 1, 1, 2, tzinfo=UTC)}, "did not hold"),
        ({"at": datetime(2024, 12, 31, 23, 58, tzinfo=UTC)}, "did not hold"),
        ({"signature_agent": '"https://other.test"'}, "no keys of other.test"),
        ({"signature_agent": "bot"}, "names no https"),
        ({"signature_input": INPUT.replace(KEYID, "k")}, "has no key k"),
        (
            {"signature_input": INPUT.replace("web-bot-auth", "other")},
            "has the tag",
        ),
        ({"signature_input": "sig2=("}, "cannot be read"),
        ({"signature_input": "sig2=1"}, "cannot be read"),
        (
            {"signature_input": INPUT.replace(";created=1735689600", "")},
            "from when until when",
        ),
        ({"signature_input": INPUT.replace('"@authority" ', "")}, "would fit any"),
        (
            {"signature_input": INPUT.replace('"@authority"', '"@authority" "date"')},
            "date",
        ),
        (
            {"signature_input": INPUT.replace("@authority", "@target-uri")},
            "@target-uri",
        ),
        ({"signature": "x" * MAX_HEADER_CHARS}, "too long"),
        ({"authority": "a b"}, "cannot be read"),
    ],
)
def test_a_signature_that_cannot_be_checked_proves_nothing(
    change: dict[str, object], why: str, directory: KeyDirectory
) -> None:
    found = check(replace(DRAFT_STRING, **change), directory)  # type: ignore[arg-type]
    assert found.state is State.UNKNOWN
    assert why in found.detail


def test_nothing_is_known_without_keys() -> None:
    assert check(DRAFT_STRING, KeyDirectory({}, {})).state is State.UNKNOWN


@given(
    header=st.sampled_from(HEADERS),
    value=st.text(max_size=60),
)
def test_no_header_breaks_the_check(header: str, value: str, directory: KeyDirectory) -> None:
    found = check(replace(DRAFT_STRING, **{header: value}), directory)  # type: ignore[arg-type]
    covered = header in ("signature", "signature_input", "signature_agent", "authority")
    assert found.state is not State.VERIFIED or not covered or value in ("example.com", "EXAMPLE.com")


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://Bot.Example", "bot.example"),
        ("https://bot.example:443/x", "bot.example"),
        ("https://bot.example:8443", "bot.example:8443"),
        ("http://bot.example", ""),
        ("https://[", ""),
        ("https://bot.example:x", ""),
        ("data:text/plain,x", ""),
    ],
)
def test_an_agent_is_the_host_of_an_https_address(url: str, domain: str) -> None:
    assert domain_of(url) == domain


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"agent": "http://bot.example"}, "no https"),
        ({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}]}, "no Ed25519 key"),
        ({"keys": "x"}, "keys"),
        ({"surplus": 1}, "surplus"),
    ],
)
def test_a_key_file_with_a_fault_is_refused(changes: dict[str, object], fault: str, tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=fault):
        read_key_directory(key_file(tmp_path, **changes))
    with pytest.raises(KeyFileError, match="No such file"):
        read_key_directory(tmp_path / "absent.json")
