"""Browsers of the sample: a recorded handshake, recorded header sets, and the machine they run on.

What was recorded and what is composed is told apart in `sample_traffic/README.md`. Composed are: the
operating system in user agent and client hints (with a matching SYN), brand and language, the places of
optional headers in Firefox and Safari, Safari's sub-resource headers, and the iPhone's user agent.
"""

from __future__ import annotations

import re

from sample_traffic.connections import Headers
from sample_traffic.header_sets import Browser, Engine, replaced, with_after
from sample_traffic.recorded import RecordedClient
from sample_traffic.sites import Kind
from sample_traffic.tcp_stack import ANDROID, APPLE, LINUX, WINDOWS, TcpStack

_RESUMING = "chromium-resuming"
_CHROMIUM_156 = (
    "chromium-headful-xvfb",
    "chromium-headless-new",
    "playwright",
    "puppeteer",
    "selenium",
    _RESUMING,
)
"""One build of one browser: their hellos have the same JA4 and differ only in the order they permute."""

_WINDOWS = "Windows NT 10.0; Win64; x64"
_MACINTOSH = "Macintosh; Intel Mac OS X 10_15_7"
_SAFARI_IMAGES = (
    "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,"
    "image/*;q=0.8,*/*;q=0.5"
)
_FIREFOX_MACINTOSH = "Macintosh; Intel Mac OS X 10.15"
_ANDROID = "Linux; Android 10; K"
_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.4 Mobile/15E148 Safari/604.1"
)


def human_browsers(recording: dict[str, RecordedClient]) -> tuple[Browser, ...]:
    """Browsers that people use here, with their shares as weights."""
    chromium = _sub_resource_templates(recording["chromium-headful-xvfb"])
    gecko = _sub_resource_templates(recording["firefox-esr-headless"])
    gecko[Kind.NAVIGATE] = with_after(gecko[Kind.NAVIGATE], "Sec-Fetch-Site", ("Sec-Fetch-User", "?1"))

    def chrome(
        name: str, platform: str, system: str, stack: TcpStack, weight: int, brand: str = "Google Chrome"
    ) -> Browser:
        return _chromium(name, _CHROMIUM_156, chromium, platform, system, stack, weight, brand=brand)

    def older_chrome(version: int, platform: str, system: str, stack: TcpStack, weight: int) -> Browser:
        source = f"curl_cffi-chrome{version}"
        templates = _as_version(chromium, recording[source].requests[0].headers)
        return _chromium(
            f"chrome{version}-{stack.name}", (source,), templates, platform, system, stack, weight
        )

    def firefox(version: int, system: str, stack: TcpStack, weight: int) -> Browser:
        source = "firefox-esr-headless" if version == 153 else f"curl_cffi-firefox{version}"
        agent = f"Mozilla/5.0 ({system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
        return Browser(
            name=f"firefox{version}-{stack.name}",
            engine=Engine.GECKO,
            hello_clients=(source,),
            stack=stack,
            templates={kind: replaced(headers, {"User-Agent": agent}) for kind, headers in gecko.items()},
            weight=weight,
            is_mobile=False,
            divides_quality=version == 135,
        )

    def safari(name: str, weight: int, agent: str = "") -> Browser:
        source = "curl_cffi-safari184"
        navigation = recording[source].requests[0].headers
        if agent:
            navigation = replaced(navigation, {"User-Agent": agent})
        return Browser(
            name=name,
            engine=Engine.WEBKIT,
            hello_clients=(source,),
            stack=APPLE,
            templates=_safari_templates(navigation),
            weight=weight,
            is_mobile=bool(agent),
        )

    return (
        chrome("chrome156-windows", "Windows", _WINDOWS, WINDOWS, 27),
        chrome("chrome156-apple", "macOS", _MACINTOSH, APPLE, 8),
        chrome("chromium156-linux", "Linux", "X11; Linux x86_64", LINUX, 3, brand=""),
        chrome("chrome156-android", "Android", _ANDROID, ANDROID, 20),
        chrome("edge156-windows", "Windows", _WINDOWS, WINDOWS, 8, brand="Microsoft Edge"),
        older_chrome(150, "Windows", _WINDOWS, WINDOWS, 4),
        older_chrome(150, "macOS", _MACINTOSH, APPLE, 2),
        older_chrome(146, "Windows", _WINDOWS, WINDOWS, 2),
        older_chrome(131, "Windows", _WINDOWS, WINDOWS, 1),
        firefox(153, _WINDOWS, WINDOWS, 6),
        firefox(153, "X11; Linux x86_64", LINUX, 2),
        firefox(153, _FIREFOX_MACINTOSH, APPLE, 2),
        firefox(135, _WINDOWS, WINDOWS, 1),
        # Nobody has iOS 26 here: it offers X25519MLKEM768, and the recorded imitation of it does not.
        safari("safari184", 5),
        safari("safari184_ios", 12, _IPHONE),
    )


