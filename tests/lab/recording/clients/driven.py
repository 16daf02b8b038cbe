"""A browser that a program drives, as scrapers and testers do: `driven.py JSON`.

Keys: tool (playwright, selenium), stealth, window, host, errand (scrape, click, search), visits, pause_s,
spread, gap_s, keeps_profile, blocks_images, seed.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.recording.errands import ERRANDS
from lab.recording.pauses import pause

CHROMIUM = "/usr/bin/chromium"
PLAIN_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36"
)
Drive = Callable[[str], None]


def main(job: dict[str, Any]) -> None:
    """Do all visits."""
    rng = random.Random(job["seed"])
    for number, pages in enumerate(job["visits"]):
        if number:
            pause(job["gap_s"] * rng.uniform(0.5, 1.5), is_connected=False)
        {"playwright": playwright, "selenium": selenium}[job["tool"]](job, pages, rng)


def _wait(job: dict[str, Any], rng: random.Random) -> None:
    mean_s, spread = job["pause_s"], job["spread"]
    pause(mean_s if not spread else rng.lognormvariate(math.log(mean_s) - spread**2 / 2, spread))


def _addresses(job: dict[str, Any], pages: int, rng: random.Random) -> list[str]:
    errand = ERRANDS["scrape" if job["errand"] == "click" else job["errand"]](pages, job["host"], rng)
    return [f"https://{job['host']}{ask.path}" for ask in errand]


def playwright(job: dict[str, Any], pages: int, rng: random.Random) -> None:
    """Playwright over DevTools."""
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as library:
        more: dict[str, Any] = {"headless": not job["window"], "executable_path": CHROMIUM}
        more["args"] = [
            "--no-sandbox",
            *(["--disable-blink-features=AutomationControlled"] if job["stealth"] else []),
        ]
        looks: dict[str, Any] = (
            {"user_agent": PLAIN_AGENT, "locale": "en-US"} if job["stealth"] == "agent" else {}
        )
        if job["keeps_profile"]:
            context = library.chromium.launch_persistent_context(
                str(Path(os.environ["HOME"]) / "profile"), **more, **looks
            )
            browser = None
        else:
            browser = library.chromium.launch(**more)
            context = browser.new_context(**looks)
        page = context.new_page()
        if job["blocks_images"]:
            page.route("**/*.{jpg,png,svg}", lambda route: route.abort())
        for number, address in enumerate(_addresses(job, pages, rng)):
            if number:
                _wait(job, rng)
            try:
                if job["errand"] == "click" and number:
                    links = page.locator("main a.go")
                    links.nth(rng.randrange(max(1, links.count()))).click(timeout=5000)
                else:
                    page.goto(address if job["errand"] != "click" else f"https://{job['host']}/")
                _settle(page.evaluate)
            except Error as error:
                print(f"playwright: {error}"[:200], file=sys.stderr)
        context.close()
        if browser is not None:
            browser.close()


def selenium(job: dict[str, Any], pages: int, rng: random.Random) -> None:
    """Selenium with chromedriver."""
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.common.by import By

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("--no-sandbox", *(() if job["window"] else ("--headless=new",))):
        options.add_argument(flag)
    if job["stealth"]:
        options.add_argument("--disable-blink-features=AutomationControlled")
        options.add_experimental_option("excludeSwitches", ["enable-automation"])
    if job["stealth"] == "agent":
        options.add_argument(f"--user-agent={PLAIN_AGENT}")
    if job["keeps_profile"]:
        options.add_argument(f"--user-data-dir={Path(os.environ['HOME']) / 'profile'}")
    driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        driver.set_page_load_timeout(30)
        for number, address in enumerate(_addresses(job, pages, rng)):
            if number:
                _wait(job, rng)
            try:
                links = driver.find_elements(By.CSS_SELECTOR, "main a.go") if job["errand"] == "click" else []
                if number and links:
                    driver.execute_script("arguments[0].scrollIntoView()", chosen := rng.choice(links))
                    chosen.click()
                else:
                    driver.get(address if job["errand"] != "click" else f"https://{job['host']}/")
                _settle(lambda script: driver.execute_script(f"return {script}"))
            except WebDriverException as error:
                print(f"selenium: {error}"[:200], file=sys.stderr)
    finally:
        driver.quit()


def _settle(evaluate: Callable[[str], Any]) -> None:
    """Wait until the page asks for nothing more: what came during a pause would be stretched with it."""
    before, give_up_s = "", time.monotonic() + 10
    while time.monotonic() < give_up_s:
        time.sleep(0.25)
        now = evaluate("document.readyState + performance.getEntriesByType('resource').length")
        if now == before and now.startswith("complete"):
            return
        before = now


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
