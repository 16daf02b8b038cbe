"""Somebody with a browser: `person.py JSON` does one person's visits.

Keys: browser (chromium, firefox), host, visits (pages of each), gap_s, keeps_window, seed; the browser's own.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
from pathlib import Path
from typing import Any

from lab.recording.clients.chromium import Chromium
from lab.recording.clients.firefox import Firefox
from lab.recording.pauses import pause

SEARCH_ENGINE = "https://search.example/?to="
DWELL_MEDIAN_S, DWELL_SPREAD = 21.0, 1.05
"""As in `sample_traffic.people`."""
WORDS = ("tea", "lamps", "garden", "books", "shoes")
GOOD_PASSWORD = "correct-horse"


def main(job: dict[str, Any]) -> None:
    """Do all visits."""
    rng = random.Random(job["seed"])
    make = {"chromium": Chromium, "firefox": Firefox}[job["browser"]]
    profile = Path(os.environ["HOME"]) / "profile"
    browser = None
    for number, pages in enumerate(job["visits"]):
        if number:
            if browser is not None and not job["keeps_window"]:
                browser.close()
                browser = None
            pause(job["gap_s"] * rng.uniform(0.4, 1.6))
        browser = browser or make(profile, job)
        try:
            visit(browser, pages, job["host"], rng)
        except (OSError, TimeoutError, RuntimeError) as error:
            print(f"{job['browser']}: {error!r}", file=sys.stderr)
    if browser is not None:
        browser.close()


def visit(browser: Chromium | Firefox, pages: int, host: str, rng: random.Random) -> None:
    """Come, read some pages, go."""
    if rng.random() < 0.3:
        browser.open(f"{SEARCH_ENGINE}https://{host}{_entrance(host, rng)}")
        browser.follow("main a.go", 0)
    else:
        browser.open(f"https://{host}/")
    for _ in range(pages - 1):
        _read(rng)
        draw = rng.random()
        if draw < 0.1:
            browser.back()
        elif draw < 0.13:
            browser.reload()
        elif draw < 0.18 and host == "shop.test":
            _search(browser, rng)
        elif draw < 0.22 and host == "shop.test":
            _sign_in(browser, rng)
        elif draw < 0.28:
            browser.follow("nav a", rng.randrange(8))
        elif not browser.follow("main a.go", rng.randrange(40)):
            browser.open(f"https://{host}/")
    _read(rng)


def _entrance(host: str, rng: random.Random) -> str:
    number = rng.randint(1, 400)
    return {
        "shop.test": f"/product/{number}",
        "blog.test": f"/posts/{number}-on-tea",
        "news.test": f"/article/{number}-tea",
        "data.test": f"/sets/{number}",
    }[host]


def _read(rng: random.Random) -> None:
    pause(min(900.0, max(0.9, rng.lognormvariate(math.log(DWELL_MEDIAN_S), DWELL_SPREAD))))


def _search(browser: Chromium | Firefox, rng: random.Random) -> None:
    if browser.click("input[name=q]", 0):
        pause(rng.uniform(1, 5))
        browser.write(rng.choice(WORDS))
        browser.write("\n")


def _sign_in(browser: Chromium | Firefox, rng: random.Random) -> None:
    if not browser.follow("a[href='/login']", 0):
        return
    for password in ("corect-horse", GOOD_PASSWORD) if rng.random() < 0.2 else (GOOD_PASSWORD,):
        pause(rng.uniform(5, 15))
        if not browser.click("input[name=user]", 0):
            return
        browser.write("somebody@mail.example")
        browser.click("input[name=password]", 0)
        browser.write(password)
        browser.write("\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