def _sub_resource_templates(client: RecordedClient) -> dict[Kind, Headers]:
    """Recorded headers by kind of request; fetch() is the script's with the values that differ."""
    by_destination: dict[str | None, Headers] = {}
    for event in client.requests:
        is_icon = event.unparsed_uri == "/favicon.ico"
        destination = "icon" if is_icon else dict(event.headers).get("Sec-Fetch-Dest")
        by_destination.setdefault(destination, event.headers)
    script, image = by_destination["script"], by_destination["image"]
    return {
        Kind.NAVIGATE: by_destination["document"],
        Kind.STYLE: by_destination["style"],
        Kind.SCRIPT: script,
        Kind.IMAGE: image,
        Kind.ICON: by_destination.get("icon", image),
        Kind.FETCH: replaced(
            script, {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Priority": _fetch_priority(script)}
        ),
    }


def _fetch_priority(script: Headers) -> str:
    return "u=1, i" if any(name == "Sec-Ch-Ua" for name, _ in script) else "u=4"


def _chromium(
    name: str,
    hello_clients: tuple[str, ...],
    templates: dict[Kind, Headers],
    platform: str,
    system: str,
    stack: TcpStack,
    weight: int,
    brand: str = "Google Chrome",
) -> Browser:
    is_mobile = platform == "Android"
    changed = {}
    for kind, headers in templates.items():
        values = dict(headers)
        agent = re.sub(r"\([^)]*\)", f"({system})", values["User-Agent"] or "", count=1)
        if is_mobile:
            agent = agent.replace(" Safari/", " Mobile Safari/")
        version = re.search(r"Chrome/(\d+)", agent)
        major = version.group(1) if version else ""
        brands = values["Sec-Ch-Ua"] or ""
        if brand and brand not in brands:
            brands += f', "{brand}";v="{major}"'
        if brand == "Microsoft Edge":
            agent += f" Edg/{major}.0.0.0"
        changed[kind] = replaced(
            headers,
            {
                "User-Agent": agent,
                "Sec-Ch-Ua": brands,
                "Sec-Ch-Ua-Mobile": "?1" if is_mobile else "?0",
                "Sec-Ch-Ua-Platform": f'"{platform}"',
            },
        )
    return Browser(
        name=name,
        engine=Engine.CHROMIUM,
        hello_clients=hello_clients,
        stack=stack,
        templates=changed,
        weight=weight,
        is_mobile=is_mobile,
    )


def _as_version(templates: dict[Kind, Headers], navigation: Headers) -> dict[Kind, Headers]:
    """Chromium's templates as an older release would fill them; its navigation as recorded."""
    older = dict(navigation)
    shared = {
        name: older[name] for name in ("User-Agent", "Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform")
    }
    changed = {
        kind: tuple(
            (name, value.replace("image/jxl,", "") if value else value)
            for name, value in replaced(headers, shared)
        )
        for kind, headers in templates.items()
    }
    return {**changed, Kind.NAVIGATE: navigation}


def _safari_templates(navigation: Headers) -> dict[Kind, Headers]:
    """Safari's sub-resource requests, composed from the recorded navigation."""

    def sub_resource(destination: str, mode: str, accept: str, priority: str) -> Headers:
        values = {
            "Sec-Fetch-Dest": destination,
            "Sec-Fetch-Mode": mode,
            "Accept": accept,
            "Priority": priority,
        }
        return replaced(navigation, values)

    image = sub_resource("image", "no-cors", _SAFARI_IMAGES, "u=5, i")
    return {
        Kind.NAVIGATE: navigation,
        Kind.STYLE: sub_resource("style", "no-cors", "text/css,*/*;q=0.1", "u=1"),
        Kind.SCRIPT: sub_resource("script", "no-cors", "*/*", "u=1"),
        Kind.IMAGE: image,
        Kind.ICON: image,
        Kind.FETCH: sub_resource("empty", "cors", "*/*", "u=3, i"),
    }
