"""What a page shows before any script runs: the figures of the database, for exactly that address."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import clickhouse_connect
import pytest
from fastapi.testclient import TestClient

from soc_dashboard import first_paint
from soc_dashboard.assets import painted_styles

CHROMIUM_JA4 = "t13d1517h2_8daaf6152771_cb7bf5808d99"
PAGES = (
    "/",
    "/alerts",
    "/campaigns",
    "/cluster/Cbench7f3a91",
    "/sensors",
    "/requests",
    "/fingerprints",
    f"/ja4/{CHROMIUM_JA4}",
    "/ip/203.0.113.44",
    "/asn/64500",
    "/host/shop.test",
    f"/compare?a={CHROMIUM_JA4}&b=t13d1715h2_5b57614c22b0_5c2c66f702b0",
    "/models",
    "/settings",
    "/audit",
)
OpenDashboard = Callable[[str], TestClient]


class Painted(HTMLParser):
    """Tags, classes and rows of what is inside `#first-paint`."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts = 0
        self.tags: list[str] = []
        self.classes: list[str] = []
        self.rows: list[list[str]] = []
        self.words = ""
        self._is_inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.scripts += tag == "script"
        self._is_inside = (self._is_inside or known.get("id") == "first-paint") and known.get(
            "id"
        ) != "live-page"
        if self._is_inside:
            self.tags.append(tag)
            self.classes += (known.get("class") or "").split()
            if tag == "tr":
                self.rows.append([])
            elif tag == "td" and self.rows:
                self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self._is_inside:
            self.words += data
            if self.rows and self.rows[-1]:
                self.rows[-1][-1] += data


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, too, the tests want whole pages."""
    monkeypatch.setattr(first_paint, "WHOLE_WAIT_S", 60.0)


@pytest.fixture(scope="module")
def day(open_dashboard: OpenDashboard, day_dsn: str) -> TestClient:
    return open_dashboard(day_dsn)


@pytest.fixture(scope="module")
def hostile(open_dashboard: OpenDashboard, hostile_dsn: str) -> TestClient:
    return open_dashboard(hostile_dsn)


def painted(client: TestClient, path: str) -> Painted:
    answer = client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 200
    return Painted(answer.text)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_its_figures_in_the_answer(day: TestClient, path: str) -> None:
    shown = painted(day, path)
    assert "skeleton" not in shown.classes
    assert "UTC" in shown.words
    assert {"kpi", "rows", "head", "empty", "books"} & set(shown.classes)


def test_the_figures_are_those_of_the_database(day: TestClient, day_dsn: str) -> None:
    question = "select sum(requests) from fct_request_minute where minute >= now64(6) - interval 24 hour"
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        requests = client.query(question).result_rows[0][0]
    assert f"{requests:,}".replace(",", "\u202f") in painted(day, "/").words


def test_the_address_chooses_what_is_shown(day: TestClient) -> None:
    every = [row[1].strip() for row in painted(day, "/alerts").rows if len(row) > 1]
    chosen = [row[1].strip() for row in painted(day, "/alerts?verdict=bad_bot").rows if len(row) > 1]
    assert set(every) == {"Bad bot", "Suspicious"}
    assert chosen == ["Bad bot"] * every.count("Bad bot")


@pytest.mark.parametrize("path", ["/", "/alerts", "/requests", "/fingerprints", "/campaigns"])
def test_hostile_values_add_no_element(hostile: TestClient, day: TestClient, path: str) -> None:
    shown = painted(hostile, path)
    assert shown.scripts == painted(day, path).scripts
    assert not {"script", "img", "iframe", "style", "b0"} & set(shown.tags)


def test_a_failed_read_shows_as_failed_on_every_page(open_dashboard: OpenDashboard) -> None:
    client = open_dashboard("http://ja4:x@127.0.0.1:1/none")
    for path in PAGES:
        shown = painted(client, path)
        assert "failed" in shown.classes, path
        assert "does not answer" in shown.words, path
        assert not {"rows", "empty", "skeleton", "kpi"} & set(shown.classes), path


def test_empty_marts_show_as_empty_on_every_page(open_dashboard: OpenDashboard, empty_dsn: str) -> None:
    client = open_dashboard(empty_dsn)
    for path in PAGES:
        shown = painted(client, path)
        assert "empty" in shown.classes, path
        assert re.search("Nothing|No |There is no|never seen", shown.words), path
        assert not {"failed", "skeleton"} & set(shown.classes), path


def test_its_styles_reach_nothing_else() -> None:
    text = painted_styles().decode()
    before, _, inside = text.partition("#first-paint {")
    assert ":host" not in text
    assert "@keyframes" not in inside
    assert before.count("@keyframes") == before.count("\n@keyframes") + before.startswith("@keyframes")


def test_an_answer_waits_for_the_first_figures_only(day: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_paint, "WHOLE_WAIT_S", 0.0)
    monkeypatch.setattr(first_paint, "READ_WAIT_S", 0.0)
    shown = painted(day, "/?range=1h")
    assert "skeleton" in shown.classes
    assert "value" not in shown.classes
