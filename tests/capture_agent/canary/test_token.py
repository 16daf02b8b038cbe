"""Only who knows the secret makes requests that count, and each counts for five minutes, by its own nonce."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture_agent.canary.secret import UnusableSecret, canary_key
from capture_agent.canary.token import MAX_AGE_US, CanaryKey, request_nonce, server_name_label

SECRET = b"sixteen octets!!"
KEY = CanaryKey(SECRET)
NOW_S = 1_795_350_390
NOW_US = NOW_S * 1_000_000
NONCE = request_nonce("00112233445566ff", 7, 19)
GENUINE = KEY.user_agent(NONCE, NOW_S)


def test_nonce_of_a_genuine_request_is_found() -> None:
    assert NONCE == "00112233445566ff-7-19"
    assert KEY.maybe_nonce(GENUINE, NOW_US) == NONCE


def test_code_is_the_hmac_that_openssl_computes() -> None:
    said, _, tag = GENUINE.rpartition(" ")
    command = ["openssl", "dgst", "-sha256", "-hmac", SECRET.decode(), "-r"]
    found = subprocess.run(command, input=said.encode(), capture_output=True, check=True, timeout=20)
    assert found.stdout.decode()[:32] == tag


def test_label_of_the_connection_is_the_nonce_without_the_number() -> None:
    assert NONCE.rpartition("-")[0] == server_name_label("00112233445566ff", 7)


@pytest.mark.parametrize("late_us", [-MAX_AGE_US, 0, MAX_AGE_US])
def test_clock_may_be_five_minutes_apart(late_us: int) -> None:
    assert KEY.maybe_nonce(GENUINE, NOW_US + late_us) == NONCE


@pytest.mark.parametrize("late_us", [-MAX_AGE_US - 1, MAX_AGE_US + 1, -NOW_US])
def test_request_that_is_repeated_later_is_a_visitors(late_us: int) -> None:
    assert KEY.maybe_nonce(GENUINE, NOW_US + late_us) is None


def test_request_with_the_code_of_another_key_is_a_visitors() -> None:
    assert CanaryKey(b"another secret, as long").maybe_nonce(GENUINE, NOW_US) is None


@pytest.mark.parametrize("position", range(len(GENUINE)))
def test_request_with_any_octet_changed_is_a_visitors(position: int) -> None:
    changed = "0" if GENUINE[position] != "0" else "1"
    forged = GENUINE[:position] + changed + GENUINE[position + 1 :]
    assert KEY.maybe_nonce(forged, NOW_US) is None


@pytest.mark.parametrize("end", ["\n", " ", "0", "\0"])
def test_request_with_more_behind_it_is_a_visitors(end: str) -> None:
    assert KEY.maybe_nonce(GENUINE + end, NOW_US) is None


@given(st.text(max_size=200))
def test_no_text_of_a_visitor_raises(text: str) -> None:
    assert KEY.maybe_nonce(text, NOW_US) is None
    assert KEY.maybe_nonce(f"ja4-canary/1 {text}", NOW_US) is None


def test_key_does_not_show_its_secret() -> None:
    assert SECRET.decode() not in repr(KEY)


def test_secret_is_read_from_text_or_file_without_the_space_around_it(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(SECRET + b"\n")
    assert canary_key(None, None) is None
    assert canary_key(SECRET.decode(), None) == canary_key(None, file) == KEY


@pytest.mark.parametrize(
    ("text", "name", "complaint"),
    [
        ("short", None, "has 5 bytes, at least 16"),
        ("x" * 16, "absent", "given twice"),
        (None, "absent", "No such file"),
    ],
)
def test_unusable_secret_is_explained(
    tmp_path: Path, text: str | None, name: str | None, complaint: str
) -> None:
    with pytest.raises(UnusableSecret, match=complaint):
        canary_key(text, tmp_path / name if name else None)
