"""The recording's bots by tier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.recording.roster import Client, Roster

_CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/{v}.0.0.0 Safari/537.36"
)
_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.4 Mobile/15E148 Safari/604.1"
)
_AGENTS = (
    _CHROME.format(v=156),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0",
    _CHROME.format(v=120),
    _IPHONE,
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
)
_BROWSER_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.9",
}
_IMPERSONATIONS = (
    "curl_cffi:chrome146", "curl_cffi:firefox135", "primp:chrome_144", "curl_cffi:safari184",
    "tls_client:chrome_120", "curl_cffi:chrome131", "primp:firefox_146", "curl_cffi:chrome142",
    "tls_client:firefox_120", "curl_cffi:edge101", "curl_cffi:chrome133a", "primp:safari_26",
    "curl_cffi:safari260", "tls_client:safari_ios_16_0", "curl_cffi:chrome", "curl_cffi:firefox144",
    "primp:edge_144", "curl_cffi:chrome131_android", "tls_client:chrome_117", "curl_cffi:safari260_ios",
)  # fmt: skip
_READS = ("scrape", "follow", "shuffle", "follow_with_assets", "search")


class _Bots:
    """Adds clients to a roster."""

    def __init__(self, roster: Roster, share: float) -> None:
        self.roster, self._share = roster, share

    def count(self, number: int) -> int:
        return max(1, round(number * self._share))

    def pace(self) -> dict[str, Any]:
        """A pause law: clocks, jitter, and the law by which people read."""
        return self.roster.rng.choice(
            (
                {"pause_s": 1.0, "spread": 0.3},
                {"pause_s": 3.0, "spread": 0.0},
                {"pause_s": 6.0, "spread": 0.6},
                {"pause_s": 12.0, "spread": 0.8},
                {"pause_s": 36.0, "spread": 1.05},
            )
        )

    def visits(self, requests: int, most: int = 3) -> list[int]:
        """So many requests in one or several visits."""
        rng = self.roster.rng
        number = rng.randint(1, most)
        return [max(6, int(requests / number * rng.uniform(0.7, 1.3))) for _ in range(number)]

    def scripted(
        self, family: str, tier: str, library: str, errand: str, host: str = "", **more: Any
    ) -> None:
        job = {"library": library, "host": host or self.roster.host(), "errand": errand, "gap_s": 5400}
        job |= {"seed": self.roster.seed(), **self.pace(), "visits": self.visits(110), **more}
        if errand == "stuff":
            job["host"] = "shop.test"
        self.roster.add(family, tier, Client("scripted", job))

    def programs(self, family: str, tier: str, commands: Sequence[str], **more: Any) -> None:
        """Command lines; words are split at blanks, `WORDS` is the word list, `DIR` a folder of their own."""
        job = {"commands": [line.split() for line in commands], "pause_s": 4.0, "spread": 0.4, "limit_s": 60}
        self.roster.add(family, tier, Client("programs", {**job, "seed": self.roster.seed(), **more}))

    def driven(
        self, family: str, tool: str, errand: str, tier: str = "automated_browser", **more: Any
    ) -> None:
        job: dict[str, Any] = {"tool": tool, "host": self.roster.host(), "errand": errand, "gap_s": 5400}
        job |= {"seed": self.roster.seed(), **self.pace(), "visits": self.visits(22, 2), "stealth": False}
        job |= {"window": False, "keeps_profile": False, "blocks_images": False, **more}
        program = "driven_node" if tool == "puppeteer" else "driven"
        self.roster.add(family, tier, Client(program, job, weight=3))


def add_bots(roster: Roster, share: float) -> None:
    """All tiers."""
    bots = _Bots(roster, share)
    for add in (_honest, _spoofed, _scanners, _impersonators, _driven, _slow, _stuffing, _distributed):
        add(bots)


def _honest(bots: _Bots) -> None:
    pages = [f"https://shop.test/product/{number}" for number in range(40, 140)]
    bots.programs("curl", "honest_bot", [f"curl -s -o /dev/null {page}" for page in pages[:60]])
    bots.programs("wget", "honest_bot", ["wget -q -r -l 3 -P DIR --wait=0.15 -Q 900k https://blog.test/"])
    bots.programs("linkchecker", "honest_bot", ["linkchecker -q --no-warnings -r 2 -t 2 https://data.test/"])
    bots.programs("httpie", "honest_bot", [f"http https://data.test/v1/items/{n}" for n in range(40)])
    bots.programs("lwp", "honest_bot", [f"lwp-request -m GET {page}" for page in pages[:40]], pause_s=9.0)
    for number in range(bots.count(9)):
        library = ("requests", "aiohttp", "httpx:h2", "httpx:h1", "urllib")[number % 5]
        errand = ("crawl", "interface", "crawl")[number % 3]
        agent = {"User-Agent": f"ShopIndex/{number % 3}.1 (+https://index.example/bot)"} if number % 2 else {}
        host = "data.test" if errand == "interface" else ""
        bots.scripted(
            "crawler" if errand == "crawl" else "api-client",
            "honest_bot",
            library,
            errand,
            host,
            headers=agent,
        )


def _spoofed(bots: _Bots) -> None:
    for number in range(bots.count(20)):
        library = ("requests", "httpx:h2", "aiohttp", "urllib", "cloudscraper", "httpx:h1")[number % 6]
        agent = _AGENTS[number % 6]
        headers = {"User-Agent": agent, **(_BROWSER_HEADERS if number % 3 else {})}
        errand = "rude_crawl" if "Googlebot" in agent else _READS[number % 5]
        family = "googlebot-impostor" if "Googlebot" in agent else f"{library.partition(':')[0]}-as-browser"
        bots.scripted(family, "spoofed_agent", library, errand, headers=headers)
    chrome = _AGENTS[0].replace(" ", "\0")
    lines = [
        f"curl -s -o /dev/null --compressed -A {chrome} https://news.test/article/{n}-tea" for n in range(60)
    ]
    bots.programs("curl-as-browser", "spoofed_agent", lines)
    line = f"wget -q -r -l 2 -P DIR --wait=0.1 -e robots=off -U {chrome} -Q 500k https://shop.test/"
    bots.programs("wget-as-browser", "spoofed_agent", [line])


def _scanners(bots: _Bots) -> None:
    bots.programs("gobuster", "scanner", ["gobuster dir -q -k -t 6 -u https://shop.test -w WORDS"])
    bots.programs(
        "gobuster", "scanner", ["gobuster dir -q -k -t 2 --delay 20ms -u https://blog.test -w WORDS"]
    )
    bots.programs("ffuf", "scanner", ["ffuf -s -t 8 -u https://shop.test/FUZZ -w WORDS"])
    agent = _AGENTS[2].replace(" ", "\0")
    bots.programs(
        "ffuf", "scanner", [f"ffuf -s -t 3 -p 0.02 -u https://news.test/FUZZ -w WORDS -H User-Agent:{agent}"]
    )
    bots.programs("wfuzz", "scanner", ["wfuzz -t 4 --hc 404 -w WORDS https://shop.test/FUZZ"])
    bots.programs("dirb", "scanner", ["dirb https://data.test WORDS -S -r"])
    sqlmap = "sqlmap --batch --level 1 --risk 1 --flush-session --output-dir DIR --threads 2"
    bots.programs("sqlmap", "scanner", [f"{sqlmap} -u https://shop.test/search?q=tea"])
    bots.programs("sqlmap", "scanner", [f"{sqlmap} --random-agent -u https://shop.test/product?id=7"])
    scripts = "http-title,http-headers,ssl-enum-ciphers,http-robots.txt,http-methods,http-git,http-auth"
    bots.programs("nmap", "scanner", [f"nmap -Pn -p443 --script {scripts} shop.test"])
    bots.programs("nmap", "scanner", ["nmap -Pn -p443 -sV --script http-vuln* news.test"], limit_s=45)
    bots.programs(
        "whatweb", "scanner", ["whatweb -a 3 https://shop.test https://blog.test https://news.test"]
    )
    bots.programs(
        "hydra", "scanner", ["hydra -l admin -P WORDS -t 4 -f -s 443 -S shop.test http-get /admin/"]
    )
    bots.programs("hey", "scanner", ["hey -n 160 -c 6 https://news.test/"] * 2)
    for number in range(bots.count(5)):
        library = ("requests", "aiohttp", "urllib", "httpx:h2", "curl_cffi:chrome146")[number]
        headers = {"User-Agent": _AGENTS[number]} if number in (1, 3) else {}
        bots.scripted("probe", "scanner", library, "probe", headers=headers, pause_s=0.8, spread=0.7)


def _impersonators(bots: _Bots) -> None:
    for number in range(bots.count(len(_IMPERSONATIONS))):
        library = _IMPERSONATIONS[number % len(_IMPERSONATIONS)]
        bots.scripted(library.replace(":", "-"), "tls_impersonator", library, _READS[number % 5])
    bots.scripted(
        "curl_cffi-http3", "tls_impersonator", "curl_cffi:chrome146", "scrape", "news.test", http3=True
    )


def _driven(bots: _Bots) -> None:
    for number in range(bots.count(8)):
        stealth = (False, True, "agent", True)[number % 4]
        errand = ("scrape", "click", "scrape", "click", "search")[number % 5]
        more = {"stealth": stealth, "window": number % 4 == 1, "keeps_profile": number % 3 == 2}
        bots.driven(_named("playwright", more), "playwright", errand, blocks_images=number % 3 == 0, **more)
    for number in range(bots.count(7)):
        stealth = (False, True, "agent", True)[number % 4]
        more = {"stealth": stealth, "window": number % 4 == 3, "keeps_profile": number % 3 == 1}
        bots.driven(_named("selenium", more), "selenium", ("scrape", "click", "search")[number % 3], **more)
    for number in range(bots.count(6)):
        more = {"stealth": number % 2 == 1, "window": number % 4 == 1, "keeps_profile": number % 3 == 1}
        bots.driven(
            _named("puppeteer", more),
            "puppeteer",
            ("scrape", "click")[number % 2],
            blocks_images=number == 2,
            **more,
        )


def _named(tool: str, more: dict[str, Any]) -> str:
    return tool + ("-stealth" if more["stealth"] else "") + ("-window" if more["window"] else "")


def _slow(bots: _Bots) -> None:
    for number in range(bots.count(12)):
        library = ("curl_cffi:chrome146", "requests", "curl_cffi:firefox135", "httpx:h2", "primp:chrome_144")[
            number % 5
        ]
        is_plain = library.startswith(("requests", "httpx"))
        headers = {"User-Agent": _AGENTS[number % 3], **_BROWSER_HEADERS} if is_plain else {}
        pace = {"pause_s": (150, 240, 400)[number % 3], "spread": (0.2, 0.0, 0.9)[number % 3], "visits": [34]}
        bots.scripted(
            "slow-scraper",
            "low_and_slow",
            library,
            ("shuffle", "follow", "scrape")[number % 3],
            headers=headers,
            **pace,
        )
    for number in range(bots.count(2)):
        pace = {"pause_s": (180, 300, 240)[number], "spread": 0.7}
        more = {"window": number == 1, "stealth": True, "keeps_profile": True, "visits": [24], **pace}
        bots.driven("slow-browser", "playwright", "scrape", "low_and_slow", **more)


def _stuffing(bots: _Bots) -> None:
    for number in range(bots.count(9)):
        library = ("requests", "curl_cffi:chrome146", "aiohttp", "primp:chrome_144", "httpx:h2")[number % 5]
        is_plain = not library.startswith(("curl_cffi", "primp"))
        pace = {
            "pause_s": (0.8, 4.0, 15.0)[number % 3],
            "spread": 0.5,
            "per_connection": (1, 20, 5)[number % 3],
        }
        more = {"agents": list(_AGENTS[:5])} if is_plain else {}
        visits = bots.visits(110 if number % 3 < 2 else 60, 4)
        bots.scripted(
            "credential-stuffer", "credential_stuffing", library, "stuff", visits=visits, **pace, **more
        )
    post = "/login:user=^USER^&password=^PASS^:F=password"
    bots.programs(
        "hydra-form",
        "credential_stuffing",
        [f"hydra -l admin -P WORDS -t 2 -S -s 443 shop.test http-post-form {post}"],
        limit_s=25,
    )


def _distributed(bots: _Bots) -> None:
    for campaign, (library, errand, members) in enumerate(
        (("curl_cffi:chrome146", "shuffle", 9), ("requests", "search", 7), ("primp:chrome_144", "follow", 6))
    ):
        host = bots.roster.host()
        for number in range(bots.count(members)):
            headers = {"User-Agent": _AGENTS[number % 3], **_BROWSER_HEADERS} if library == "requests" else {}
            job = {
                "library": library,
                "host": host,
                "errand": errand,
                "visits": [bots.roster.rng.randint(24, 45)],
            }
            job |= {
                "pause_s": 70.0,
                "spread": 0.6,
                "gap_s": 0,
                "seed": bots.roster.seed(),
                "headers": headers,
            }
            bots.roster.add(
                f"swarm-{campaign}", "distributed", Client("scripted", job), campaign=f"swarm-{campaign}"
            )
