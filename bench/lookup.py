"""How long `/api/lookup` takes: p50 and p99 of a proxy that asks one question after the other.

`JA4_LOOKUP_URL=http://127.0.0.1:8000 JA4_LOOKUP_TOKEN=ja4_… python bench/lookup.py` asks a dashboard that
runs, with a token of the scope `lookup`; the peer is the same server's `/readyz`, which only says one word.
Goal: p99 under 20 ms, refreshes of the decisions included.
"""

from __future__ import annotations

import http.client
import os
import random
import sys
import time
from urllib.parse import urlsplit

QUESTIONS = 5_000
WARM_UP = 200
GOAL_MS = 20.0
JA4S = ("t13d1517h2_8daaf6152771_cb7bf5808d99", "t13d311100_e8f1e7e78f70_d41ae481755e", "t13d0000")


def times_ms(
    connection: http.client.HTTPConnection, paths: list[str], headers: dict[str, str]
) -> list[float]:
    """Milliseconds of each question, sorted; the connection stays open, as a proxy's does."""
    taken = []
    for path in paths:
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        taken.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            sys.exit(f"{path}: status {answer.status}")
    return sorted(taken[WARM_UP:])


def quantile(values: list[float], share: float) -> float:
    """The value below which `share` of the sorted values lie."""
    return values[min(int(len(values) * share), len(values) - 1)]


def main() -> None:
    """Ask, and print a table."""
    token, url = os.environ.get("JA4_LOOKUP_TOKEN"), os.environ.get("JA4_LOOKUP_URL", "http://127.0.0.1:8000")
    if not token:
        print("skipped: no dashboard named; set JA4_LOOKUP_URL and JA4_LOOKUP_TOKEN")
        return
    chance = random.Random(7)
    asked = [
        f"/api/lookup?ip=203.0.113.{chance.randint(1, 254)}&ja4={chance.choice(JA4S)}"
        for _ in range(QUESTIONS + WARM_UP)
    ]
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    found = times_ms(connection, asked, {"Authorization": f"Bearer {token}"})
    peer = times_ms(connection, ["/readyz"] * (QUESTIONS + WARM_UP), {})
    print(f"{'':12}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}")
    for name, values in (("/api/lookup", found), ("/readyz", peer)):
        print(f"{name:12}{quantile(values, 0.5):>9.2f}{quantile(values, 0.99):>9.2f}{values[-1]:>9.2f}")
    verdict = "met" if quantile(found, 0.99) < GOAL_MS else "missed"
    ratio = quantile(found, 0.5) / quantile(peer, 0.5)
    print(f"ratio of p50: {ratio:.2f}; goal p99 < {GOAL_MS:.0f} ms: {verdict}")


if __name__ == "__main__":
    main()
