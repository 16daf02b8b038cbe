"""State of a page: what the person chose. Parameters only; every one of them lives in the URL."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import param

from soc_dashboard.verdicts import VERDICTS
from soc_dashboard.window import Window

PRESETS: dict[str, timedelta] = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}
CUSTOM = "custom"
DEFAULT_PRESET = "24h"
SHORTEST = timedelta(minutes=1)
EARLIEST_S = 1_500_000_000
LATEST_S = 4_000_000_000
MAX_TEXT = 500
"""Longest text of a filter or query that the URL carries."""
MAX_HISTORY = 50


class TimeRange(param.Parameterized):
    """The shared time range: a preset that ends now, or a fixed span."""

    preset = param.String(
        default=DEFAULT_PRESET,
        regex=f"^({'|'.join([*PRESETS, CUSTOM])})$",
        doc="Preset, or `custom`.",
    )
    since_s = param.Integer(
        default=0, bounds=(0, LATEST_S), doc="Start of a custom span, seconds since the epoch."
    )
    until_s = param.Integer(
        default=0, bounds=(0, LATEST_S), doc="End of a custom span, seconds since the epoch."
    )

    is_paused = param.Boolean(default=False, doc="A span that ends now is not read again by itself.")

    def __init__(self, **params: object) -> None:
        super().__init__(**params)
        self._history: list[tuple[str, int, int]] = []

    @property
    def is_live(self) -> bool:
        """The span ends now."""
        return self.preset != CUSTOM or not self._is_valid_span()

    @property
    def can_zoom_back(self) -> bool:
        """A zoom can be undone."""
        return bool(self._history)

    def window(self, now: datetime) -> Window:
        """The span to show; a custom span that makes no sense (a hand-edited URL) gives the "
        "default preset."""
        if not self.is_live:
            return Window(
                datetime.fromtimestamp(self.since_s, UTC), datetime.fromtimestamp(self.until_s, UTC)
            )
        length = PRESETS.get(self.preset, PRESETS[DEFAULT_PRESET])
        return Window(now - length, now)

    def zoom(self, since: datetime, until: datetime) -> None:
        """Show a fixed span, at least `SHORTEST` long; remembered, so that it can be undone."""
        until = max(until, since + SHORTEST)
        self._history = [*self._history[-MAX_HISTORY:], (self.preset, self.since_s, self.until_s)]
        self.param.update(preset=CUSTOM, since_s=int(since.timestamp()), until_s=int(until.timestamp()))

    def zoom_back(self) -> None:
        """Return to the span before the last zoom, or to the default."""
        preset, since_s, until_s = self._history.pop() if self._history else (DEFAULT_PRESET, 0, 0)
        self.param.update(preset=preset, since_s=since_s, until_s=until_s)

    def choose(self, preset: str) -> None:
        """Show a preset that ends now."""
        self._history = []
        self.param.update(preset=preset, since_s=0, until_s=0)

    def move(self, now: datetime, steps: int) -> None:
        """Move the span by its own length; `steps` is -1 for earlier and 1 for later (never past now)."""
        window = self.window(now)
        if steps > 0 and window.until + window.length >= now:
            self.choose(self.preset if self.preset != CUSTOM else DEFAULT_PRESET)
            return
        moved = window.earlier(-steps * window.length)
        self.zoom(moved.since, moved.until)

    def _is_valid_span(self) -> bool:
        return EARLIEST_S <= self.since_s < self.until_s


class TableState(param.Parameterized):
    """What one server-paged table shows."""

    text = param.String(default="", doc="Part of any shown value, case-insensitive; at most MAX_TEXT long.")
    verdict = param.String(
        default="",
        regex=f"^({'|'.join(style.key for style in VERDICTS)}|)$",
        doc="Only this verdict; empty for the table's default.",
    )
    sort = param.String(default="", doc="Column to sort by; empty for the table's default.")
    descending = param.Boolean(default=True, doc="Largest first.")
    page = param.Integer(default=1, bounds=(1, 100_000), doc="Page shown, from 1.")
    hidden = param.String(default="", doc="Columns that are not shown, joined by commas.")

    @property
    def needle(self) -> str:
        """The text filter, bounded and without NUL, which SQL strings and URLs treat differently."""
        return self.text.replace("\0", "")[:MAX_TEXT].strip()

    @property
    def hidden_columns(self) -> frozenset[str]:
        """Names of the columns that are not shown."""
        return frozenset(filter(None, self.hidden.split(",")))


class AuditState(TableState):
    """What the audit log shows."""

    action = param.String(default="", doc="Only this kind of action; empty for any.")
    is_ranged = param.Boolean(default=False, doc="Only what was done within the time range.")


class LabelState(TableState):
    """What the list of labels shows."""

    is_all = param.Boolean(default=False, doc="Labels that ended or were taken back, too.")


class CampaignState(TableState):
    """What the list of campaigns shows."""

    status = param.String(
        default="", regex="^(born|alive|merged|ended|)$", doc="Only campaigns in this state; empty for any."
    )


class Subject(param.Parameterized):
    """What a page is about."""

    value = param.String(default="", doc="A JA4, an address or a host, from the path.")


class ModelState(param.Parameterized):
    """What the page of models shows."""

    metric = param.String(default="", doc="Data set and metric of the chart; empty for the first.")


class ComparedPair(param.Parameterized):
    """Two fingerprints that are compared."""

    first = param.String(default="", doc="A JA4, exact or stable.")
    second = param.String(default="", doc="Another JA4.")
    is_differing_only = param.Boolean(default=False, doc="Lines that are the same are left out.")


class PageUrl:
    """Keeps parameters and the URL's query equal, leaving out what has its default value."""

    def __init__(self, names: Mapping[str, tuple[param.Parameterized, str]]) -> None:
        """`names` maps a query key to the object and parameter that it holds."""
        self._names = names

    def load(self, arguments: Mapping[str, str]) -> None:
        """Set the parameters from a query; values that do not fit are ignored, for anyone can edit a URL."""
        for key, (state, name) in self._names.items():
            if key not in arguments:
                continue
            parameter = state.param[name]
            with contextlib.suppress(ValueError, TypeError):
                setattr(state, name, _from_text(parameter, arguments[key]))

    def search(self) -> str:
        """The query for the current values, with its question mark; empty when all are defaults."""
        chosen = {
            key: _to_text(name, getattr(state, name))
            for key, (state, name) in self._names.items()
            if getattr(state, name) != state.param[name].default
        }
        return f"?{urlencode(chosen)}" if chosen else ""


_FALSE = ("asc", "no")


def _from_text(parameter: param.Parameter[Any], text: str) -> object:
    if isinstance(parameter, param.Boolean):
        return text not in _FALSE
    if isinstance(parameter, param.Integer):
        return int(text)
    return text[:MAX_TEXT]


def _to_text(name: str, value: object) -> str:
    if isinstance(value, bool):
        words = ("asc", "desc") if name == "descending" else ("no", "yes")
        return words[value]
    return str(value)
