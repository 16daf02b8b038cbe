"""Firefox as a person has it, without a window on the screen: its requests are the same."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from lab.recording.clients.chromium import STATE
from lab.recording.clients.remote import Remote, RemoteError

START_S = 60
LOAD_S = 20
PREFERENCES = {
    "remote.prefs.recommended": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.aboutwelcome.enabled": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "app.update.enabled": False,
    "browser.newtabpage.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
}
PLACE = """
(() => {{
  const found = [...document.querySelectorAll({selector})], one = found[{number} % found.length];
  if (!one) return ''; one.scrollIntoView({{block: 'center'}}); const box = one.getBoundingClientRect();
  return JSON.stringify([box.x + box.width / 2, box.y + Math.min(box.height / 2, 12)]); }})()
"""


class Firefox:
    """One window; close it to end the program. The same calls as `chromium.Chromium`."""

    def __init__(self, profile: Path, job: dict[str, Any]) -> None:
        self._departures = 0
        profile.mkdir(parents=True, exist_ok=True)
        wanted = {**PREFERENCES, "intl.accept_languages": job["languages"]}
        if job["agent"]:
            wanted["general.useragent.override"] = job["agent"]
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in wanted.items())
        (profile / "user.js").write_text("".join(lines))
        for name in ("cert9.db", "key4.db", "pkcs11.txt"):
            if not (profile / name).exists():
                shutil.copy(Path(os.environ["HOME"]) / ".pki" / "nssdb" / name, profile / name)
        self._log = profile / "said.txt"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "firefox-esr",
                    "--headless",
                    "--no-remote",
                    "--profile",
                    str(profile),
                    "--remote-debugging-port=0",
                ],
                stdout=log,
                stderr=log,
            )
        give_up_s = time.monotonic() + START_S
        while not (found := re.search(r"listening on (ws://\S+)", self._log.read_text(errors="replace"))):
            if time.monotonic() > give_up_s or self._process.poll() is not None:
                self._process.kill()
                raise RuntimeError("Firefox did not start")
            time.sleep(0.1)
        self._remote = Remote(f"{found[1]}/session")
        self._remote.call("session.new", capabilities={})
        self._page = self._remote.call("browsingContext.getTree")["contexts"][0]["context"]

    def open(self, url: str) -> None:
        """Type an address."""
        self._navigate("browsingContext.navigate", url=url, wait="complete")

    def click(self, selector: str, number: int) -> bool:
        """Click on the number-th of what the selector finds; False if there is none."""
        place = self._evaluate(PLACE.format(selector=json.dumps(selector), number=number))
        if not place:
            return False
        x, y = (int(part) for part in json.loads(place))
        actions = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._act({"type": "pointer", "id": "mouse", "actions": actions})
        return True

    def follow(self, selector: str, number: int) -> bool:
        """Click on a link and wait for the page."""
        self._leave()
        if not self.click(selector, number):
            return False
        self._settle()
        return True

    def write(self, text: str) -> None:
        """Type into what has the focus; a line feed is the Enter key."""
        keys = ["\ue007"] if text == "\n" else list(text)
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        if text == "\n":
            self._leave()
        self._act({"type": "key", "id": "keyboard", "actions": actions})
        if text == "\n":
            self._settle()

    def back(self) -> None:
        """The back button."""
        self._navigate("browsingContext.traverseHistory", delta=-1)

    def reload(self) -> None:
        """The reload button."""
        self._navigate("browsingContext.reload", wait="complete")

    def _navigate(self, command: str, **parameters: Any) -> None:
        self._leave()
        with contextlib.suppress(RemoteError):
            self._remote.call(command, context=self._page, **parameters)
        self._settle()

    def _act(self, source: dict[str, Any]) -> None:
        self._remote.call("input.performActions", context=self._page, actions=[source])

    def _evaluate(self, script: str) -> str:
        try:
            result = self._remote.call(
                "script.evaluate", expression=script, target={"context": self._page}, awaitPromise=False
            )
        except RemoteError:
            return ""
        return str(result.get("result", {}).get("value") or "")

    def _leave(self) -> None:
        self._departures += 1
        self._evaluate(f"window.leftAs = {self._departures}")

    def _settle(self) -> None:
        give_up_s, before = time.monotonic() + LOAD_S, ""
        while time.monotonic() < give_up_s:
            time.sleep(0.25)
            now = self._evaluate(STATE)
            mark, _, rest = now.partition(",")
            if now == before and mark != str(self._departures) and rest.startswith("complete"):
                break
            before = now

    def close(self) -> None:
        """Close the window."""
        try:
            self._remote.call("browser.close")
            self._process.wait(timeout=20)
        except (OSError, subprocess.TimeoutExpired, RemoteError, EOFError):
            self._process.kill()
            self._process.wait(timeout=10)
