"""Checks the signatures by which bots prove who they are: Web Bot Auth over HTTP Message Signatures.

Sources: RFC 9421 (HTTP Message Signatures), its profile draft-meunier-web-bot-auth-architecture-05 with the
tag `web-bot-auth`, RFC 7638 and RFC 8037 (thumbprint of an Ed25519 key). Keys come from a file of the
operator's: nothing is fetched while requests are judged. The cryptography is `http-message-signatures`' and
`cryptography`'s."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import http_sf
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageVerifier,
    HTTPSignatureComponentResolver,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from ja4_assets.verified_bots.identity import State

TAG = "web-bot-auth"
MAX_SKEW = timedelta(seconds=60)
"""Between the bot's clock and the web server's, either way."""
MAX_HEADER_CHARS = 2_048
"""What the agent keeps of a header; a longer one was cut and cannot be checked."""
STORED_HEADERS = ("signature-agent",)
"""Fields whose value reaches the warehouse as sent and may therefore be covered."""
CHECKABLE = frozenset({"@method", "@authority", "@scheme", "@path", *STORED_HEADERS})
WITH_QUERY = frozenset({"@target-uri", "@request-target", "@query"})


class KeyFileError(ValueError):
    """The file of keys cannot be used; the text says why."""


class _Jwk(msgspec.Struct):
    kty: str
    crv: str = ""
    x: str = ""


class _Agent(msgspec.Struct, forbid_unknown_fields=True):
    agent: str
    operator: str
    keys: list[_Jwk]


class _KeyFile(msgspec.Struct, forbid_unknown_fields=True):
    agents: list[_Agent]


@dataclass(frozen=True, slots=True)
class SigningAgent:
    """Whose keys they are."""

    domain: str
    operator: str


@dataclass(frozen=True, slots=True)
class KeyDirectory:
    """Ed25519 keys by the domain of their agent and their thumbprint."""

    keys: Mapping[tuple[str, str], Ed25519PublicKey]
    agents: Mapping[str, SigningAgent]


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request with its signature, as the warehouse has it."""

    at: datetime
    method: str
    scheme: str
    authority: str
    """Host as sent, with the port if it has one."""
    path: str
    query: str | None
    """None where queries are not stored: then a signature over it cannot be checked."""
    signature: str
    signature_input: str
    signature_agent: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a signature proves."""

    domain: str
    """Domain that Signature-Agent names; '' if it cannot be read."""
    state: State
    detail: str


def read_key_directory(path: Path) -> KeyDirectory:
    """`{"agents": [{"agent": "https://bot.example", "operator": "Example", "keys": [JWK …]}]}`.

    `keys` is what the agent serves as `/.well-known/http-message-signatures-directory`. Keys of other kinds
    than Ed25519 are left out. Raises KeyFileError."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_KeyFile)
    except (OSError, msgspec.DecodeError) as error:
        raise KeyFileError(f"{path}: {error}") from error
    keys: dict[tuple[str, str], Ed25519PublicKey] = {}
    agents: dict[str, SigningAgent] = {}
    for agent in found.agents:
        domain = domain_of(agent.agent)
        if not domain:
            raise KeyFileError(f"{path}: {agent.agent!r} is no https:// address")
        agents[domain] = SigningAgent(domain, agent.operator)
        for jwk in agent.keys:
            if (jwk.kty, jwk.crv) == ("OKP", "Ed25519"):
                keys[domain, thumbprint(jwk.x)] = _public_key(jwk.x, path)
    return KeyDirectory(keys, agents)


