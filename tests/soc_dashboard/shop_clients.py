"""The clients of a small shop, and the texts that its worst visitors send."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from capture_agent.fingerprint.skeleton import skeleton
from capture_agent.wire.client_hello import parse_client_hello

VECTORS = Path(__file__).parents[1] / "vectors" / "client_hello"

CHROME_UA = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)
WINDOWS_CHROME_UA = CHROME_UA.replace("X11; Linux x86_64", "Windows NT 10.0")
FIREFOX_UA = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
CHROME_R = (
    "t13d1517h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_"
    "0005,000a,000b,000d,0012,0017,001b,0023,002b,002d,0033,44cd,4469,fe0d,ff01_"
    "0403,0804,0401,0503,0805,0501,0806,0601"
)


@dataclass(frozen=True)
class Hello:
    """One fingerprint of the shop's day."""

    ja4: str
    known_client: str | None
    user_agent: str
    ua_family: str
    ja4_r: str | None
    verdict: str
    reason: str
    source: str
    has_pq_group: bool
    message: str | None = None
    """Name of a recorded hello in tests/vectors/client_hello."""

    @property
    def skeleton(self) -> str | None:
        """What an agent stores of that hello."""
        if self.message is None:
            return None
        octets = bytes.fromhex(json.loads((VECTORS / f"{self.message}.json").read_text())["stream"])[5:]
        return base64.b64encode(skeleton(parse_client_hello(octets), octets)).decode()


CHROMIUM = Hello(
    "t13d1517h2_8daaf6152771_cb7bf5808d99",
    "Chromium 156",
    CHROME_UA,
    "Chrome",
    CHROME_R,
    "human",
    "Handshake, headers and rhythm agree with Chromium.",
    "rule:browser_coherent",
    True,
    "chromium-headless-new",
)
FIREFOX = Hello(
    "t13d1617h2_86a278354501_3cbfd9057e0d",
    "Firefox ESR 153",
    FIREFOX_UA,
    "Firefox",
    None,
    "human",
    "Handshake, headers and rhythm agree with Firefox.",
    "rule:browser_coherent",
    True,
    "firefox-esr-headless",
)
APACHE_BENCH = Hello(
    "t13d311100_e8f1e7e78f70_d41ae481755e",
    "ApacheBench 2.4",
    CHROME_UA,
    "Chrome",
    None,
    "bad_bot",
    "The user agent claims Chrome, the handshake is ApacheBench.",
    "rule:ua_ja4_known_mismatch",
    False,
    "ab",
)
CURL = Hello(
    "t13d3112h2_e8f1e7e78f70_375ca2c5e164",
    "curl 7.88",
    "curl/7.88.1",
    "curl",
    None,
    "suspicious",
    "Stranger than 98.7 % of the training hours: no browser headers, many paths.",
    "model:isolation_forest:3",
    False,
    "curl-h2",
)
SCRAPER = Hello(
    "t13d1715h2_5b57614c22b0_5c2c66f702b0",
    None,
    WINDOWS_CHROME_UA,
    "Chrome",
    None,
    "suspicious",
    "Claims Chrome 156 but offers no post-quantum group and no GREASE.",
    "model:isolation_forest:3",
    False,
)
CRAWLER = Hello(
    "t13d1516h2_8daaf6152771_806a8c22fdea",
    "Chromium headless shell",
    "Mozilla/5.0 (compatible; ShopIndex/2.1)",
    "ShopIndex",
    None,
    "good_bot",
    "Listed crawler, verified by address.",
    "rule:verified_crawler",
    True,
)
HOSTILE_TEXTS = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "</div></template><svg onload=document.title='owned'>",
    "javascript:document.title='owned'",
    "{{7*7}}${7*7}<%= 7*7 %>",
    '=HYPERLINK("http://example.invalid","click")',
    "abc\u202ecod.exe\u202c",
    "nul\0in the middle\r\nSet-Cookie: a=b",
    "A" * 10_240,
    "' or 1=1 -- \\",
)
"""Values that a client may send as path, host or user agent."""
HELLOS = (CHROMIUM, FIREFOX, APACHE_BENCH, CURL, SCRAPER, CRAWLER)
