"""What one person keeps: how pages look to them, and views that they saved under a name.

Texts beside the account: `choices` is a JSON object, `view:<name>` an address.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

import msgspec
import structlog

from soc_dashboard.access.preferences import PreferenceRefusedError
from soc_dashboard.access.preferences import Preferences as KeptTexts
from soc_dashboard.filters import DEFAULT_PRESET, PRESETS

THEMES = ("system", "light", "dark")
PAGE_ROWS = (0, 25, 50, 100)
"""Rows of a full-page table; 0 leaves each table its own."""
UTC_ZONE = "UTC"
MAX_VIEW_NAME = 80
MAX_ADDRESS = 4000
"""Longest address of a view: a page's filters are bounded well below."""

_CHOICES = "choices"
_VIEW = "view:"

log = structlog.get_logger(__name__)


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """How pages look to one person. A value that this version does not know becomes the default."""

    theme: str = "system"
    preset: str = DEFAULT_PRESET
    """Time range of a page that is opened without one."""
    page_rows: int = 0
    zone: str = UTC_ZONE
    """Name of the time zone in which tables, axes and the range are written."""
    has_shortcuts: bool = True
    """Single keys are shortcuts (WCAG 2.1.4 wants a way to turn them off)."""
    has_seen_tour: bool = False

    def time_zone(self) -> ZoneInfo:
        """The zone of `zone`."""
        return ZoneInfo(self.zone)


DEFAULTS = Preferences()


@dataclass(frozen=True, slots=True)
class SavedView:
    """An address of this dashboard under a name."""

    name: str
    address: str
    """Path and query, starting with one slash."""


class PersonalStore:
    """Reads and writes what people keep, as texts beside their accounts."""

    def __init__(self, kept: KeptTexts) -> None:
        self._kept = kept

    def preferences(self, user: str) -> Preferences:
        """The person's choices; the defaults for someone without an account or with damaged rows."""
        return _allowed(self._texts(user).get(_CHOICES, "{}"))

    def keep_preferences(self, user: str, preferences: Preferences) -> None:
        """Replace the person's choices. Raises PreferenceRefusedError."""
        text = msgspec.json.encode(preferences).decode()
        if _allowed(text) != preferences:
            raise PreferenceRefusedError("these choices are not among those offered")
        self._keep(user, _CHOICES, text)

    def views(self, user: str) -> list[SavedView]:
        """The person's saved views by name."""
        return [
            SavedView(name.removeprefix(_VIEW), address)
            for name, address in sorted(self._texts(user).items())
            if name.startswith(_VIEW) and is_own_address(address)
        ]

    def keep_view(self, user: str, name: str, address: str) -> SavedView:
        """Save an address; one of that name is replaced. Raises PreferenceRefusedError."""
        view = SavedView(" ".join(name.split()), address)
        if not view.name or len(view.name) > MAX_VIEW_NAME or not view.name.isprintable():
            raise PreferenceRefusedError(f"a view needs a name of at most {MAX_VIEW_NAME} characters")
        if not is_own_address(address):
            raise PreferenceRefusedError("this address cannot be saved")
        self._keep(user, _VIEW + view.name, address)
        return view

    def forget_view(self, user: str, name: str) -> None:
        """Delete a view; does nothing if there is none of that name. Raises PreferenceRefusedError."""
        try:
            self._kept.drop(user, _VIEW + name)
        except sqlite3.Error as failure:
            raise PreferenceRefusedError(f"the file of accounts cannot be written: {failure}") from failure

    def _texts(self, user: str) -> dict[str, str]:
        try:
            return self._kept.of(user)
        except sqlite3.Error as failure:
            log.warning("preferences cannot be read", error=str(failure))
            return {}

    def _keep(self, user: str, name: str, value: str) -> None:
        try:
            self._kept.keep(user, name, value)
        except sqlite3.Error as failure:
            raise PreferenceRefusedError(f"the file of accounts cannot be written: {failure}") from failure


def is_own_address(address: str) -> bool:
    """The text is a path and query of this dashboard, not of another site."""
    return (
        0 < len(address) <= MAX_ADDRESS
        and address.startswith("/")
        and not address.startswith(("//", "/\\"))
        and address.isprintable()
    )


def _allowed(text: str) -> Preferences:
    """The choices in a stored text; each that is not offered becomes the default."""
    try:
        found = msgspec.json.decode(text, type=Preferences)
    except (msgspec.DecodeError, UnicodeError):
        return DEFAULTS
    return msgspec.structs.replace(
        found,
        theme=found.theme if found.theme in THEMES else DEFAULTS.theme,
        preset=found.preset if found.preset in PRESETS else DEFAULTS.preset,
        page_rows=found.page_rows if found.page_rows in PAGE_ROWS else DEFAULTS.page_rows,
        zone=found.zone if found.zone in available_timezones() else DEFAULTS.zone,
    )
