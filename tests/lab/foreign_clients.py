"""Clients that others wrote: curl over HTTP/1.1, h2load with 100 streams at once, Chromium."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from lab.network import inside
from lab.nonces import DOMAIN, Sent, host_of, new_nonce, path_of

TIMEOUT_S = 60
STREAMS = 100


def curl_keep_alive(namespace: str, authority: Path, server: str, source: str, requests: int) -> Sent:
    """One curl, one connection."""
    nonce = new_nonce()
    to_server = f"::{server}:443" if "." in server else f"::[{server}]:443"
    finished = subprocess.run(
        inside(
            namespace,
            *("curl", "-sS", "--http1.1", "--cacert", str(authority), "--connect-to", to_server),
            *("--interface", source, "-w", "%{stderr}%{http_code} %{num_connects}\n", "-o", "/dev/null"),
            # curl repeats the request for each number; the fragment is not sent.
            f"https://{host_of(nonce)}{path_of(nonce, 'open')}#[1-{requests}]",
        ),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    answers = [line.split() for line in finished.stderr.splitlines()]
    assert sum(int(opened) for _, opened in answers) == 1, "curl opened a second connection"
    return Sent("", nonce, sum(status == "200" for status, _ in answers))


def h2load(namespace: str, server: str, requests: int) -> Sent:
    """One h2load, one connection with 100 streams at once."""
    nonce = new_nonce()
    finished = subprocess.run(
        inside(
            namespace,
            *("h2load", "-n", str(requests), "-c", "1", "-t", "1", "-m", str(STREAMS)),
            f"--connect-to={server}:443",
            f"https://{host_of(nonce)}{path_of(nonce, 'open')}",
        ),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    found = re.search(r"^status codes: (\d+) 2xx", finished.stdout, re.MULTILINE)
    assert found is not None, finished.stdout
    assert "Application protocol: h2" in finished.stdout, finished.stdout
    return Sent("", nonce, int(found[1]))


def chromium(namespace: str, server: str) -> Sent:
    """One headless Chromium that loads a page and its images, over HTTP/2."""
    nonce = new_nonce()
    with tempfile.TemporaryDirectory(prefix="ja4lab-chromium-") as profile:
        finished = subprocess.run(
            inside(
                namespace,
                *("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                *("--disable-background-networking", "--ignore-certificate-errors"),
                *(f"--user-data-dir={profile}", f"--host-resolver-rules=MAP *.{DOMAIN} {server}"),
                *("--dump-dom", f"https://{host_of(nonce)}{path_of(nonce, 'open')}"),
            ),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        )
    found = re.search(r"<title>asked for (\d+)</title>", finished.stdout)
    assert found is not None, finished.stdout[:500] + finished.stderr[-500:]
    return Sent("", nonce, int(found[1]))
