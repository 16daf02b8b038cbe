"""Signing in with an OpenID provider: a small one that answers what each test wants."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from soc_dashboard.access.oidc_settings import OidcSettings
from soc_dashboard.access.registry import Accounts
from soc_dashboard.access.roles import Role
from soc_dashboard.app import create_app
from soc_dashboard.settings import Settings

ORIGIN = "http://127.0.0.1:8000"
CLIENT = "dashboard"


class Provider:
    """Metadata, keys and tokens; remembers the form that its token endpoint was sent."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.signing_key: Any = self.key
        self.header = {"alg": "RS256", "kid": "one"}
        self.changes: dict[str, Any] = {}
        self.nonce = ""
        self.form: dict[str, str] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/keys":
                    self.answer({"keys": [provider.key.as_dict(private=False)]})
                else:
                    self.answer(provider.metadata())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                provider.form = dict(parse_qsl(body.decode()))
                self.answer({"access_token": "x", "token_type": "Bearer", "id_token": provider.id_token()})

            def answer(self, content: dict[str, Any]) -> None:
                raw = json.dumps(content).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def metadata(self) -> dict[str, str]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def id_token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "4711",
            "iat": now,
            "exp": now + 60,
            "nonce": self.nonce,
            "preferred_username": "grace",
            "groups": ["soc"],
        }
        return jwt.encode(self.header, {**claims, **self.changes}, self.signing_key)


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def client(provider: Provider, accounts: Accounts) -> TestClient:
    oidc = OidcSettings(
        issuer=provider.issuer,
        client_id=CLIENT,
        name="Example",
        analyst_groups=["soc"],
        admin_groups=["root"],
    )
    app = create_app(Settings(oidc=oidc), accounts)
    return TestClient(app, base_url=ORIGIN, follow_redirects=False)


def leave(client: TestClient, provider: Provider, asked: str = "/") -> dict[str, list[str]]:
    """Go to the provider; gives the query it is asked with."""
    answer = client.get("/login/oidc", params={"next": asked})
    assert answer.status_code == 303
    address = urlsplit(answer.headers["location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{provider.issuer}/authorize"
    query = parse_qs(address.query)
    provider.nonce = query["nonce"][0]
    return query


def come_back(client: TestClient, query: dict[str, list[str]], **more: str) -> Any:
    return client.get("/login/oidc/callback", params={"state": query["state"][0], "code": "c", **more})


def test_the_flow_is_that_of_code_with_pkce_and_signs_in(
    client: TestClient, provider: Provider, accounts: Accounts
) -> None:
    assert "Sign in with Example" in client.get("/login").text
    query = leave(client, provider, "/alerts?range=7d")
    assert query["response_type"] == ["code"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [f"{ORIGIN}/login/oidc/callback"]
    answer = come_back(client, query)
    assert (answer.status_code, answer.headers["location"]) == (303, "/alerts?range=7d")
    # RFC 7636 section 4.2.
    digest = hashlib.sha256(provider.form["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == query["code_challenge"][0]
    me = client.get("/api/me").json()
    assert (me["name"], me["role"]) == ("grace", "analyst")
    grace = accounts.users.maybe_named("grace")
    assert grace is not None
    assert not grace.is_local
    assert not accounts.users.is_password("grace", "")


def test_the_providers_groups_decide_the_role_each_time(
    client: TestClient, provider: Provider, accounts: Accounts
) -> None:
    come_back(client, leave(client, provider))
    client.cookies.clear()
    provider.changes = {"groups": ["soc", "root"]}
    assert come_back(client, leave(client, provider)).status_code == 303
    grace = accounts.users.maybe_named("grace")
    assert grace is not None
    assert grace.role is Role.ADMIN


def forge(change: dict[str, Any]) -> Callable[[Provider], None]:
    return lambda provider: provider.changes.update(change)


def sign_with_another_key(provider: Provider) -> None:
    provider.signing_key = RSAKey.generate_key(2048, {"kid": "one"})


def sign_with_a_shared_secret(provider: Provider) -> None:
    provider.header = {"alg": "HS256", "kid": "one"}
    provider.signing_key = OctKey.import_key("a secret that the provider never had")


@pytest.mark.parametrize(
    "mischief",
    [
        forge({"nonce": "another"}),
        forge({"aud": "somebody-else"}),
        forge({"aud": [CLIENT, "somebody-else"]}),
        forge({"iss": "https://evil.example"}),
        forge({"exp": 1_000_000_000}),
        forge({"groups": ["visitors"]}),
        forge({"preferred_username": "admin"}),
        forge({"preferred_username": "<b>"}),
        sign_with_another_key,
        sign_with_a_shared_secret,
    ],
)
def test_tokens_that_prove_nothing_are_refused(
    client: TestClient, provider: Provider, mischief: Callable[[Provider], None]
) -> None:
    query = leave(client, provider)
    mischief(provider)
    assert come_back(client, query).status_code == 403
    assert client.get("/api/me").status_code == 401


def test_an_answer_is_taken_once_and_from_the_browser_that_asked(
    client: TestClient, provider: Provider
) -> None:
    query = leave(client, provider)
    thief = TestClient(client.app, base_url=ORIGIN, follow_redirects=False)
    thief.get("/login")
    assert come_back(thief, query).status_code == 403
    assert come_back(client, query).status_code == 403, "a state that somebody else tried is used up"
    query = leave(client, provider)
    assert come_back(client, query).status_code == 303
    client.cookies.clear()
    assert come_back(client, query).status_code == 403


def test_somebody_who_is_disabled_stays_out(
    client: TestClient, provider: Provider, accounts: Accounts
) -> None:
    come_back(client, leave(client, provider))
    accounts.users.set_disabled("tests", "grace", is_disabled=True)
    client.cookies.clear()
    assert come_back(client, leave(client, provider)).status_code == 403


@pytest.mark.parametrize(
    "settings",
    [
        {"issuer": "http://provider.example", "client_id": "x", "viewer_groups": ["a"]},
        {"issuer": "https://provider.example", "viewer_groups": ["a"]},
        {"issuer": "https://provider.example", "client_id": "x"},
    ],
)
def test_settings_that_would_let_in_nobody_or_everybody_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"OIDC|https"):
        OidcSettings(**settings)


def test_it_is_off_unless_set() -> None:
    assert not OidcSettings().is_on
