"""Rules about what a client says it is, and who it proves to be."""

from __future__ import annotations

from ja4_assets.rules.rule import AtLeast, AtMost, ContainsAny, Matches, Rule, Verdict

SCANNERS = (
    "sqlmap", "nikto", "dirbuster", "dirsearch", "gobuster", "feroxbuster", "wfuzz", "ffuf", "nmap",
    "masscan", "zgrab", "nuclei", "hydra", "wpscan", "acunetix", "nessus", "openvas", "whatweb", "sslscan",
)  # fmt: skip
HEADLESS = ("headlesschrome", "phantomjs", "slimerjs", "puppeteer", "playwright", "selenium")
CRAWLERS = ("bot/", "bot;", "-bot", "crawler", "spider", "slurp", "facebookexternalhit", "ia_archiver")
TOOLS = (
    "curl/", "wget/", "python-requests", "python-urllib", "python-httpx", "aiohttp/", "urllib3/", "tornado/",
    "pycurl", "mechanize", "scrapy", "trafilatura", "go-http-client", "java/", "java-http-client", "okhttp",
    "apache-httpclient", "libwww-perl", "lwp::", "guzzlehttp", "php/", "ruby", "faraday", "axios/",
    "node-fetch", "undici", "superagent", "got (", "node", "httpie/", "postmanruntime", "insomnia", "aria2/",
    "apachebench", "siege", "wrk/", "h2load", "nghttp2", "hey/", "k6/", "locust", "jmeter", "httperf",
    "autocannon", "aioquic", "powershell", "winhttp", "tls-client/",
)  # fmt: skip
FEED_READERS = (
    "feedbin", "feedly", "inoreader", "newsblur", "theoldreader", "freshrss", "miniflux", "tiny tiny rss",
    "commafeed", "netnewswire", "newsboat", "liferea", "akregator", "nextcloud-news", "rss reader",
)  # fmt: skip
MONITORS = (
    "uptimerobot", "uptime-kuma", "better uptime", "pingdom", "statuscake", "hetrixtools", "site24x7",
    "freshping", "updown.io", "datadogsynthetics", "check_http", "nagios", "zabbix", "icinga",
    "blackbox exporter", "elb-healthchecker", "googlehc/", "kube-probe/", "gatus/",
)  # fmt: skip

DECLARED_RULES: tuple[Rule, ...] = (
    Rule(
        id="R001",
        title="declared tool",
        reason="The user agent names a program or library, not a browser.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.85,
        all_of=(ContainsAny("user_agent", TOOLS),),
        evidence=("user_agent", "requests"),
        is_admission=True,
    ),
    Rule(
        id="R002",
        title="declared scanner",
        reason="The user agent names a scanner or an attack tool.",
        verdict=Verdict.BAD_BOT,
        weight=0.98,
        all_of=(ContainsAny("user_agent", SCANNERS),),
        evidence=("user_agent", "status_4xx", "paths"),
    ),
    Rule(
        id="R003",
        title="declared crawler",
        reason="The user agent declares a crawler; its identity has not been verified.",
        verdict=Verdict.GOOD_BOT,
        weight=0.6,
        all_of=(ContainsAny("user_agent", CRAWLERS),),
        evidence=("user_agent", "requests"),
    ),
    Rule(
        id="R004",
        title="headless browser",
        reason="The user agent declares a browser that is driven by a program.",
        verdict=Verdict.BAD_BOT,
        weight=0.9,
        all_of=(ContainsAny("user_agent", HEADLESS),),
        evidence=("user_agent",),
    ),
    Rule(
        id="R019",
        title="impostor of a bot",
        reason="The client says it is a bot, and a way that the bot's operator offers to check it says no.",
        verdict=Verdict.BAD_BOT,
        weight=0.99,
        all_of=(ContainsAny("identity_state", ("impostor",)),),
        evidence=("user_agent", "claimed_bot", "identity_state", "identity_method", "identity_detail"),
        is_about_identity=True,
    ),
    Rule(
        id="R020",
        title="verified bot",
        reason="The client is the bot that it says it is: addresses, names or keys confirm it.",
        verdict=Verdict.GOOD_BOT,
        weight=0.99,
        all_of=(ContainsAny("identity_state", ("verified",)),),
        evidence=("user_agent", "claimed_bot", "identity_state", "identity_method", "identity_detail"),
        is_about_identity=True,
    ),
    Rule(
        id="R027",
        title="robots.txt ignored",
        reason="A client that says it is a bot read paths that robots.txt forbids every bot.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.85,
        # Of declared bots only: robots.txt is no rule for people, whose browsers never read it.
        all_of=(AtLeast("disallowed_requests", 3), Matches("claimed_bot", ".")),
        evidence=(
            "claimed_bot",
            "disallowed_requests",
            "requests",
            "robots_fetched",
        ),
    ),
    Rule(
        id="R036",
        title="declared feed reader or monitor",
        reason="The user agent declares a feed reader or a monitor, and like one it asks for few addresses.",
        verdict=Verdict.GOOD_BOT,
        # Who does what it says is not looked at for being rare: programs are, beside browsers. Who only says
        # so, and reads a whole site, is excused from nothing.
        weight=0.95,
        all_of=(ContainsAny("user_agent", (*FEED_READERS, *MONITORS)), AtMost("paths", 20)),
        evidence=("user_agent", "requests", "paths"),
    ),
)
