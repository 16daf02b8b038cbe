"""Waiting times of every page of the dashboard with several people at once, and what they cost.

    python bench/dashboard.py --url http://ja4:PASSWORD@127.0.0.1:8123/ja4_processing [--users 5] [--rounds 2]
        [--pages overview,requests] [--range 24h] [--think 7] [--lock-step] [--keep-log FILE]

Starts a dashboard of its own on that database and signs in `--users` people, each with a browser context and
a tab of their own in one headless Chromium. All work on the same page at the same time, page after page,
`--rounds` times: each thinks, opens the page in their tab, thinks again, and changes its range. They think
as long as in TPC-W 1.8, a benchmark of web shops: exponential with a mean of 7 s (`--think`), cut at ten
times the mean. With `--lock-step` nobody thinks: all click at the same instant, which people do not.

Debian's chromium-headless-shell is taken where it is installed, else its whole Chromium, whose own windows
cost about a CPU second for each new tab that no page is to blame for.

*useful*: from the navigation until a frame is painted that holds the page's first key figure or table row
with data (or says that there is none); the page looks before every frame, and the frame's end is what counts.
*live*: until the page answers to clicks: its live connection stands, no skeleton is left, and the time of the
reading is shown. The first round of each person begins with an empty cache and is told apart (*cold*).
*filter*: from a click on another time range until the new reading is shown whole. *MB* is what a cold page
transfers.

Browser, server and database share the machine's cores, where people have their own: the CPU seconds of each
for one opening with its filter change tell how much of the waiting is whose. Memory is the resident set of
the server, sampled after every round (its peak). Goals: useful p95 1.5 s, filter p95 1 s, memory 1.5 GB,
with 100 M requests in the database.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import clickhouse_connect
import psutil
from dashboard_server import Bench, dashboard
from playwright.async_api import Browser, Page, async_playwright
from playwright.async_api import TimeoutError as PlaywrightTimeout

BROWSERS = ("chromium-headless-shell", "chromium")
THINK_S, LONGEST_THINK = 7.0, 10
"""The mean, and how many times the mean is the most."""
OPEN_GOAL_S, FILTER_GOAL_S, MEMORY_GOAL_GB = 1.5, 1.0, 1.5
WAIT_MS = 60_000
WALK = """
  function* walk(root) {
    for (const node of root.querySelectorAll("*")) {
      yield node
      if (node.shadowRoot) yield* walk(node.shadowRoot)
    }
  }
