"""The authorization code flow with PKCE against an OpenID provider (OpenID Connect Core 1.0, RFC 7636)."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from soc_dashboard.access.oidc_settings import OidcSettings
from soc_dashboard.access.roles import Role

ALGORITHMS = ["RS256", "ES256", "PS256", "EdDSA"]
"""Signatures only: never `none`, and no shared secrets."""
TIMEOUT_S = 10.0
PENDING_S = 600
MAX_PENDING = 1000
"""Sign-ins that were begun and not finished; the oldest go."""
LEEWAY_S = 60


class OidcRefusedError(Exception):
    """The sign-in did not succeed; the message is for the person."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in that was begun: what has to come back with it."""

    browser: str
    """Hash of the cookie of the browser that began it."""
    verifier: str
    nonce: str
    asked: str
    began_at: float


@dataclass(frozen=True, slots=True)
class External:
    """Somebody whom the provider vouches for."""

    issuer: str
    subject: str
    name: str
    role: Role
    asked: str


class OidcLogin:
    """Begins and finishes sign-ins with one provider; reads its metadata and keys anew for each."""

    def __init__(self, settings: OidcSettings, redirect_uri: str) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._pending: OrderedDict[str, Pending] = OrderedDict()

    async def begin(self, browser: str, asked: str) -> str:
        """The address at the provider to send the browser to. Raises OidcRefusedError."""
        state, verifier, nonce = (secrets.token_urlsafe(32) for _ in range(3))
        metadata = await self._metadata()
        self._pending[state] = Pending(browser, verifier, nonce, asked, time.monotonic())
        while len(self._pending) > MAX_PENDING:
            self._pending.popitem(last=False)
        address, _ = self._client().create_authorization_url(
            metadata["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
        )
        return str(address)

    async def finish(self, browser: str, answer: Mapping[str, str]) -> External:
        """Who the provider says came back. Raises OidcRefusedError for everything that does not fit."""
        pending = self._pending.pop(answer.get("state", ""), None)
        if pending is None or time.monotonic() - pending.began_at > PENDING_S:
            raise OidcRefusedError("This sign-in was not begun here, or took too long. Please try again.")
        if not hmac.compare_digest(pending.browser, browser):
            raise OidcRefusedError("This sign-in was begun in another browser.")
        if "code" not in answer:
            raise OidcRefusedError("The provider did not let you in.")
        metadata = await self._metadata()
        try:
            async with self._client() as client:
                tokens = await client.fetch_token(
                    metadata["token_endpoint"], code=answer["code"], code_verifier=pending.verifier
                )
            published: Any = await self._json(metadata["jwks_uri"])
            keys = KeySet.import_key_set(published)
            claims = jwt.decode(tokens["id_token"], keys, algorithms=ALGORITHMS).claims
            self._check(claims, pending.nonce)
        except (httpx.HTTPError, AuthlibBaseError, JoseError, KeyError, ValueError) as failure:
            raise OidcRefusedError(f"The provider's answer was not accepted: {_words(failure)}.") from failure
        return self._external(claims, pending.asked)

    def _check(self, claims: Mapping[str, Any], nonce: str) -> None:
        """OpenID Connect Core section 3.1.3.7; raises JoseError or ValueError."""
        jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._settings.issuer},
            aud={"essential": True, "value": self._settings.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(dict(claims))
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if len(audiences) > 1 and claims.get("azp") != self._settings.client_id:
            raise ValueError("it was made for several clients")

    def _external(self, claims: Mapping[str, Any], asked: str) -> External:
        groups = claims.get(self._settings.groups_claim, [])
        listed = [str(group) for group in groups] if isinstance(groups, list) else [str(groups)]
        role = self._settings.maybe_role(listed)
        if role is None:
            raise OidcRefusedError("You are in no group that may use this dashboard.")
        name = str(claims.get(self._settings.name_claim, ""))
        return External(self._settings.issuer, str(claims["sub"]), name, role, asked)

    def _client(self) -> AsyncOAuth2Client:
        secret = self._settings.client_secret.get_secret_value()
        return AsyncOAuth2Client(
            self._settings.client_id,
            secret or None,
            scope=self._settings.scopes,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            timeout=TIMEOUT_S,
        )

    async def _metadata(self) -> dict[str, str]:
        try:
            found = await self._json(self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
        except (httpx.HTTPError, ValueError) as failure:
            raise OidcRefusedError(f"The provider does not answer: {_words(failure)}.") from failure
        if found.get("issuer") != self._settings.issuer:
            raise OidcRefusedError("The provider calls itself by another name than the settings do.")
        return {name: value for name, value in found.items() if isinstance(value, str)}

    async def _json(self, address: str) -> dict[str, Any]:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            answer = await client.get(address)
        answer.raise_for_status()
        content = answer.json()
        if not isinstance(content, dict):
            raise ValueError("it is no JSON object")
        return content


def _words(failure: Exception) -> str:
    return " ".join(str(failure).split())[:200] or type(failure).__name__
