"""What every page does: load its state from the URL, read, show, keep the URL, read again while live."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec
import panel as pn
import param
from markupsafe import Markup

from soc_dashboard.access.preferences import PreferenceRefusedError
from soc_dashboard.components.browser_calls import BrowserCalls
from soc_dashboard.components.display_time import choose_zone
from soc_dashboard.components.markup import html_pane
from soc_dashboard.components.range_bar import RangeBar
from soc_dashboard.components.scripts import head_scripts
from soc_dashboard.components.shell import PageFrame, carried_query, frame, rail
from soc_dashboard.components.states import failed_banner
from soc_dashboard.filters import MAX_TEXT, PRESETS, PageUrl, TimeRange
from soc_dashboard.pages.views_drawer import ViewsDrawer
from soc_dashboard.personal import DEFAULTS, PersonalStore
from soc_dashboard.store.database import SHARED_S, MartDatabase, StoreFailedError
from soc_dashboard.window import Window

REFRESH_MS = 60_000
RANGE_KEYS = ("preset", "since_s", "until_s")


def shared_moment(now: datetime) -> datetime:
    """The time up to which a page reads: the same for all that read within SHARED_S."""
    return datetime.fromtimestamp(now.timestamp() // SHARED_S * SHARED_S, UTC)


def now_utc() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class PageSession(ABC):
    """One person's view of one page. Subclasses build panes in `__init__`, and fill them in `read`."""

    title = ""
    path = "/"

    help_name = ""
    """File in `help/` that explains the page; empty for the first part of its path."""

    def __init__(
        self,
        marts: MartDatabase,
        user: str = "",
        clock: Callable[[], datetime] = now_utc,
        personal: PersonalStore | None = None,
        mlflow_url: str = "",
    ) -> None:
        """`personal` keeps the person's preferences and views; without it there are none. `mlflow_url` is
        where browsers reach MLflow; empty for no links."""
        self.mlflow_url = mlflow_url
        self.marts = marts.for_pages
        self.user = user
        """Who looks: the name under which decisions are recorded."""
        self.clock = clock
        self.personal = personal
        self.preferences = personal.preferences(user) if personal else DEFAULTS
        choose_zone(self.preferences.zone)
        self.time_range = TimeRange()
        self.as_of = clock()
        """Time of the reading that is shown or under way."""
        self.window = self.time_range.window(self.as_of)
        self.url = PageUrl(self.url_names())
        asked = arguments()
        if "range" not in asked:
            self.time_range.preset = self.preferences.preset
        self.url.load(asked)
        self.calls = BrowserCalls()
        self.views = ViewsDrawer(personal, user, self.address) if personal else None
        self._reading = 0
        self._first: asyncio.Future[None] | None = None
        self._read_at: datetime | None = None
        self._body = pn.Column(
            sizing_mode="stretch_width",
            margin=0,
            styles={"gap": "12px", "min-width": "0", "max-width": "100%"},
        )
        self.notices = html_pane(Markup(""), visible=False)
        self._retry = html_pane(
            Markup('<button class="outlined" data-call="refresh">Try again</button>'), visible=False
        )
        self.range_bar = RangeBar(self.time_range)
        self._rail = html_pane(rail(self.path, carried_query(self.time_range)))
        self.page: PageFrame | None = None

    def address(self) -> str:
        """Path and query of the page with all that was chosen."""
        pathname = pn.state.location.pathname if pn.state.location else self.path
        return f"{pathname}{self.url.search()}"

    def search_for(self, query: str) -> None:  # noqa: B027 - most pages have no query box
        """Add a term to the page's query box, for a value that was chosen somewhere on the page."""

    @property
    def is_dark(self) -> bool:
        """The theme shown now."""
        return bool(self.page and self.page.dark_theme)

    def url_names(self) -> Mapping[str, tuple[param.Parameterized, str]]:
        """Query keys of this page; subclasses add theirs."""
        return {
            "range": (self.time_range, "preset"),
            "from": (self.time_range, "since_s"),
            "to": (self.time_range, "until_s"),
        }

    @abstractmethod
    def body(self) -> list[object]:
        """Panes of the page, top to bottom."""

    def drawers(self) -> list[pn.viewable.Viewable]:
        """The side drawers, for pages that have some."""
        return []

    @abstractmethod
    async def read(self, window: Window, as_of: datetime) -> None:
        """Read and show everything for the window; raises StoreFailedError."""

    def redraw(self) -> None:  # noqa: B027 - most pages have nothing to draw again
        """Draw again what depends on the theme."""

    def build(self) -> PageFrame:
        """The page, still without figures: `first_read` reads them."""
        self._body.extend(self.body())
        drawers = [*self.drawers(), *([self.views.drawer] if self.views else [])]
        self.page = frame(
            self.title,
            self.range_bar.items,
            [self.notices, self._retry, self._body, self.calls.view],
            drawers,
            self._rail,
        )
        self._answer_calls()
        self.page.param.watch(lambda *_: self.redraw(), "dark_theme")
        self.time_range.param.watch(lambda *_: self._range_changed(), list(RANGE_KEYS))
        pn.state.onload(self._go_live)
        return self.page

    def head_scripts(self) -> Markup:
        """The scripts of the page's head."""
        return head_scripts(self.help_name or self.path.strip("/") or "overview", self.preferences)

    def request_read(self) -> None:
        """Read soon, without blocking the caller."""
        pn.state.execute(self._read_latest)

    def keep_url(self) -> None:
        """Write the state into the address bar."""
        location = pn.state.location
        if location is not None:
            location.search = self.url.search()

    def show_failure(self, failure: StoreFailedError) -> None:
        """Say which read failed, and offer to try again.

        Figures that were read before stay, with their time; without any, nothing pretends to be loading.
        """
        self.notice(failed_banner(failure.query, failure.reason, self._read_at))
        self._retry.visible = True
        self._body.visible = self._read_at is not None

    def notice(self, content: Markup) -> None:
        """Show a strip above the figures; empty markup removes it."""
        self.notices.object = str(content)
        self.notices.visible = bool(content)

    def _answer_calls(self) -> None:
        """What keys and buttons of the page's scripts do."""
        shown = self.time_range
        answers: dict[str, Callable[[str], None]] = {
            "range": lambda preset: shown.choose(preset) if preset in PRESETS else None,
            "earlier": lambda _: shown.move(self.clock(), -1),
            "later": lambda _: shown.move(self.clock(), 1),
            "back": lambda _: shown.zoom_back(),
            "pause": lambda _: self._pause(),
            "refresh": lambda _: self.request_read(),
            "filter": lambda query: self.search_for(query[:MAX_TEXT]),
            "tour": lambda _: self._tour_seen(),
            "theme": self._follow_theme,
        }
        if self.views is not None:
            views = self.views
            answers |= {"views": lambda _: views.open(), "forget-view": views.forget}
        for action, act in answers.items():
            self.calls.on(action, act)

    def _pause(self) -> None:
        """Stop reading again by itself, or read now and go on."""
        self.time_range.is_paused = not self.time_range.is_paused
        if self.time_range.is_paused:
            self.range_bar.show(self.window, self.as_of)
        else:
            self.request_read()

    def _follow_theme(self, theme: str) -> None:
        """Charts are drawn in the colours of the theme that the browser shows."""
        if self.page is not None and theme in ("light", "dark"):
            self.page.dark_theme = theme == "dark"

    def _tour_seen(self) -> None:
        if self.personal is not None:
            self.preferences = msgspec.structs.replace(self.preferences, has_seen_tour=True)
            with contextlib.suppress(PreferenceRefusedError):
                # Without an account the browser's own cookie remembers it.
                self.personal.keep_preferences(self.user, self.preferences)

    def _tell_reading(self, is_reading: bool) -> None:
        if self.page is not None:
            self.page.is_reading = is_reading

    async def first_read(self) -> None:
        """Read for the first time, once: for the first paint and for the live page."""
        if self._first is None:
            self._first = asyncio.ensure_future(self._read_latest())
        # One who leaves must not end it for the other.
        await asyncio.shield(self._first)

    async def _go_live(self) -> None:
        await self.first_read()
        pn.state.add_periodic_callback(self._refresh_if_live, period=REFRESH_MS)

    def _refresh_if_live(self) -> None:
        if self.time_range.is_live and not self.time_range.is_paused:
            self.request_read()

    def _range_changed(self) -> None:
        self.keep_url()
        self._rail.object = str(rail(self.path, carried_query(self.time_range)))
        self.request_read()

    async def _read_latest(self) -> None:
        """Read for the current state; a reading that was overtaken by a newer request shows nothing."""
        self._reading += 1
        mine = self._reading
        await asyncio.sleep(0)
        if mine != self._reading:
            return
        self.as_of = as_of = shared_moment(self.clock())
        self.window = self.time_range.window(as_of)
        self._tell_reading(True)
        try:
            await self.read(self.window, as_of)
        except StoreFailedError as failure:
            self.show_failure(failure)
            return
        finally:
            self._tell_reading(mine != self._reading)
        self._retry.visible = False
        self._body.visible = True
        self._read_at = as_of
        self.range_bar.show(self.window, as_of)


def arguments() -> dict[str, str]:
    """The query of the request that opened this session, one value per key."""
    found: dict[str, str] = {}
    for key, values in (pn.state.session_args or {}).items():
        if values:
            found[key] = (
                values[0].decode("utf-8", "replace") if isinstance(values[0], bytes) else str(values[0])
            )
    return found
