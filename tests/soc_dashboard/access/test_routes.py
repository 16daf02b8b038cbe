"""Every route of the application against every kind of caller."""

from __future__ import annotations

import asyncio
import base64
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import panel as pn
import pytest
from bokeh_fastapi.handler import DocHandler
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from starlette.routing import BaseRoute, Mount
from starlette.testclient import WebSocketDenialResponse, WebSocketDisconnect

from soc_dashboard.access import gate as gate_module
from soc_dashboard.access.origins import own_origins
from soc_dashboard.access.registry import Accounts
from soc_dashboard.access.roles import Role, Scope
from soc_dashboard.app import create_app
from soc_dashboard.settings import Settings
from soc_dashboard.store.database import MartDatabase, StoreFailedError

ORIGIN = "http://127.0.0.1:8000"
PEOPLE = ("anonymous", *Role)
WITHOUT_ACCOUNT = {("GET", "/login"), ("POST", "/login"), ("GET", "/readyz")}
WITHOUT_ACCOUNT |= {("GET", "/login/oidc"), ("GET", "/login/oidc/callback")}
ADMINS_ONLY = re.compile(r"/users(/.*)?")
ANALYSTS = re.compile(r"/api/labels(/.*)?")
SCOPED = {"/api/lookup": {Scope.READ, Scope.LOOKUP}, "/api/metrics": {Scope.METRICS}}
ANY_SCOPE = {"/api/me", "/api/openapi.json"}
REFUSED = {401, 403}


