"""How a browser loads pages: connections kept alive, sub-resources in a burst, a cache, cookies, referers."""

from __future__ import annotations

import random
from zlib import crc32

from sample_traffic.connections import KEEP_ALIVE_US, Client, Connection, Headers, Server
from sample_traffic.header_sets import Browser, Engine
from sample_traffic.sites import Kind, Page, Site

HTTP2 = "HTTP/2.0"

_PRECONNECT_SHARE = 0.08
"""Chromium opens a second connection in case it is needed, and often it is not."""
_PRECONNECT_KEPT_US = 10_000_000
_REVALIDATED_SHARE = 0.12
"""Cached sub-resources that are asked for again with If-None-Match."""
_RESUMED_SHARE = 0.9
"""Tickets are single use and expire: now and then a returning browser has none left."""
_POLL_GAP_US = 30_000_000


class BrowserRun:
    """One browser profile in use: it remembers what it has cached, which cookies it holds, where it was."""

    def __init__(self, server: Server, client: Client, browser: Browser, languages: tuple[str, ...]) -> None:
        self._server, self._client = server, client
        self._browser, self._languages = browser, languages
        self._cached: set[tuple[str, str]] = set()
        self._cookies: dict[str, tuple[str, ...]] = {}
        self._tickets: set[str] = set()
        self._connections: dict[str, Connection] = {}

    def load(
        self,
        now_us: int,
        site: Site,
        page: Page,
        rng: random.Random,
        *,
        referer: str | None,
        fetch_site: str,
        status: int = 200,
        posted_bytes: int | None = None,
    ) -> int:
        """Fetch a page and what belongs to it; returns when the last response ended."""
        connection = self._connection(now_us, site.host, rng)
        headers = self._browser.headers(
            Kind.NAVIGATE,
            host=site.host,
            languages=self._languages,
            referer=referer,
            site=fetch_site,
            cookies=site.host in self._cookies,
            posted_bytes=posted_bytes,
        )
        ended_us = self._send(
            connection,
            now_us,
            page.uri,
            headers,
            site,
            rng,
            status=status,
            method="GET" if posted_bytes is None else "POST",
        )
        if site.cookies:
            self._cookies.setdefault(site.host, site.cookies)
        if status != 200:
            return ended_us
        return self._load_resources(connection, ended_us, site, page, rng)

    def _load_resources(
        self, connection: Connection, ended_us: int, site: Site, page: Page, rng: random.Random
    ) -> int:
        found_us = ended_us + self._client.rtt_us + int(rng.lognormvariate(9.9, 0.5))
        last_us = ended_us
        for resource in page.resources:
            validator, status = None, 200
            key = (site.host, resource.uri)
            if resource.kind is not Kind.FETCH and key in self._cached:
                if rng.random() > _REVALIDATED_SHARE:
                    continue
                validator, status = _etag(resource.uri), 304
            self._cached.add(key)
            found_us += int(rng.expovariate(1 / 9_000))
            headers = self._browser.headers(
                resource.kind,
                host=site.host,
                languages=self._languages,
                referer=f"https://{site.host}{page.uri}",
                cookies=site.host in self._cookies,
                validator=validator,
            )
            ended = self._send(
                connection,
                found_us,
                resource.uri,
                headers,
                site,
                rng,
                status=status,
            )
            last_us = max(last_us, ended)
        return last_us

    def poll(self, now_us: int, until_us: int, site: Site, page: Page, rng: random.Random) -> int:
        """What an open page asks for by itself until `until_us`; returns the end of the last answer."""
        if page.poll is None:
            return now_us
        next_us = now_us + _POLL_GAP_US
        while next_us < until_us:
            headers = self._browser.headers(
                Kind.FETCH,
                host=site.host,
                languages=self._languages,
                referer=f"https://{site.host}{page.uri}",
                cookies=site.host in self._cookies,
            )
            connection = self._connection(next_us, site.host, rng)
            now_us = self._send(
                connection,
                next_us,
                page.poll,
                headers,
                site,
                rng,
                status=200,
            )
            next_us += _POLL_GAP_US + rng.randint(-20_000, 60_000)
        return now_us

    def leave(self, now_us: int, rng: random.Random) -> None:
        """Close the browser's connections, or let the server close them when they have been idle."""
        for connection in self._connections.values():
            if rng.random() < 0.5:
                connection.close(now_us + int(rng.expovariate(1 / 8_000_000)), reset=rng.random() < 0.08)
            else:
                connection.close(connection.last_us + KEEP_ALIVE_US, by_server=True)
        self._connections.clear()

    def _connection(self, now_us: int, host: str, rng: random.Random) -> Connection:
        """The open connection to a host, or a new one."""
        known = self._connections.get(host)
        if known is not None:
            if known.is_open_at(now_us):
                return known
            known.close(known.last_us + KEEP_ALIVE_US, by_server=True)
        fresh = self._connect(now_us, host, rng)
        self._connections[host] = fresh
        if self._browser.engine is Engine.CHROMIUM and rng.random() < _PRECONNECT_SHARE:
            spare = self._connect(now_us + rng.randint(100, 3000), host, rng)
            spare.close(now_us + _PRECONNECT_KEPT_US)
        self._tickets.add(host)
        return fresh

    def _connect(self, now_us: int, host: str, rng: random.Random) -> Connection:
        has_ticket = host in self._tickets and rng.random() < _RESUMED_SHARE
        return Connection(self._server, self._client, host, now_us, rng, has_ticket=has_ticket)

    def _send(
        self,
        connection: Connection,
        now_us: int,
        uri: str,
        headers: Headers,
        site: Site,
        rng: random.Random,
        *,
        status: int,
        method: str = "GET",
    ) -> int:
        return connection.request(
            now_us,
            rng,
            method=method,
            uri=uri,
            proto=HTTP2,
            headers=headers,
            status=status,
            cookie_names=self._cookies.get(site.host, ()),
        )


def _etag(uri: str) -> str:
    return f'"{crc32(uri.encode()):x}-64d"'
