"""The catalogue of rules. An id is permanent: a retired rule leaves it unused.

Weights are judgements, to be replaced by measured precision; they only order the rules and combine.
"""

from __future__ import annotations

from ja4_assets.rules.rule import AtLeast, AtMost, ContainsAny, Rule, ShareAtLeast, Verdict

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
    "autocannon", "aioquic", "powershell", "winhttp",
)  # fmt: skip

RULES: tuple[Rule, ...] = (
    Rule(
        id="R001",
        title="declared tool",
        reason="The user agent names a program or library, not a browser.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.85,
        all_of=(ContainsAny("user_agent", TOOLS),),
        evidence=("user_agent", "requests"),
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
        id="R005",
        title="browser user agent on another client's JA4",
        reason="The user agent claims a browser, but the JA4 is known to belong to another client.",
        verdict=Verdict.BAD_BOT,
        weight=0.97,
        all_of=(AtLeast("ua_ja4_known_mismatch", 0.5),),
        evidence=("user_agent", "ua_family", "ja4", "ja4_stable", "ua_ja4_known_mismatch"),
    ),
    Rule(
        id="R006",
        title="Chromium without GREASE",
        reason="The user agent claims Chromium, which sends GREASE values over TCP; this hello has none.",
        verdict=Verdict.BAD_BOT,
        weight=0.95,
        all_of=(AtLeast("grease_missing", 0.5),),
        evidence=("user_agent", "ja4", "grease_missing"),
    ),
    Rule(
        id="R007",
        title="no Sec-Fetch headers",
        reason="A browser of the claimed version sends Sec-Fetch headers; most of these requests had none.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.75,
        all_of=(AtLeast("secfetch_missing", 0.5),),
        evidence=("user_agent", "secfetch_missing"),
    ),
    Rule(
        id="R008",
        title="impossible Sec-Fetch",
        reason="The Sec-Fetch headers contradict each other in a way that no browser produces.",
        verdict=Verdict.BAD_BOT,
        weight=0.85,
        all_of=(AtLeast("secfetch_incoherent", 0.5),),
        evidence=("user_agent", "secfetch_incoherent"),
    ),
    Rule(
        id="R009",
        title="client hints against user agent",
        reason="The brand or version in Sec-CH-UA contradicts the user agent.",
        verdict=Verdict.BAD_BOT,
        weight=0.9,
        all_of=(AtLeast("ch_ua_mismatch", 0.5),),
        evidence=("user_agent", "ch_ua_mismatch"),
    ),
    Rule(
        id="R010",
        title="platform hint against user agent",
        reason="The platform in the client hints contradicts the one in the user agent.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.8,
        all_of=(AtLeast("ch_platform_mismatch", 0.5),),
        evidence=("user_agent", "ch_platform_mismatch"),
    ),
    Rule(
        id="R011",
        title="path guessing",
        reason="Many different paths were asked for, and almost all of them do not exist.",
        verdict=Verdict.BAD_BOT,
        weight=0.9,
        all_of=(AtLeast("paths", 20), ShareAtLeast("status_4xx", "requests", 0.8)),
        evidence=("requests", "paths", "status_4xx"),
    ),
    Rule(
        id="R012",
        title="TLS below the browser's",
        reason="The claimed browser speaks TLS 1.3; the ClientHello does not offer it.",
        verdict=Verdict.BAD_BOT,
        weight=0.9,
        all_of=(AtLeast("tls_floor_gap", 0.5),),
        evidence=("user_agent", "ja4", "tls_floor_gap"),
    ),
    Rule(
        id="R013",
        title="headers every browser sends are missing",
        reason="The user agent claims a browser, but Accept-Language or Accept-Encoding is missing.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.75,
        all_of=(AtLeast("hdr_required_missing", 0.5),),
        evidence=("user_agent", "hdr_required_missing"),
    ),
    Rule(
        id="R014",
        title="Chromium without its post-quantum group",
        reason="The claimed Chromium version offers the group X25519MLKEM768; the ClientHello does not.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.6,
        # Of Chromium only: Safari follows the system's TLS settings, so an unchanged iPhone may lack it.
        all_of=(AtLeast("pq_missing", 0.5), ContainsAny("user_agent", ("chrome/",))),
        evidence=("user_agent", "ja4", "pq_missing"),
    ),
    Rule(
        id="R015",
        title="pages without what belongs to them",
        reason="A browser loads scripts, styles and images with a page; these pages came without any.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.75,
        # Six pages, because one or two may come from a cache with everything that belongs to them.
        all_of=(
            AtMost("asset_complete", 0.05),
            AtLeast("pages", 6),
            ContainsAny("user_agent", ("mozilla/",)),
        ),
        evidence=("user_agent", "pages", "asset_complete", "asset_ratio"),
    ),
    Rule(
        id="R016",
        title="counting through numbers",
        reason="Pages were asked for in steps of one size from number to number, as a program counts.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.8,
        all_of=(AtLeast("enum_score", 0.6), AtLeast("requests", 8)),
        evidence=("requests", "paths", "enum_score"),
    ),
    Rule(
        id="R017",
        title="refused logins",
        reason="One login after the other was refused: passwords are being tried.",
        verdict=Verdict.BAD_BOT,
        weight=0.95,
        all_of=(AtLeast("login_failures", 8), ShareAtLeast("login_failures", "login_attempts", 0.8)),
        evidence=("login_attempts", "login_failures", "user_agent"),
    ),
    Rule(
        id="R018",
        title="looking for secrets",
        reason="Many requests were for files that hold secrets or lead to administration.",
        verdict=Verdict.BAD_BOT,
        weight=0.9,
        all_of=(AtLeast("sensitive_hits", 0.3), AtLeast("requests", 5)),
        evidence=("requests", "paths", "sensitive_hits"),
    ),
    Rule(
        id="R019",
        title="false crawler",
        reason="The user agent names a crawler whose published address ranges do not hold this address.",
        verdict=Verdict.BAD_BOT,
        weight=0.95,
        all_of=(ContainsAny("crawler_state", ("false",)),),
        evidence=("user_agent", "crawler_state"),
    ),
    Rule(
        id="R020",
        title="verified crawler",
        reason="The user agent names a crawler, and the address is in its operator's published ranges.",
        verdict=Verdict.GOOD_BOT,
        weight=0.95,
        all_of=(ContainsAny("crawler_state", ("verified",)),),
        evidence=("user_agent", "crawler_state"),
    ),
)

RULES_BY_ID: dict[str, Rule] = {rule.id: rule for rule in RULES}
