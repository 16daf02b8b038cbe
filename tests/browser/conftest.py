"""Headless Chromium against dashboard processes; a machine without it fails, naming what to install."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from soc_dashboard.access.registry import open_accounts
from soc_dashboard.access.roles import Role

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
START_DEADLINE_S = 180
WAIT_MS = 20_000
expect.set_options(timeout=WAIT_MS)


def _dashboard_fixtures() -> ModuleType:
    path = ROOT / "tests" / "soc_dashboard" / "conftest.py"
    spec = importlib.util.spec_from_file_location("dashboard_fixtures", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_shared = _dashboard_fixtures()
mart_tables, now = _shared.mart_tables, _shared.now
PASSWORD, add_person = _shared.PASSWORD, _shared.add_person
PERSON = "ada"
day_dsn, hostile_dsn, empty_dsn = _shared.day_dsn, _shared.hostile_dsn, _shared.empty_dsn


RACE_IN_PANEL = "Table Not Initialized - Calling the setMaxPage function"
"""Panel tells Tabulator the number of pages, now and then before the table is built, and again after."""


@dataclass
class Visit:
    """One browser page and everything it did that it should not."""

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Load a page and wait until its figures stand."""
        self.page.goto(self.origin + path)
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until the page is live, no skeleton is left and the time of the reading is shown."""
        self.page.wait_for_function("() => document.documentElement.dataset.live", timeout=WAIT_MS)
        self.page.locator(".span", has_text="UTC").first.wait_for(state="attached", timeout=WAIT_MS)
        self.page.wait_for_function(
            """() => {
              const waiting = (root) => [...root.querySelectorAll("*")].some((node) =>
                (node.classList?.contains("skeleton") && node.checkVisibility()) ||
                (node.shadowRoot && waiting(node.shadowRoot)))
              return !waiting(document)
            }""",
            timeout=WAIT_MS,
        )

    def on_console(self, message: ConsoleMessage) -> None:
        """Errors and warnings are complaints."""
        if message.type in ("error", "warning") and RACE_IN_PANEL not in message.text:
            self.complaints.append(f"console {message.type}: {message.text}")

    def on_request(self, request: Request) -> None:
        """A request that leaves the dashboard is a complaint."""
        local = (self.origin, self.origin.replace("http", "ws", 1), "data:", "blob:")
        if not request.url.startswith(local):
            self.complaints.append(f"request to {request.url}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium through Playwright.

    Playwright keeps an event loop running in this thread as long as it lives; ended with each module,
    it is not in the way of tests elsewhere that run a loop of their own.
    """
    if not CHROMIUM.is_file():
        pytest.fail(f"{CHROMIUM} is missing: install it with `apt-get install chromium`")
    with sync_playwright() as playwright:
        # The sandbox needs user namespaces, which root in a container lacks.
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def start_dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Starts `python -m soc_dashboard` on a DSN, with an admin PERSON, and gives its origin."""
    running: list[subprocess.Popen[bytes]] = []
    folder = tmp_path_factory.mktemp("dashboard")

    def start(dsn: str) -> str:
        port = _free_port()
        home = folder / f"home-{port}"
        accounts = open_accounts(home)
        add_person(accounts, PERSON, Role.ADMIN)
        accounts.file.close()
        environment = {**os.environ, "JA4_CLICKHOUSE_URL": dsn, "JA4_DASHBOARD_PORT": str(port)}
        environment["JA4_HOME"] = str(home)
        command = [sys.executable, "-m", "soc_dashboard"]
        with (folder / f"{port}.log").open("wb") as output:
            process = subprocess.Popen(command, env=environment, cwd=folder, stdout=output, stderr=output)
        running.append(process)
        origin = f"http://127.0.0.1:{port}"
        _wait_for(f"{origin}/assets/fonts.css", process, folder / f"{port}.log")
        return origin

    yield start
    for process in running:
        process.terminate()
    for process in running:
        process.wait(timeout=30)


@pytest.fixture(scope="session")
def day_origin(start_dashboard: Callable[[str], str], day_dsn: str) -> str:
    """A dashboard over a day of rows."""
    return start_dashboard(day_dsn)


@pytest.fixture(scope="session")
def hostile_origin(start_dashboard: Callable[[str], str], hostile_dsn: str) -> str:
    """A dashboard over hostile rows."""
    return start_dashboard(hostile_dsn)


@pytest.fixture(scope="session")
def empty_origin(start_dashboard: Callable[[str], str], empty_dsn: str) -> str:
    """A dashboard over empty marts."""
    return start_dashboard(empty_dsn)


@pytest.fixture(scope="session")
def sessions() -> dict[str, Any]:
    """What a browser keeps after signing in, by origin."""
    return {}


def signed_in(browser: Browser, origin: str) -> Any:
    """Sign in as PERSON by the form; gives the cookies."""
    with closing(browser.new_context()) as context:
        page = context.new_page()
        page.goto(f"{origin}/login?next=/account")
        page.get_by_label("User name").fill(PERSON)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{origin}/account")
        return context.storage_state()


@pytest.fixture
def visit(browser: Browser, sessions: dict[str, Any]) -> Iterator[Callable[..., Visit]]:
    """Opens browser pages for PERSON; afterwards no page may have complained."""
    visits: list[Visit] = []

    def make(origin: str, width: int = 1280, height: int = 800, theme: str = "light") -> Visit:
        if origin not in sessions:
            sessions[origin] = signed_in(browser, origin)
        context = browser.new_context(
            storage_state=sessions[origin],
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            permissions=["clipboard-read", "clipboard-write"],
        )
        # The offer of a tour lies over the page; one test asks for it.
        context.add_cookies([{"name": "ja4_tour", "value": "done", "url": origin}])
        made = Visit(context.new_page(), origin)
        made.page.on("console", made.on_console)
        made.page.on("pageerror", lambda error: made.complaints.append(f"page error: {error}"))
        made.page.on("request", made.on_request)
        visits.append(made)
        return made

    yield make
    for made in visits:
        made.page.context.close()
    assert [complaint for made in visits for complaint in made.complaints] == []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < give_up:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    pytest.fail(f"the dashboard did not start: {log.read_text('utf-8', 'replace')[-2000:]}")
