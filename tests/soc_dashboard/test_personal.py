"""What one person keeps: preferences and saved views."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from soc_dashboard.access.preferences import PreferenceRefusedError
from soc_dashboard.access.registry import Accounts, open_accounts
from soc_dashboard.access.roles import Role
from soc_dashboard.personal import DEFAULTS, PersonalStore, Preferences, SavedView


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    opened = open_accounts(tmp_path)
    opened.users.add("test", "ada", Role.VIEWER)
    yield opened
    opened.file.close()


@pytest.fixture
def personal(accounts: Accounts) -> PersonalStore:
    return PersonalStore(accounts.preferences)


def test_someone_without_choices_has_the_defaults(personal: PersonalStore) -> None:
    assert personal.preferences("ada") == DEFAULTS
    assert personal.preferences("nobody") == DEFAULTS


def test_choices_are_kept(personal: PersonalStore) -> None:
    chosen = Preferences(theme="dark", preset="7d", page_rows=100, zone="Europe/Paris", has_shortcuts=False)
    personal.keep_preferences("ada", chosen)
    assert personal.preferences("ada") == chosen


@pytest.mark.parametrize(
    "change", [{"theme": "pink"}, {"preset": "99y"}, {"page_rows": 10**9}, {"zone": "Mars/Olympus"}]
)
def test_a_choice_that_is_not_offered_is_refused(personal: PersonalStore, change: dict[str, object]) -> None:
    with pytest.raises(PreferenceRefusedError):
        personal.keep_preferences("ada", msgspec.structs.replace(DEFAULTS, **change))


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"zone": "x/../y", "theme": 7}', "null"])
def test_damaged_choices_are_the_defaults(accounts: Accounts, personal: PersonalStore, damage: str) -> None:
    accounts.preferences.keep("ada", "choices", damage)
    assert personal.preferences("ada") == DEFAULTS


def test_views_are_kept_by_name_and_deleted(personal: PersonalStore) -> None:
    personal.keep_view("ada", "  errors   of the shop ", "/requests?q=status%3A5xx")
    personal.keep_view("ada", "bots", "/?verdict=bad_bot")
    personal.keep_view("ada", "bots", "/?verdict=suspicious")
    assert personal.views("ada") == [
        SavedView("bots", "/?verdict=suspicious"),
        SavedView("errors of the shop", "/requests?q=status%3A5xx"),
    ]
    personal.forget_view("ada", "bots")
    assert [view.name for view in personal.views("ada")] == ["errors of the shop"]


@pytest.mark.parametrize(
    "address",
    ["", "https://example.invalid/", "//example.invalid/", "/\\example.invalid", "javascript:x", "/a\nb"],
)
def test_an_address_of_another_site_is_refused(personal: PersonalStore, address: str) -> None:
    with pytest.raises(PreferenceRefusedError):
        personal.keep_view("ada", "x", address)


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\u202eb"])
def test_a_name_must_be_a_name(personal: PersonalStore, name: str) -> None:
    with pytest.raises(PreferenceRefusedError):
        personal.keep_view("ada", name, "/")


def test_someone_without_an_account_keeps_nothing(personal: PersonalStore) -> None:
    with pytest.raises(PreferenceRefusedError, match="nobody"):
        personal.keep_view("nobody", "x", "/")
