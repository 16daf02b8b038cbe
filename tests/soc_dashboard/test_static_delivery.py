"""Static files: compressed once, kept by browsers as long as their address holds."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from soc_dashboard.assets import asset
from soc_dashboard.static_delivery import StaticDelivery

SCRIPT = "const x = 1;\n" * 500


@pytest.fixture
def browser(tmp_path: Path) -> TestClient:
    (tmp_path / "a.js").write_text(SCRIPT)
    (tmp_path / "font.woff2").write_bytes(b"\0" * 4096)

    async def page(_: object) -> PlainTextResponse:
        return PlainTextResponse(SCRIPT, headers={"etag": '"x"'})

    app = Starlette(routes=[Route("/", page), Mount("/assets", StaticFiles(directory=tmp_path))])
    app.add_middleware(StaticDelivery)
    return TestClient(app)


def test_a_script_is_compressed_for_whoever_takes_it(browser: TestClient) -> None:
    answer = browser.get("/assets/a.js", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(gzip.compress(SCRIPT.encode(), 6, mtime=0))
    assert answer.text == SCRIPT
    assert "accept-encoding" in answer.headers["vary"].lower()
    plain = browser.get("/assets/a.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == SCRIPT


def test_a_part_of_a_file_stays_as_it_is(browser: TestClient) -> None:
    answer = browser.get("/assets/a.js", headers={"accept-encoding": "gzip", "range": "bytes=0-9"})
    assert answer.status_code == 206
    assert answer.text == SCRIPT[:10]


def test_what_is_compressed_already_stays_as_it_is(browser: TestClient) -> None:
    answer = browser.get("/assets/font.woff2", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in answer.headers


def test_an_address_with_a_version_holds_for_ever_and_others_for_an_hour(browser: TestClient) -> None:
    assert "immutable" in browser.get("/assets/a.js?v=0123456789ab").headers["cache-control"]
    assert browser.get("/assets/a.js").headers["cache-control"] == "public, max-age=3600"
    assert "cache-control" not in browser.get("/assets/absent.js?v=0123456789ab").headers


def test_pages_are_left_alone(browser: TestClient) -> None:
    answer = browser.get("/", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    assert "cache-control" not in answer.headers


def test_an_asset_has_the_hash_of_its_content_in_its_address() -> None:
    assert asset("shell.js").startswith("/assets/shell.js?v=")
    assert len({asset("shell.js"), asset("fonts.css"), asset("scripts/keys.js")}) == 3
    with pytest.raises(FileNotFoundError):
        asset("no such file")
