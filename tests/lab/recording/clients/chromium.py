"""Chromium as a person has it: a window, a profile of its own, hands on mouse and keyboard."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from lab.recording.clients.remote import Remote, RemoteError

START_S = 40
LOAD_S = 20
STATE = "[window.leftAs || 0, document.readyState, performance.getEntriesByType('resource').length].join()"
"""Which departure this document has seen, whether it is complete, and how much it has asked for."""
PLACE = """
(() => {{
  const found = [...document.querySelectorAll({selector})], one = found[{number} % found.length];
  if (!one) return null; one.scrollIntoView({{block: 'center'}}); const box = one.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + Math.min(box.height / 2, 12)]; }})()
"""


class Chromium:
    """One window; close it to end the program."""

    def __init__(self, profile: Path, job: dict[str, Any]) -> None:
        """`job`: languages, agent and platform (empty: its own), mobile, quic_host, width."""
        self._job = job
        self._departures = 0
        preferences = profile / "Default" / "Preferences"
        if not preferences.exists():
            preferences.parent.mkdir(parents=True, exist_ok=True)
            preferences.write_text(json.dumps({"intl": {"accept_languages": job["languages"]}}))
        port_file = profile / "DevToolsActivePort"
        port_file.unlink(missing_ok=True)
        width = 412 if job["mobile"] else job["width"]
        flags = [
            "--no-sandbox",
            "--no-first-run",
            "--disable-gpu",
            "--disable-component-update",
            "--mute-audio",
        ]
        flags += [f"--user-data-dir={profile}", "--remote-debugging-port=0", f"--window-size={width},800"]
        flags += [f"--user-agent={job['agent']}"] if job["agent"] else []
        if job["quic_host"]:
            flags.append(f"--origin-to-force-quic-on={job['quic_host']}:443")
        self._process = subprocess.Popen(
            ["chromium", *flags, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        give_up_s = time.monotonic() + START_S
        while not port_file.exists() or not port_file.read_text().strip():
            if time.monotonic() > give_up_s or self._process.poll() is not None:
                self._process.kill()
                raise RuntimeError("Chromium did not start")
            time.sleep(0.1)
        port, path = port_file.read_text().split()[:2]
        self._remote = Remote(f"ws://127.0.0.1:{port}{path}")
        pages = [
            one for one in self._remote.call("Target.getTargets")["targetInfos"] if one["type"] == "page"
        ]
        attached = self._remote.call("Target.attachToTarget", targetId=pages[0]["targetId"], flatten=True)
        self._session = attached["sessionId"]
        if job["agent"]:
            self._pretend()

    def _call(self, method: str, **parameters: Any) -> Any:
        return self._remote.call(method, self._session, **parameters)

    def _pretend(self) -> None:
        """Another system's browser: user agent, client hints, on a phone touch and size as well."""
        job = self._job
        version = self._remote.call("Browser.getVersion")["product"].partition("/")[2]
        major = version.partition(".")[0]
        brands = [("Not:A-Brand", "8"), ("Chromium", major), (job["brand"], major)]
        metadata = {
            "brands": [{"brand": name, "version": number} for name, number in brands if name],
            "fullVersion": version,
            "platform": job["platform"],
            "platformVersion": "15.0.0",
            "architecture": "" if job["mobile"] else "x86",
            "model": "Pixel 8" if job["mobile"] else "",
            "mobile": job["mobile"],
        }
        self._call("Emulation.setUserAgentOverride", userAgent=job["agent"], userAgentMetadata=metadata)
        if job["mobile"]:
            self._call(
                "Emulation.setDeviceMetricsOverride", width=412, height=800, deviceScaleFactor=2, mobile=True
            )

    def open(self, url: str) -> None:
        """Type an address."""
        self._leave()
        self._call("Page.navigate", url=url)
        self._settle()

    def click(self, selector: str, number: int) -> bool:
        """Click on the number-th of what the selector finds; False if there is none."""
        place = self._evaluate(PLACE.format(selector=json.dumps(selector), number=number))
        if not place:
            return False
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            button = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
            self._call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], **button)
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
        if text == "\n":
            self._leave()
            for kind in ("keyDown", "keyUp"):
                key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
                self._call(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    **key,
                    **({"text": "\r"} if kind == "keyDown" else {}),
                )
            self._settle()
        else:
            self._call("Input.insertText", text=text)

    def back(self) -> None:
        """The back button."""
        history = self._call("Page.getNavigationHistory")
        if history["currentIndex"] > 1:
            self._leave()
            entry = history["entries"][history["currentIndex"] - 1]
            self._call("Page.navigateToHistoryEntry", entryId=entry["id"])
            self._settle()

    def reload(self) -> None:
        """The reload button."""
        self._leave()
        self._call("Page.reload")
        self._settle()

    def _evaluate(self, script: str) -> Any:
        result = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        return result.get("result", {}).get("value")

    def _leave(self) -> None:
        """Mark the document that is about to be left; one that comes back later has an older mark."""
        self._departures += 1
        self._evaluate(f"window.leftAs = {self._departures}")

    def _settle(self) -> None:
        """Wait until another document is there and asks for nothing more."""
        give_up_s = time.monotonic() + LOAD_S
        before = ""
        while time.monotonic() < give_up_s:
            time.sleep(0.25)
            try:
                now = str(self._evaluate(STATE))
            except RemoteError:
                continue
            mark, _, rest = now.partition(",")
            if now == before and mark != str(self._departures) and rest.startswith("complete"):
                break
            before = now

    def close(self) -> None:
        """Close the window."""
        try:
            self._remote.call("Browser.close")
            self._process.wait(timeout=20)
        except (OSError, subprocess.TimeoutExpired, RemoteError, EOFError):
            self._process.kill()
            self._process.wait(timeout=10)