@pytest.fixture
def app(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """The application with every route; its pages are empty and its database is away, to be quick."""

    async def away(_: MartDatabase, query: str, *_args: object) -> list[object]:
        raise StoreFailedError(query, "away")

    monkeypatch.setattr(MartDatabase, "fetch", away)
    monkeypatch.setattr("soc_dashboard.app._opener", lambda *_: pn.Column)
    return create_app(Settings(JA4_CLICKHOUSE_URL=SecretStr("http://ja4:x@127.0.0.1:1/none")), accounts)


def routes_of(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and a path of every HTTP route, with something in place of parameters."""
    for route in flat(app.routes):
        if isinstance(route, Mount):
            yield "GET", f"{route.path}/x"
        elif getattr(route, "methods", None):
            for method in sorted(route.methods - {"HEAD", "OPTIONS"}):
                yield method, example(route.path)


def live_connections_of(app: FastAPI) -> list[str]:
    """A path of every route for live connections."""
    return [example(route.path) for route in app.routes if "WebSocketRoute" in type(route).__name__]


def flat(routes: list[BaseRoute]) -> Iterator[Any]:
    """Routes, those of included routers by what FastAPI makes of them."""
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)
        if contexts is not None:
            yield from contexts()
        else:
            yield route


def example(path: str) -> str:
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: {"address": "192.0.2.1"}.get(found[1], "x"), path)


def client_of(app: FastAPI) -> TestClient:
    return TestClient(app, base_url=ORIGIN, raise_server_exceptions=False, follow_redirects=False)


def is_let_through(answer: Any) -> bool:
    """Neither refused nor sent to the sign-in."""
    is_sent_away = answer.status_code == 303 and answer.headers["location"].startswith("/login")
    return answer.status_code not in REFUSED and not is_sent_away


def role_needed(method: str, path: str) -> Role | None:
    """What the how-to page about users says."""
    if (method, path) in WITHOUT_ACCOUNT:
        return None
    if ADMINS_ONLY.fullmatch(path):
        return Role.ADMIN
    if ANALYSTS.fullmatch(path) and method != "GET":
        return Role.ANALYST
    return Role.VIEWER


def test_every_route_lets_through_whom_it_is_for(
    app: FastAPI,
    accounts: Accounts,
    sign_in_as: Callable[[TestClient, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(DocHandler, "render_session", lambda *_args, **_more: "a page")
    clients = {who: client_of(app) for who in PEOPLE}
    tokens = {role: sign_in_as(clients[role], role) for role in Role}
    seen = sorted(set(routes_of(app)))
    assert len(seen) > 30
    wrong = []
    for method, path in seen:
        if path == "/logout":
            continue  # it would end the session that the other routes are asked with
        needed = role_needed(method, path)
        for who in PEOPLE:
            headers = {"X-CSRF-Token": tokens.get(who, "")} if method != "GET" else {}
            answer = clients[who].request(method, path, headers=headers)
            is_allowed = needed is None or (who != "anonymous" and Role(who).includes(needed))
            if is_let_through(answer) != is_allowed:
                wrong.append((method, path, who, answer.status_code))
    assert wrong == []


def test_tokens_open_the_routes_of_their_scope_and_no_page(app: FastAPI, accounts: Accounts) -> None:
    admin = accounts.users.maybe_named("admin")
    assert admin is not None
    client = client_of(app)
    wrong = []
    for scope in Scope:
        text = accounts.tokens.make("tests", admin, scope, [scope], 1)
        for method, path in sorted(set(routes_of(app))):
            if (method, path) in WITHOUT_ACCOUNT:
                continue
            answer = client.request(method, path, headers={"Authorization": f"Bearer {text}"})
            if not path.startswith("/api/"):
                is_allowed = False
            elif path in ANY_SCOPE:
                is_allowed = True
            elif ANALYSTS.fullmatch(path) and method != "GET":
                is_allowed = scope is Scope.LABELS
            elif ANALYSTS.fullmatch(path):
                is_allowed = scope in {Scope.READ, Scope.LABELS}
            else:
                is_allowed = method == "GET" and scope in SCOPED.get(path, {Scope.READ})
            if is_let_through(answer) != is_allowed:
                wrong.append((scope, method, path, answer.status_code))
    assert wrong == []


def test_a_token_gives_no_more_than_its_owner_may(app: FastAPI, accounts: Accounts) -> None:
    analyst = accounts.users.maybe_named("analyst")
    assert analyst is not None
    text = accounts.tokens.make("tests", analyst, "x", [Scope.LABELS], 1)
    accounts.users.set_role("tests", "analyst", Role.VIEWER)
    answer = client_of(app).post("/api/labels", headers={"Authorization": f"Bearer {text}"}, json={})
    assert answer.status_code == 403


def test_every_live_connection_asks_who_is_there(app: FastAPI) -> None:
    paths = live_connections_of(app)
    assert len(paths) > 5
    client = client_of(app)
    for path in paths:
        with pytest.raises((WebSocketDenialResponse, WebSocketDisconnect)), client.websocket_connect(path):
            pass


def test_a_live_connection_of_another_site_is_refused(
    app: FastAPI, sign_in_as: Callable[[TestClient, str], str]
) -> None:
    client = client_of(app)
    sign_in_as(client, "admin")
    for origin in ("https://evil.example", "http://127.0.0.1:9999", "null", "http://[::bad"):
        with (
            pytest.raises((WebSocketDenialResponse, WebSocketDisconnect)),
            client.websocket_connect("/ws", headers={"Origin": origin}),
        ):
            pass


def test_writing_needs_the_token_of_the_session_and_our_own_page(
    app: FastAPI, sign_in_as: Callable[[TestClient, str], str]
) -> None:
    client = client_of(app)
    token = sign_in_as(client, "admin")
    forms = [path for method, path in sorted(set(routes_of(app))) if method == "POST" and "/api/" not in path]
    assert len(forms) >= 10
    before = client.get("/account").status_code
    for path in forms:
        for fields in ({}, {"csrf": "0" * 64}, {"csrf": token[:-1]}):
            answer = client.post(path, data={**fields, "name": "mallory", "role": "admin"})
            assert answer.status_code in {303, 400, 422}, path
        forged = client.post(path, data={"csrf": token}, headers={"Origin": "https://evil.example"})
        assert forged.status_code == 403, path
    assert client.get("/account").status_code == before == 200
    assert "mallory" not in client.get("/users").text
    for headers in ({}, {"X-CSRF-Token": "0"}, {"X-CSRF-Token": token, "Origin": "https://evil.example"}):
        assert client.post("/api/labels", json={}, headers=headers).status_code == 403


def test_whoever_must_choose_a_password_can_do_nothing_else(
    app: FastAPI, accounts: Accounts, sign_in_as: Callable[..., str]
) -> None:
    one_time = accounts.users.add("tests", "new", Role.ADMIN)
    client = client_of(app)
    sign_in_as(client, "new", one_time)
    assert client.get("/").headers["location"] == "/account/password"
    assert client.get("/api/health").status_code == 403
    assert client.get("/assets/shell.js").status_code == 403
    with pytest.raises((WebSocketDenialResponse, WebSocketDisconnect)), client.websocket_connect("/ws"):
        pass
    assert client.get("/account/password").status_code == 200


def test_a_page_holds_nothing_of_the_session(
    app: FastAPI, sign_in_as: Callable[[TestClient, str], str]
) -> None:
    client = client_of(app)
    sign_in_as(client, "viewer")
    secret = client.cookies["ja4_session_8000"]
    page = client.get("/fingerprints").text
    ticket = re.search(r'"token": ?"([A-Za-z0-9_-]+)\.', page)
    assert ticket is not None
    raw = base64.urlsafe_b64decode(ticket[1] + "==")
    assert secret not in page
    packed = re.search(rb'"__bk__zlib_":\s*"([^"]+)"', raw)
    inside = zlib.decompress(base64.urlsafe_b64decode(packed[1] + b"==")) if packed else raw
    assert b"headers" in inside
    assert secret.encode() not in inside


def test_every_answer_is_careful(app: FastAPI, sign_in_as: Callable[[TestClient, str], str]) -> None:
    client = client_of(app)
    login = client.get("/login")
    assert "unsafe" not in login.headers["content-security-policy"]
    sign_in_as(client, "viewer")
    page = client.get("/fingerprints")
    policy = page.headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    nonce = re.search(r"'nonce-([\w-]+)'", policy)
    assert nonce is not None
    assert page.text.count("<script") == page.text.count(f'<script nonce="{nonce[1]}"') >= 2
    for answer in (login, page, client.get("/api/me"), client.get("/nowhere")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_a_live_connection_ends_with_its_session(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate alone, around an application that only listens."""
    monkeypatch.setattr(gate_module, "RECHECK_S", 0.05)
    viewer = accounts.users.maybe_named("viewer")
    assert viewer is not None
    secret = accounts.sessions.begin(viewer, "")
    heard: list[dict[str, Any]] = []
    sent: list[dict[str, Any]] = []

    async def listening(_scope: Any, receive: Any, _send: Any) -> None:
        heard.append(await receive())
        accounts.users.set_disabled("tests", "viewer", is_disabled=True)
        heard.append(await receive())

    async def receive() -> dict[str, Any]:
        if not heard:
            return {"type": "websocket.receive", "text": "x"}
        await asyncio.sleep(60)
        return {"type": "websocket.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    closed: list[Any] = []
    gate = gate_module.Gate(
        listening, accounts, own_origins("127.0.0.1", 8000, "", []), "cookie", closed.append
    )
    scope = {
        "type": "websocket",
        "path": "/ws",
        "headers": [(b"cookie", f"cookie={secret}".encode())],
        "query_string": b"",
    }
    asyncio.run(gate(scope, receive, send))
    assert [message["type"] for message in heard] == ["websocket.receive", "websocket.disconnect"]
    assert sent == [{"type": "websocket.close", "code": 4401, "reason": "signed out"}]
    assert closed == [scope]