def thumbprint(x: str) -> str:
    """RFC 7638 thumbprint of an Ed25519 key (RFC 8037 appendix A.3), which is its keyid."""
    members = f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'
    digest = hashlib.sha256(members.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def domain_of(url: str) -> str:
    """Host of an https URL, lower case, with a port if it names one; '' for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme != "https" or not parts.hostname:
        return ""
    return parts.hostname if port in (None, 443) else f"{parts.hostname}:{port}"


def check(request: SignedRequest, directory: KeyDirectory) -> Finding:
    """What the request's signature proves; a hostile header makes no more than a finding."""
    agent = maybe_agent(request.signature_agent)
    if agent is None:
        return Finding("", State.UNKNOWN, "Signature-Agent names no https:// address")
    if agent not in directory.agents:
        return Finding(agent, State.UNKNOWN, f"no keys of {agent} are known here")
    if max(len(request.signature), len(request.signature_input)) >= MAX_HEADER_CHARS:
        return Finding(agent, State.UNKNOWN, "the signature was too long to be kept whole")
    try:
        inputs = [one for one in _signature_inputs(request.signature_input) if one.tag == TAG]
        message = _Message.of(request)
        HTTPSignatureComponentResolver(message)  # type: ignore[no-untyped-call]
    except (ValueError, HTTPMessageSignaturesException) as error:
        return Finding(agent, State.UNKNOWN, f"the signature cannot be read: {_said(error)}")
    if not inputs:
        return Finding(agent, State.UNKNOWN, f"no signature has the tag {TAG}")
    for one in inputs:
        if trouble := one.trouble(request, directory, agent):
            return Finding(agent, State.UNKNOWN, trouble)
    verifier = _Verifier(signature_algorithm=algorithms.ED25519, key_resolver=_Keys(directory, agent))
    try:
        verifier.verify(message, max_age=None, expect_tag=TAG)
    except InvalidSignature as error:
        return Finding(agent, State.IMPOSTOR, f"the signature is not {agent}'s: {_said(error)}")
    return Finding(agent, State.VERIFIED, f"signed by {agent} with key {inputs[0].keyid}")


def maybe_agent(header: str) -> str | None:
    """Domain that Signature-Agent names, as a string (early drafts) or a dictionary; None if unreadable."""
    for kind in ("item", "dictionary"):
        try:
            value: Any = http_sf.parse(header.encode(), tltype=kind)
        except (ValueError, TypeError):
            continue
        first = next(iter(value.values()), ("",)) if kind == "dictionary" else value
        return (domain_of(first[0]) if isinstance(first[0], str) else "") or None
    return None


@dataclass(frozen=True, slots=True)
class _SignatureInput:
    """A member of Signature-Input, as far as it can be judged without cryptography."""

    covered: frozenset[str]
    tag: object
    keyid: object
    created: object
    expires: object

    def trouble(self, request: SignedRequest, directory: KeyDirectory, agent: str) -> str:
        """Why the signature can prove nothing here; '' if it can."""
        if type(self.created) is not int or type(self.expires) is not int:
            return "the signature does not say from when until when it holds"
        at, skew = request.at.timestamp(), MAX_SKEW.total_seconds()
        if not self.created - skew <= at <= self.expires + skew:
            return "the request came when its signature did not hold: repeated by somebody, or a wrong clock"
        if (agent, self.keyid) not in directory.keys:
            return f"{agent} has no key {str(self.keyid)[:64]} in the file of keys"
        if not self.covered & {"@authority", "@target-uri"}:
            return "the signature does not cover the host, so it would fit any"
        checkable = CHECKABLE if request.query is None else CHECKABLE | WITH_QUERY
        if unseen := ", ".join(sorted(self.covered - checkable)):
            return f"the signature covers what is not stored: {unseen[:200]}"
        return ""


def _signature_inputs(header: str) -> list[_SignatureInput]:
    """The members of Signature-Input; raises ValueError."""
    found = cast("dict[str, Any]", http_sf.parse(header.encode(), tltype="dictionary"))
    inputs = []
    for covered, parameters in found.values():
        if not isinstance(covered, list):
            raise ValueError("a member of Signature-Input is no list")
        inputs.append(
            _SignatureInput(
                frozenset(str(component) for component, _ in covered),
                *(parameters.get(name) for name in ("tag", "keyid", "created", "expires")),
            )
        )
    return inputs


class _Keys(HTTPSignatureKeyResolver):
    def __init__(self, directory: KeyDirectory, agent: str) -> None:
        self._directory, self._agent = directory, agent

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey | None:
        return self._directory.keys.get((self._agent, key_id))


class _Verifier(HTTPMessageVerifier):
    def validate_created_and_expires(self, sig_input: Any, max_age: timedelta | None = None) -> None:
        """Nothing: the package compares with the present, `_SignatureInput` with the time of the request."""


@dataclass(frozen=True, slots=True)
class _Message:
    """The request in the form that the package reads."""

    method: str
    url: str
    headers: dict[str, str]

    @classmethod
    def of(cls, request: SignedRequest) -> _Message:
        query = "" if request.query is None else f"?{request.query}"
        return cls(
            method=request.method,
            url=f"{request.scheme}://{request.authority}{request.path}{query}",
            headers={
                "signature": request.signature,
                "signature-input": request.signature_input,
                "signature-agent": request.signature_agent,
            },
        )


def _public_key(x: str, path: Path) -> Ed25519PublicKey:
    try:
        raw = base64.urlsafe_b64decode(x + "=" * (-len(x) % 4))
        return Ed25519PublicKey.from_public_bytes(raw)
    except ValueError as error:
        raise KeyFileError(f"{path}: {x!r} is no Ed25519 key: {error}") from error


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or "it does not verify"
