"""HTTP libraries behind one call: what each sends is its own, all else is the same."""

from __future__ import annotations

import asyncio
import importlib
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

TIMEOUT_S = 30
Headers = dict[str, str]
Fetch = Callable[[str, str, Headers, dict[str, str] | None], tuple[int, dict[str, str], bytes]]


def library(name: str, options: dict[str, Any]) -> tuple[Fetch, Callable[[], None]]:
    """(fetch, forget): a request over kept connections, and a new start with nothing kept."""
    kind, _, variant = name.partition(":")
    return {
        "requests": _requests,
        "httpx": _httpx,
        "aiohttp": _aiohttp,
        "urllib": _urllib,
        "curl_cffi": _curl_cffi,
        "tls_client": _tls_client,
        "primp": _primp,
        "cloudscraper": _cloudscraper,
    }[kind](variant, options)


def _sessions(make: Callable[[], Any], send: Callable[..., Any]) -> tuple[Fetch, Callable[[], None]]:
    held: list[Any] = []

    def fetch(method: str, url: str, headers: Headers, form: dict[str, str] | None) -> Any:
        if not held:
            held.append(make())
        return send(held[0], method, url, headers, form)

    def forget() -> None:
        if held and hasattr(held[0], "close"):
            held[0].close()
        held.clear()

    return fetch, forget


def _like_requests(session: Any, method: str, url: str, headers: Headers, form: Any, **more: Any) -> Any:
    answer = session.request(method, url, headers=headers, data=form, timeout=TIMEOUT_S, **more)
    return answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content


def _requests(_: str, options: dict[str, Any]) -> Any:
    return _sessions(importlib.import_module("requests").Session, _like_requests)


def _cloudscraper(_: str, options: dict[str, Any]) -> Any:
    return _sessions(importlib.import_module("cloudscraper").create_scraper, _like_requests)


def _curl_cffi(variant: str, options: dict[str, Any]) -> Any:
    module = importlib.import_module("curl_cffi.requests")
    more: dict[str, Any] = {}
    if options.get("http3"):
        more["http_version"] = "v3only"

    def send(session: Any, method: str, url: str, headers: Headers, form: Any) -> Any:
        return _like_requests(session, method, url, headers, form, **more)

    return _sessions(lambda: module.Session(impersonate=variant, verify=not options.get("http3")), send)


def _httpx(variant: str, options: dict[str, Any]) -> Any:
    module = importlib.import_module("httpx")
    context = ssl.create_default_context()
    return _sessions(lambda: module.Client(http2=variant == "h2", verify=context), _like_requests)


def _tls_client(variant: str, options: dict[str, Any]) -> Any:
    module = importlib.import_module("tls_client")

    def send(session: Any, method: str, url: str, headers: Headers, form: Any) -> Any:
        answer = session.execute_request(method, url, headers=headers, data=form, insecure_skip_verify=True)
        names = {name.lower(): value for name, value in answer.headers.items()}
        return answer.status_code, names, answer.content

    return _sessions(lambda: module.Session(client_identifier=variant, random_tls_extension_order=True), send)


def _primp(variant: str, options: dict[str, Any]) -> Any:
    module = importlib.import_module("primp")

    def send(session: Any, method: str, url: str, headers: Headers, form: Any) -> Any:
        answer = session.request(method, url, headers=headers or None, data=form, timeout=TIMEOUT_S)
        return (
            answer.status_code,
            {name.lower(): str(value) for name, value in answer.headers.items()},
            answer.content,
        )

    return _sessions(lambda: module.Client(impersonate=variant, verify=False, cookie_store=True), send)


def _urllib(_: str, options: dict[str, Any]) -> Any:
    def send(opener: Any, method: str, url: str, headers: Headers, form: Any) -> Any:
        body = urllib.parse.urlencode(form).encode() if form else None
        request = urllib.request.Request(url, body, headers, method=method)
        try:
            with opener.open(request, timeout=TIMEOUT_S) as answer:
                return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, {}, error.read()

    return _sessions(urllib.request.build_opener, send)


def _aiohttp(_: str, options: dict[str, Any]) -> Any:
    module = importlib.import_module("aiohttp")
    loop = asyncio.new_event_loop()

    async def ask(session: Any, method: str, url: str, headers: Headers, form: Any) -> Any:
        async with session.request(method, url, headers=headers, data=form) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, await answer.read()

    async def make() -> Any:
        return module.ClientSession()

    def send(session: Any, *arguments: Any) -> Any:
        return loop.run_until_complete(ask(session, *arguments))

    return _sessions(lambda: loop.run_until_complete(make()), send)