"""
LOOK = """
  const figures = "#first-paint :is(.kpi .value, table tbody tr, .empty, .books, dl.raw, .banner.failed)"
  const look = () => {
    if (document.querySelector(figures)) requestAnimationFrame(() => performance.mark("useful"))
    else requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
"""
"""Marks the frame after the one that holds the first figure: then that one is painted."""
USEFUL = "() => performance.getEntriesByName('useful')[0]?.startTime ?? false"
SHOWN = f"""(before) => {{{WALK}
  if (!document.documentElement.dataset.live) return false
  let span = ""
  for (const node of walk(document)) {{
    if (node.classList.contains("skeleton") && node.checkVisibility()) return false
    if (node.classList.contains("span")) span = node.title + node.textContent
  }}
  return span !== "" && span !== before && performance.now()
}}"""
SPAN = f"""() => {{{WALK}
  for (const node of walk(document)) {{
    if (node.classList.contains("span")) return node.title + node.textContent
  }}
  return ""
}}"""
POLL_MS = 40
"""Looking costs the browser time: at every frame, five pages kept a core busy by it alone."""
TRANSFERRED = """() => [...performance.getEntriesByType("resource"),
  ...performance.getEntriesByType("navigation")].reduce((sum, {transferSize}) => sum + transferSize, 0)"""
BUSIEST = {
    "ja4": "select ja4_stable from dim_ja4 order by requests desc limit 1",
    "ip": (
        "select replaceRegexpOne(toString(client_ip), '^::ffff:([0-9.]+)$', '\\\\1') from fct_ip_hour"
        " group by client_ip order by sum(requests) desc limit 1"
    ),
    "host": (
        "select host from fct_entity_verdict where host != ''"
        " group by host order by sum(requests) desc limit 1"
    ),
    "asn": "select asn from fct_asn_hour where asn != 0 group by asn order by sum(requests) desc limit 1",
    "cluster": "select campaign_id from fct_campaign order by requests desc limit 1",
}
"""Page of a subject -> the busiest one there is."""


@dataclass
class Times:
    """Seconds of one page, one for each person and round."""

    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    live: list[float] = field(default_factory=list)
    filtered: list[float] = field(default_factory=list)
    bytes: int = 0
    failures: int = 0
    cpu_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Browser, server, database: of one opening and its filter change, the mean of all."""


def addresses(dsn: str, wanted: Sequence[str]) -> dict[str, str]:
    """Page -> its address, with the busiest subjects of the database; what is absent is left out."""
    found = {
        "overview": "/",
        "alerts": "/alerts",
        "campaigns": "/campaigns",
        "requests": "/requests",
        "fingerprints": "/fingerprints",
        "sensors": "/sensors",
        "models": "/models",
        "settings": "/settings",
        "audit": "/audit",
    }
    with clickhouse_connect.get_client(dsn=dsn) as client:
        for name, question in BUSIEST.items():
            rows = client.query(question).result_rows
            if rows and rows[0][0] not in (None, ""):
                found[name] = f"/{name}/{quote(str(rows[0][0]), safe='')}"
        pair = client.query("select ja4_stable from dim_ja4 order by requests desc limit 2").result_rows
    if len(pair) == 2:
        found["compare"] = f"/compare?a={pair[0][0]}&b={pair[1][0]}"
    return {name: path for name, path in found.items() if not wanted or name in wanted}


async def opened(page: Page, address: str) -> tuple[float, float]:
    """Seconds from the navigation until the first figures are painted, and until the page is live."""
    await page.goto(address, wait_until="commit")
    useful = page.wait_for_function(USEFUL, polling=POLL_MS, timeout=WAIT_MS)
    live = page.wait_for_function(SHOWN, arg="", polling=POLL_MS, timeout=WAIT_MS)
    first, last = await asyncio.gather(useful, live)
    return float(await first.json_value()) / 1000, float(await last.json_value()) / 1000


async def filtered(page: Page, preset: str) -> float:
    """Seconds from a click on a time range until its reading is shown."""
    before = await page.evaluate(SPAN)
    started = await page.evaluate("() => performance.now()")
    await page.get_by_role("button", name=preset, exact=True).click()
    shown = await page.wait_for_function(SHOWN, arg=before, polling=POLL_MS, timeout=WAIT_MS)
    return (float(await shown.json_value()) - float(started)) / 1000


async def think(mean_s: float) -> None:
    """Let a person think."""
    if mean_s:
        await asyncio.sleep(min(random.expovariate(1 / mean_s), LONGEST_THINK * mean_s))


async def visit(page: Page, address: str, preset: str, is_cold: bool, think_s: float, times: Times) -> None:
    """One person opens one page and changes its range."""
    await think(think_s)
    try:
        useful, live = await opened(page, address)
        (times.cold if is_cold else times.warm).append(useful)
        times.live.append(live)
        if is_cold:
            times.bytes = max(times.bytes, int(await page.evaluate(TRANSFERRED)))
        await think(think_s)
        times.filtered.append(await filtered(page, preset))
    except PlaywrightTimeout:
        times.failures += 1


def cpu_s(processes: Sequence[psutil.Process]) -> float:
    """CPU time of processes and all that they started, those that ended included."""
    total = 0.0
    for process in processes:
        try:
            family = [process, *process.children(recursive=True)]
            spent = [one.cpu_times() for one in family]
        except psutil.NoSuchProcess:
            continue
        total += sum(one.user + one.system + one.children_user + one.children_system for one in spent)
    return total


def listening(port: int | None) -> list[psutil.Process]:
    """The process on this machine that serves the port; none when it is elsewhere."""
    return [
        psutil.Process(one.pid)
        for one in psutil.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN and one.pid and one.laddr.port == port
    ][:1]


async def measure(
    browser: Browser, bench: Bench, pages: dict[str, str], arguments: argparse.Namespace
) -> tuple[dict[str, Times], int]:
    """Times of every page, and the server's largest resident set in bytes."""
    found: dict[str, Times] = {name: Times() for name in pages}
    browsers = [one for one in psutil.Process().children(recursive=True) if "chrom" in one.name()]
    roots = [one for one in browsers if one.parent() not in browsers]
    watched = (roots, [bench.server], listening(urlsplit(arguments.url).port))
    preset = "6h" if arguments.range != "6h" else "24h"
    peak = 0
    for name, path in pages.items():
        contexts = [await browser.new_context(viewport={"width": 1280, "height": 800}) for _ in bench.secrets]
        for context, secret in zip(contexts, bench.secrets, strict=True):
            await context.add_cookies(
                [
                    {"name": bench.cookie, "value": secret, "url": bench.origin},
                    {"name": "ja4_tour", "value": "done", "url": bench.origin},
                ]
            )
        address = f"{bench.origin}{path}{'&' if '?' in path else '?'}range={arguments.range}"
        tabs = [await context.new_page() for context in contexts]
        for tab in tabs:
            await tab.add_init_script(LOOK)
        before = [cpu_s(processes) for processes in watched]
        for number in range(arguments.rounds):
            await asyncio.gather(
                *(visit(tab, address, preset, number == 0, arguments.think, found[name]) for tab in tabs)
            )
            peak = max(peak, bench.server.memory_info().rss)
        openings = arguments.rounds * len(contexts)
        browser_s, server_s, database_s = (
            (cpu_s(processes) - earlier) / openings
            for processes, earlier in zip(watched, before, strict=True)
        )
        found[name].cpu_s = (browser_s, server_s, database_s)
        for context in contexts:
            await context.close()
        print(line(name, found[name]), flush=True)
    return found, peak


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; NaN without any."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else math.nan


HEADS = ("cold p50", "cold p95", "warm p50", "warm p95", "live p95", "filter p50", "filter p95")


def line(name: str, times: Times) -> str:
    """The figures of one page, and the goals that it misses."""
    figures = (
        *(quantile(values, share) for values in (times.cold, times.warm) for share in (0.5, 0.95)),
        quantile(times.live, 0.95),
        *(quantile(times.filtered, share) for share in (0.5, 0.95)),
    )
    goals = (("useful", [*times.cold, *times.warm], OPEN_GOAL_S), ("filter", times.filtered, FILTER_GOAL_S))
    missed = [word for word, values, goal in goals if not quantile(values, 0.95) <= goal]
    return (
        f"{name:14}{''.join(f'{value:11.2f}' for value in figures)}"
        f"{''.join(f'{value:9.2f}' for value in times.cpu_s)}{times.bytes / 1e6:7.2f}{times.failures:7}"
        f"{'  misses: ' if missed else ''}{' '.join(missed)}"
    )


def report(found: dict[str, Times], peak: int) -> None:
    """Print what holds for all pages together, and whether the goals are met."""
    cold = [value for times in found.values() for value in times.cold]
    warm = [value for times in found.values() for value in times.warm]
    changes = [value for times in found.values() for value in times.filtered]
    print(
        f"all pages: useful p95 {quantile([*cold, *warm], 0.95):.2f} s (cold {quantile(cold, 0.95):.2f}, "
        f"warm {quantile(warm, 0.95):.2f}; goal {OPEN_GOAL_S}), "
        f"filter p95 {quantile(changes, 0.95):.2f} s (goal {FILTER_GOAL_S})"
    )
    print(f"server memory: {peak / 1e9:.2f} GB at most (goal {MEMORY_GOAL_GB})")


async def run(arguments: argparse.Namespace) -> None:
    """Measure and print."""
    executable = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if executable is None:
        raise SystemExit(f"no browser: install one of Debian's packages {', '.join(BROWSERS)}")
    wanted = [name for name in arguments.pages.split(",") if name]
    pages = addresses(arguments.url, wanted)
    print(
        f"{arguments.users} people, each thinks {arguments.think:g} s before a click (mean), "
        f"{arguments.rounds} rounds, range {arguments.range}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}, {Path(executable).name}; seconds"
    )
    print(f"{'page':14}{''.join(f'{head:>11}' for head in HEADS)}"
          f"{'browser':>9}{'server':>9}{'database':>9}{'MB':>7}{'failed':>7}")  # fmt: skip
    with dashboard(arguments.url, arguments.users, Path(arguments.keep_log)) as bench:
        async with async_playwright() as playwright:
            # The sandbox needs user namespaces, which root in a container lacks.
            browser = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
            found, peak = await measure(browser, bench, pages, arguments)
            await browser.close()
    report(found, peak)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default=os.environ.get("JA4_CLICKHOUSE_URL", ""), help="ClickHouse DSN")
    parser.add_argument("--users", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=2, help="at least 2: the first is the cold one")
    parser.add_argument("--pages", default="", help="names joined by commas; all by default")
    parser.add_argument("--range", default="24h", choices=["1h", "6h", "24h", "7d"])
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--think", type=float, default=THINK_S, help="seconds before a click, on average")
    pace.add_argument("--lock-step", dest="think", action="store_const", const=0.0, help="click together")
    parser.add_argument("--keep-log", default=os.devnull, help="file for the dashboard's log")
    arguments = parser.parse_args()
    if not arguments.url:
        print("no --url: skipped; name a database with the marts, such as bench/warehouse.py fills")
        return
    asyncio.run(run(arguments))


if __name__ == "__main__":
    main()
