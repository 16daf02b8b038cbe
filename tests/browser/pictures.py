"""Takes the pictures of docs/images: every page of the dashboard, light and dark.

    python tests/browser/pictures.py --url http://ja4:PASSWORD@127.0.0.1:8123/ja4_processing [--out FOLDER]

The database is one that `make up` filled, or one of `tests/soc_dashboard/mart_tables.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import sys
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, async_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "bench"))

from dashboard import CHROMIUM, addresses, dashboard, opened  # noqa: E402 - a program of the folder above

THEMES = ("light", "dark")
COLOURS = 256


async def picture(browser: Browser, address: str, theme: str, cookies: dict[str, str], file: Path) -> None:
    """One page in one theme, at the size of a laptop."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=theme)  # type: ignore[arg-type]
    origin = "/".join(address.split("/")[:3])
    given = {**cookies, "ja4_theme": theme, "ja4_tour": "done"}
    await context.add_cookies([{"name": key, "value": value, "url": origin} for key, value in given.items()])
    page = await context.new_page()
    await opened(page, address)
    await page.wait_for_timeout(1000)
    shot = Image.open(io.BytesIO(await page.screenshot())).convert("RGB")
    shot.quantize(COLOURS).save(file, optimize=True)
    await context.close()


async def run(url: str, out: Path) -> None:
    """Every page after the other."""
    out.mkdir(parents=True, exist_ok=True)
    with dashboard(url, 1, Path(os.devnull)) as served:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            for name, path in addresses(url, ()).items():
                for theme in THEMES:
                    file = out / f"dashboard-{name}{'' if theme == 'light' else '-dark'}.png"
                    await picture(
                        browser, served.origin + path, theme, {served.cookie: served.secrets[0]}, file
                    )
                    print(file)
            await browser.close()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="ClickHouse DSN of a database with the marts")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.url, arguments.out))


if __name__ == "__main__":
    main()
