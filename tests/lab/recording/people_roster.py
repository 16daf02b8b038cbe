"""People with browsers, and programs about which nobody wants an alarm."""

from __future__ import annotations

from typing import Any

from lab.recording.roster import Client, Roster

_CHROME = (
    "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 {mobile}Safari/537.36{edge}"
)
_FIREFOX_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"
_LANGUAGES = (
    "en-US,en",
    "de-DE,de,en-US,en",
    "fr-FR,fr,en-US,en",
    "en-GB,en",
    "es-ES,es,en",
    "it-IT,it,en-US,en",
)
_FEED_AGENTS = (
    "Feedbin feed-id:1312 - 9 subscribers",
    "NetNewsWire (RSS Reader; https://netnewswire.com/)",
    "FreshRSS/1.24.1 (Linux; https://freshrss.org)",
)
_MONITOR_AGENTS = (
    "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    "Better Uptime Bot Mozilla/5.0",
    "Uptime-Kuma/1.23.11",
)


def add_people(roster: Roster, share: float) -> None:
    """First visits, people who come again, phones, several people behind one address."""
    for number in range(_count(24, share)):
        _add(roster, "first_visit", _person(roster, _desktop(number), visits=1))
    for number in range(_count(20, share)):
        quic_host = "news.test" if number % 5 == 4 else ""
        _add(
            roster,
            "returning",
            _person(roster, _desktop(number + 1), visits=2 + number % 2, quic_host=quic_host),
        )
    for number in range(_count(13, share)):
        _add(roster, "mobile", _person(roster, "chrome-android", visits=1 + number % 2))
    for number in range(_count(3, share)):
        members = tuple(
            _person(roster, "chrome-android" if one % 3 == 2 else _desktop(one + number), visits=1 + one % 2)
            for one in range(4 + number % 2)
        )
        _add(roster, "shared_address", *members)


def add_benign_programs(roster: Roster, share: float) -> None:
    """Feed readers and uptime monitors: programs, but a false alarm where one is flagged."""
    libraries = ("requests", "httpx:h2", "aiohttp", "urllib", "curl_cffi:chrome146")
    for number in range(_count(9, share)):
        job = _scripted(roster, libraries[number % 5], "blog.test" if number % 3 else "news.test", "feed")
        agent = _FEED_AGENTS[number % 3] if number % 5 != 4 else ""
        job |= {"headers": {"User-Agent": agent} if agent else {}, "validates": number % 4 != 3}
        job |= {"visits": [30], "pause_s": (600, 900, 1800)[number % 3], "spread": 0.1, "per_connection": 1}
        roster.add("feed-reader", "rss_reader", Client("scripted", job), is_bot=False)
    if share >= 1:
        home = "blog.test"
        urls = f"printf 'https://{home}/feed.xml\\nhttps://news.test/feed.xml\\n' > $HOME/urls"
        reload = ["sh", "-c", f"{urls}; newsboat -u $HOME/urls -c $HOME/cache.db -x reload"]
        job = {"commands": [reload] * 24, "pause_s": 1800, "spread": 0.02, "limit_s": 30}
        roster.add("newsboat", "rss_reader", Client("programs", {**job, "seed": roster.seed()}), is_bot=False)
    for number in range(_count(7, share)):
        host = roster.host()
        job = _scripted(roster, libraries[number % 4], host, "monitor")
        job |= {"headers": {"User-Agent": _MONITOR_AGENTS[number % 3]}, "visits": [140], "per_connection": 1}
        job |= {"pause_s": (60, 120, 300)[number % 3], "spread": 0.0}
        roster.add("uptime-monitor", "uptime_monitor", Client("scripted", job), is_bot=False)
    if share >= 1:
        command = ["/usr/lib/nagios/plugins/check_http", "-H", "shop.test", "-S", "--sni", "-u", "/"]
        job = {
            "commands": [command] * 90,
            "pause_s": 300,
            "spread": 0.0,
            "limit_s": 20,
            "seed": roster.seed(),
        }
        roster.add("check-http", "uptime_monitor", Client("programs", job), is_bot=False)


def _count(number: int, share: float) -> int:
    return max(1, round(number * share))


def _add(roster: Roster, tier: str, *clients: Client) -> None:
    kinds = {client.job["kind"] for client in clients}
    family = kinds.pop() if len(kinds) == 1 else "several-browsers"
    roster.add(family, tier, *clients, is_bot=False)


def _desktop(number: int) -> str:
    return (
        "chrome-windows", "chromium-linux", "chrome-windows", "firefox-windows", "edge-windows",
        "chrome-apple", "chrome-windows", "firefox-linux", "chrome-windows", "chrome-apple",
    )[number % 10]  # fmt: skip


def _person(roster: Roster, kind: str, *, visits: int, quic_host: str = "") -> Client:
    rng = roster.rng
    browser, _, system = kind.partition("-")
    job: dict[str, Any] = {
        "kind": kind,
        "browser": "firefox" if browser == "firefox" else "chromium",
        "host": quic_host or roster.host(),
        "visits": [max(2, min(20, int(rng.lognormvariate(2.2, 0.5)))) for _ in range(visits)],
        "gap_s": rng.choice((1_800, 7_200, 14_400)),
        "keeps_window": rng.random() < 0.5,
        "languages": rng.choice(_LANGUAGES),
        "width": rng.choice((1280, 1440, 1920)),
        "mobile": system == "android",
        "quic_host": quic_host,
        "agent": "",
        "platform": "",
        "brand": "",
        "seed": roster.seed(),
    }
    words = {
        "windows": ("Windows NT 10.0; Win64; x64", "Windows"),
        "apple": ("Macintosh; Intel Mac OS X 10_15_7", "macOS"),
        "android": ("Linux; Android 10; K", "Android"),
    }
    if browser == "firefox":
        job["agent"] = _FIREFOX_WINDOWS if system == "windows" else ""
    elif system in words:
        mobile, edge = "Mobile " if system == "android" else "", " Edg/156.0.0.0" if browser == "edge" else ""
        job["agent"] = _CHROME.format(system=words[system][0], mobile=mobile, edge=edge)
        job["platform"] = words[system][1]
        job["brand"] = "Microsoft Edge" if browser == "edge" else "Google Chrome"
    return Client("person", job, weight=3, system=system)


def _scripted(roster: Roster, library: str, host: str, errand: str) -> dict[str, Any]:
    return {"library": library, "host": host, "errand": errand, "gap_s": 3600, "seed": roster.seed()}
