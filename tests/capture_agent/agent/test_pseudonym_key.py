"""The key file of pseudonyms: refused with what, where and what to do, unless it is private and random."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from capture_agent.agent.pseudonym_key import MAX_BYTES, UnusableKeyFile, client_names, read_key
from capture_agent.cli import main
from capture_agent.rows.client_names import AS_SEEN
from capture_agent.settings.loading import UnusableSettings, load_settings

RANDOM = bytes(range(32))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "pseudonym.key"
    path.write_bytes(RANDOM)
    path.chmod(0o600)
    return path


def test_private_file_is_read_whole(key: Path) -> None:
    assert read_key(key, None) == RANDOM
    key.chmod(0o400)
    assert read_key(key, None) == RANDOM


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601])
def test_file_that_others_can_use_is_refused(key: Path, mode: int) -> None:
    key.chmod(mode)
    with pytest.raises(UnusableKeyFile, match=rf"{key}: others can use it \(mode {mode:04o}\): chmod 600"):
        read_key(key, None)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds 0 bytes, a key has 32 or more; make one with"),
        (RANDOM[:31], "holds 31 bytes"),
        (bytes(64), "few different bytes"),
        (b"x" * 40 + b"\n", "few different bytes"),
        (RANDOM * 200, f"more than {MAX_BYTES} bytes"),
    ],
    ids=["empty", "short", "zeros", "one letter", "endless"],
)
def test_content_that_is_no_key_is_refused(key: Path, content: bytes, reason: str) -> None:
    key.write_bytes(content)
    with pytest.raises(UnusableKeyFile, match=reason):
        read_key(key, None)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for path, reason in (
        (pipe, "is no file"),
        (tmp_path, "Is a directory"),
        (tmp_path / "none", "No such file"),
    ):
        with pytest.raises(UnusableKeyFile, match=reason):
            read_key(path, None)


@pytest.mark.root
def test_file_belongs_to_the_user_that_the_agent_becomes(key: Path) -> None:
    with pytest.raises(UnusableKeyFile, match="belongs to user 0: chown nobody"):
        read_key(key, "nobody")
    os.chown(key, 65_534, -1)
    assert read_key(key, "nobody") == RANDOM
    assert read_key(key, None) == RANDOM, "root does not know as whom the agent will run"
    with pytest.raises(UnusableKeyFile, match="belongs to user 65534: chown daemon"):
        read_key(key, "daemon")


@pytest.mark.root
def test_file_that_the_agents_user_cannot_read_is_told_so(key: Path) -> None:
    for folder in (key.parent, *key.parents):
        if folder.stat().st_uid == 0 and folder != Path("/tmp") and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    os.seteuid(65_534)
    try:
        with pytest.raises(UnusableKeyFile, match="cannot be read: chown it to the agent's user"):
            read_key(key, None)
    finally:
        os.seteuid(0)


def test_without_a_key_clients_keep_their_addresses() -> None:
    assert client_names(load_settings(None, {}, {})) is AS_SEEN


def test_variable_that_names_nothing_does_not_turn_pseudonyms_off() -> None:
    settings = load_settings(None, {}, {"JA4_PRIVACY_PSEUDONYM_KEY_FILE": ""})
    with pytest.raises(UnusableKeyFile):
        client_names(settings)


def test_bits_to_keep_without_a_key_are_a_fault() -> None:
    with pytest.raises(UnusableSettings, match="no pseudonym_key_file: addresses would stay whole"):
        load_settings(None, {"privacy.keep_bits_v4": 0}, {})


@pytest.mark.parametrize("is_private", [True, False])
def test_check_config_says_whether_pseudonyms_are_on(
    key: Path, capsys: pytest.CaptureFixture[str], is_private: bool
) -> None:
    config = key.with_name("agent.toml")
    config.write_text(
        f'sinks = [{{type = "stdout"}}]\n[privacy]\npseudonym_key_file = "{key}"\nkeep_bits_v4 = 0\n'
    )
    key.chmod(0o600 if is_private else 0o644)
    code = main(["check-config", str(config)])
    said = capsys.readouterr().err
    if is_private:
        assert code == 0
        assert "client addresses are stored as pseudonyms under key " in said
        assert "the first 0 bits of IPv4 and 32 of IPv6 addresses stay" in said
    else:
        assert code == 2
        assert f"privacy.pseudonym_key_file: {key}: others can use it (mode 0644)" in said


def test_command_tells_pseudonyms_and_the_way_back(
    key: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JA4_PRIVACY_PSEUDONYM_KEY_FILE", str(key))
    addresses = ["198.51.100.7", "2001:db8::7", "198.51.100.0/24"]
    assert main(["pseudonym", *addresses]) == 0
    pseudonyms = capsys.readouterr().out.split()
    assert len(pseudonyms) == 3
    assert set(pseudonyms).isdisjoint(addresses)
    assert main(["pseudonym", "--reverse", *pseudonyms]) == 0
    assert capsys.readouterr().out.split() == addresses


def test_command_without_a_key_or_an_address_says_so(
    key: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["pseudonym", "198.51.100.7"]) == 2
    assert "privacy.pseudonym_key_file is not set" in capsys.readouterr().err
    monkeypatch.setenv("JA4_PRIVACY_PSEUDONYM_KEY_FILE", str(key))
    assert main(["pseudonym", "198.51.100.7/33", "shop.test", "198.51.100.7/x", "::1"]) == 2
    said = capsys.readouterr()
    assert said.err.count("is neither an address nor a network") == 3
    assert len(said.out.split()) == 1
