"""Accounts: passwords, sessions, tokens, lock-out, the first login."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from soc_dashboard.access.passwords import (
    PasswordHashes,
    PasswordRefusedError,
    checked_password,
    one_time_password,
)
from soc_dashboard.access.registry import Accounts, open_accounts
from soc_dashboard.access.roles import Role, Scope
from soc_dashboard.access.throttle import ATTEMPTS, FREE_FAILURES, LONGEST_LOCK_S
from soc_dashboard.access.tokens import DAY_S, TokenRefusedError
from soc_dashboard.access.users import Account, AccountRefusedError

CHOSEN = "four random words here"


class Clock:
    """A time that tests move."""

    now = 1_800_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(tmp_path: Path, clock: Clock) -> Iterator[Accounts]:
    quick = PasswordHashes(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    opened = open_accounts(tmp_path, idle_s=600, absolute_s=3600, clock=clock, hashes=quick)
    yield opened
    opened.file.close()


def person(accounts: Accounts, name: str, role: Role = Role.ANALYST) -> Account:
    if accounts.users.maybe_named(name) is None:
        accounts.users.add("tests", name, role)
    found = accounts.users.maybe_named(name)
    assert found is not None
    return found


def test_file_is_its_owners_alone(accounts: Accounts) -> None:
    person(accounts, "ada")
    for path in [accounts.file.path, *accounts.file.path.parent.glob("*-wal")]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(accounts.file.path.parent.stat().st_mode) == 0o700


def test_no_secret_is_kept_as_it_is(accounts: Accounts) -> None:
    one_time = accounts.users.add("tests", "ada", Role.ANALYST)
    ada = person(accounts, "ada")
    token = accounts.tokens.make("tests", ada, "proxy", [Scope.READ], 1)
    session = accounts.sessions.begin(ada, "browser")
    accounts.file.change("pragma wal_checkpoint(truncate)")
    kept = accounts.file.path.read_bytes()
    assert b"ada" in kept
    for secret in (one_time, token, token.split("_", 2)[2], session):
        assert secret.encode() not in kept


def test_hash_is_argon2id_with_the_parameters_of_rfc_9106() -> None:
    # Section 4, second recommended option: 3 passes, 4 lanes, 64 MiB.
    assert PasswordHashes().hashed(CHOSEN).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_password_is_right_only_for_its_name_and_only_while_enabled(accounts: Accounts) -> None:
    password = accounts.users.add("tests", "ada", Role.ANALYST)
    accounts.users.add("tests", "bob", Role.ADMIN)
    assert accounts.users.is_password("ADA", password)
    assert not accounts.users.is_password("bob", password)
    assert not accounts.users.is_password("nobody", password)
    accounts.users.set_disabled("tests", "ada", is_disabled=True)
    assert not accounts.users.is_password("ada", password)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "x" * 257, "my name is Ada, hello"])
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(PasswordRefusedError):
        checked_password(password, "ada")


def test_one_time_passwords_differ_and_would_be_taken() -> None:
    made = {one_time_password() for _ in range(50)}
    assert len(made) == 50
    assert all(checked_password(password, "admin") for password in made)


@pytest.mark.parametrize("name", ["", "a b", "<b>", "x" * 101, "\u202eada", "-ada", "ada\n"])
def test_names_that_could_be_taken_for_others_are_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(AccountRefusedError):
        accounts.users.add("tests", name, Role.VIEWER)


def test_the_last_admin_stays(accounts: Accounts) -> None:
    person(accounts, "root", Role.ADMIN)
    with pytest.raises(AccountRefusedError, match="last admin"):
        accounts.users.set_disabled("tests", "root", is_disabled=True)
    with pytest.raises(AccountRefusedError, match="last admin"):
        accounts.users.set_role("tests", "root", Role.VIEWER)
    person(accounts, "second", Role.ADMIN)
    accounts.users.set_role("tests", "root", Role.VIEWER)
    assert person(accounts, "root").role is Role.VIEWER


def test_session_ends_when_idle_and_at_its_end(accounts: Accounts, clock: Clock) -> None:
    secret = accounts.sessions.begin(person(accounts, "ada"), "browser")
    for _ in range(6):
        clock.now += 590
        session = accounts.sessions.maybe_found(secret)
        assert session is not None
        accounts.sessions.touch(session)
    clock.now += 590
    assert accounts.sessions.maybe_found(secret) is None, "an hour after sign-in, however busy"
    second = accounts.sessions.begin(person(accounts, "ada"), "browser")
    clock.now += 601
    assert accounts.sessions.maybe_found(second) is None


@pytest.mark.parametrize("change", ["role", "disable", "reset", "choose"])
def test_every_change_of_an_account_ends_its_sessions(accounts: Accounts, change: str) -> None:
    person(accounts, "root", Role.ADMIN)
    ada, bob = person(accounts, "ada"), person(accounts, "bob")
    hers, his = accounts.sessions.begin(ada, ""), accounts.sessions.begin(bob, "")
    {
        "role": lambda: accounts.users.set_role("root", "ada", Role.VIEWER),
        "disable": lambda: accounts.users.set_disabled("root", "ada", is_disabled=True),
        "reset": lambda: accounts.users.reset_password("root", "ada"),
        "choose": lambda: accounts.users.change_password(ada, CHOSEN),
    }[change]()
    assert accounts.sessions.maybe_found(hers) is None
    assert accounts.sessions.maybe_found(his) is not None


def test_token_holds_until_it_ends_is_revoked_or_its_owner_goes(accounts: Accounts, clock: Clock) -> None:
    person(accounts, "root", Role.ADMIN)
    ada = person(accounts, "ada")
    first, second, third = (
        accounts.tokens.make("ada", ada, f"program {n}", [Scope.LOOKUP], days)
        for n, days in enumerate((1, 9, 9))
    )
    found = accounts.tokens.maybe_found(first)
    assert found is not None
    assert found.scopes == {Scope.LOOKUP}
    clock.now += DAY_S
    assert accounts.tokens.maybe_found(first) is None
    assert accounts.tokens.revoke("ada", second.split("_")[1], ada)
    assert accounts.tokens.maybe_found(second) is None
    assert accounts.tokens.maybe_found(third) is not None
    accounts.users.set_disabled("root", "ada", is_disabled=True)
    assert accounts.tokens.maybe_found(third) is None


def test_token_with_another_secret_or_id_is_none(accounts: Accounts) -> None:
    token = accounts.tokens.make("ada", person(accounts, "ada"), "x", [Scope.READ], 1)
    for text in (token[:-1], token + "x", "ja4_" + token[6:], "", "ja4_", token.removeprefix("ja4_")):
        assert accounts.tokens.maybe_found(text) is None


def test_others_cannot_revoke_a_token(accounts: Accounts) -> None:
    token = accounts.tokens.make("ada", person(accounts, "ada"), "x", [Scope.READ], 1)
    assert not accounts.tokens.revoke("bob", token.split("_")[1], person(accounts, "bob"))
    assert accounts.tokens.maybe_found(token) is not None


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [
        ("", [Scope.READ], 1),
        ("x", [], 1),
        ("x", [Scope.READ], 0),
        ("x", [Scope.READ], 400),
        ("x", [Scope.LABELS], 1),
    ],
)
def test_tokens_out_of_bounds_are_refused(
    accounts: Accounts, name: str, scopes: list[Scope], days: int
) -> None:
    with pytest.raises(TokenRefusedError):
        accounts.tokens.make("eve", person(accounts, "eve", Role.VIEWER), name, scopes, days)


def test_failures_lock_a_name_longer_and_longer(accounts: Accounts, clock: Clock) -> None:
    for _ in range(FREE_FAILURES):
        assert accounts.name_locks.wait_s("ada") == 0
        accounts.name_locks.failed("ada")
    assert accounts.name_locks.wait_s("ADA") == 60
    clock.now += 60
    accounts.name_locks.failed("ada")
    assert accounts.name_locks.wait_s("ada") == 120
    for _ in range(9):
        accounts.name_locks.failed("ada")
    assert accounts.name_locks.wait_s("ada") == LONGEST_LOCK_S
    assert accounts.name_locks.wait_s("bob") == 0
    accounts.name_locks.forgive("ada")
    assert accounts.name_locks.wait_s("ada") == 0


def test_an_address_is_heard_so_often_and_ipv6_by_its_network(accounts: Accounts, clock: Clock) -> None:
    for _ in range(ATTEMPTS):
        assert accounts.address_limit.wait_s("2001:db8::1") == 0
    assert accounts.address_limit.wait_s("2001:db8::ffff:2") == 300
    assert accounts.address_limit.wait_s("2001:db8:0:1::1") == 0
    clock.now += 300
    assert accounts.address_limit.wait_s("2001:db8::1") == 0


def test_first_login_is_made_once_and_gone_when_used(accounts: Accounts) -> None:
    first = accounts.first_login.maybe_pending()
    assert first is not None
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o600
    assert accounts.first_login.maybe_pending() == first
    admin = accounts.users.maybe_named("admin")
    assert admin is not None
    assert admin.must_change_password
    assert accounts.users.is_password("admin", first.password)
    accounts.users.change_password(admin, CHOSEN)
    assert accounts.first_login.maybe_pending() is None
    assert not first.path.exists()


def test_first_login_is_not_told_once_it_was_reset(accounts: Accounts) -> None:
    assert accounts.first_login.maybe_pending() is not None
    accounts.users.reset_password("tests", "admin")
    assert accounts.first_login.maybe_pending() is None


def test_there_is_no_first_login_where_people_are(accounts: Accounts) -> None:
    person(accounts, "ada")
    assert accounts.first_login.maybe_pending() is None


def test_preferences_are_a_persons_own(accounts: Accounts) -> None:
    person(accounts, "ada")
    person(accounts, "bob")
    accounts.preferences.keep("ada", "theme", '"dark"')
    accounts.preferences.keep("ada", "theme", '"light"')
    assert accounts.preferences.of("ada") == {"theme": '"light"'}
    assert accounts.preferences.of("bob") == {}
    accounts.preferences.drop("bob", "theme")
    assert accounts.preferences.of("ada") == {"theme": '"light"'}
