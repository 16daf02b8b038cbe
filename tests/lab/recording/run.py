"""Runs every client of a roster on its seat, as many at once as the machine bears."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.recording.errands import SENSITIVE, SLUGS
from lab.recording.roster import Client, Identity
from lab.recording.town import Seat, Town

TESTS = Path(__file__).resolve().parents[2]
CLIENTS = Path(__file__).parent / "clients"
LIMIT_S = 420


@dataclass(frozen=True, slots=True)
class Ran:
    """One client's run: where it sat and when; `pauses` is the file it wrote them to."""

    identity: str
    client: int
    address: str
    first_port: int
    last_port: int
    started_us: int
    ended_us: int
    pauses: str
    exit_code: int


class Stage:
    """What the clients need besides the network: an environment with their libraries, homes, a screen."""

    def __init__(self, town: Town, folder: Path, python: Path, node: Path, parallel: int) -> None:
        """`python`: an interpreter with the client libraries; `node`: a folder with node_modules."""
        self._town, self._folder, self._python, self._node = town, folder, python, node
        self._free = parallel
        self._changed = threading.Condition()
        self._display = ""
        (folder / "homes").mkdir()
        self._words = folder / "words.txt"
        self._words.write_text("\n".join(words()) + "\n")
        self._nss = folder / "nssdb"
        self._nss.mkdir()
        for command in (
            ["-N", "--empty-password"],
            ["-A", "-t", "C,,", "-n", "lab", "-i", str(folder / "authority.pem")],
        ):
            subprocess.run(["certutil", "-d", f"sql:{self._nss}", *command], check=True, timeout=30)

    def run(self, identities: Sequence[Identity], tell: Callable[[str], None]) -> list[Ran]:
        """Every client of every identity, in an order that mixes them; the results in no order."""
        seats = {
            one.name: self._town.add_gateway(len(one.clients))
            if len(one.clients) > 1
            else [self._town.add_seat()]
            for one in identities
        }
        jobs = [(one, number) for one in identities for number in range(len(one.clients))]
        # Slow ones first, the rest mixed, so that no kind of client has a part of the recording to itself.
        random.Random(5).shuffle(jobs)
        jobs.sort(key=lambda job: -_longest(job[0].clients[job[1]]))
        screen = subprocess.Popen(
            ["Xvfb", "-displayfd", "1", "-screen", "0", "1920x1080x24", "-nolisten", "tcp"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert screen.stdout is not None
        self._display = f":{int(screen.stdout.readline())}"
        done: list[Ran] = []
        try:
            with ThreadPoolExecutor(len(jobs)) as pool:
                runs = [pool.submit(self._run, one, number, seats[one.name][number]) for one, number in jobs]
                for count, run in enumerate(runs, start=1):
                    done.append(run.result())
                    if count % 20 == 0:
                        tell(f"{count} of {len(jobs)} clients are done")
        finally:
            screen.terminate()
            screen.wait(timeout=10)
        return done

    def _run(self, identity: Identity, number: int, seat: Seat) -> Ran:
        client = identity.clients[number]
        home = self._folder / "homes" / f"{identity.name}.{number}"
        (home / ".pki").mkdir(parents=True)
        shutil.copytree(self._nss, home / ".pki" / "nssdb")
        pauses = home / "pauses.txt"
        pauses.touch()
        self._take(client.weight)
        started_us = time.time_ns() // 1000
        with (home / "said.txt").open("wb") as said:
            process = subprocess.Popen(
                self._town.command(seat, *self._words_of(client)),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=self._environment(home, pauses),
                cwd=home,
                start_new_session=True,
            )
            try:
                code = process.wait(timeout=LIMIT_S)
            except subprocess.TimeoutExpired:
                code = -1
            finally:
                _end_group(process)
                self._give_back(client.weight)
        ports = seat.ports or range(65536)
        return Ran(
            identity.name, number, seat.address, ports[0], ports[-1], started_us,
            time.time_ns() // 1000, str(pauses), code,
        )  # fmt: skip

    def _words_of(self, client: Client) -> list[str]:
        job = json.dumps(client.job)
        if client.program == "driven_node":
            return ["node", str(CLIENTS / "driven.mjs"), job]
        return [str(self._python), "-m", f"lab.recording.clients.{client.program}", job]

    def _environment(self, home: Path, pauses: Path) -> dict[str, str]:
        authorities = str(self._folder / "authorities.crt")
        given = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return given | {
            "HOME": str(home),
            "DISPLAY": self._display,
            "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}",
            "LAB_PAUSES": str(pauses),
            "LAB_WORDS": str(self._words),
            "LAB_NODE": str(self._node),
            "SSL_CERT_FILE": authorities,
            "REQUESTS_CA_BUNDLE": authorities,
            "CURL_CA_BUNDLE": authorities,
            "NODE_EXTRA_CA_CERTS": str(self._folder / "authority.pem"),
            "MOZ_HEADLESS_WIDTH": "1400",
        }

    def _take(self, weight: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._free >= weight)
            self._free -= weight

    def _give_back(self, weight: int) -> None:
        with self._changed:
            self._free += weight
            self._changed.notify_all()


def words() -> list[str]:
    """A word list for scanners: what lies on other people's servers, and a few words of this site."""
    stems = (
        "admin",
        "api",
        "backup",
        "test",
        "old",
        "dev",
        "img",
        "static",
        "cart",
        "login",
        "search",
        "user",
        "tmp",
    )
    endings = (
        "",
        ".php",
        ".bak",
        ".zip",
        "/",
        "1",
        "2024",
        "_old",
        ".html",
        ".txt",
        ".json",
        ".sql",
        ".tar.gz",
    )
    found = [path.lstrip("/") for path in SENSITIVE] + [f"{stem}{end}" for stem in stems for end in endings]
    return [
        *found,
        *(f"category/{slug}" for slug in SLUGS),
        *(f"product/{number}" for number in range(1, 30)),
    ]


def _longest(client: Client) -> int:
    return 1 if client.job.get("pause_s", 0) >= 150 and client.program in ("scripted", "driven") else 0


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what the client left behind; its process group is its own."""
    try:
        os.killpg(process.pid, 15)
        time.sleep(0.3)
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        pass
    process.wait(timeout=10)


def write_runs(folder: Path, identities: Sequence[Identity], runs: Sequence[Ran]) -> None:
    """`identities.json` and `runs.json`, from which `publish` makes the recording."""
    (folder / "identities.json").write_text(json.dumps([asdict(one) for one in identities], indent=1))
    (folder / "runs.json").write_text(json.dumps([asdict(run) for run in runs], indent=1))


PROGRAMS = (
    "ip", "apache2", "apxs", "nginx", "iptables", "tcpdump", "chromium", "chromedriver", "firefox-esr",
    "Xvfb", "certutil", "node", "curl", "wget", "gobuster", "ffuf", "wfuzz", "dirb", "sqlmap", "nmap",
    "whatweb",     "hydra", "hey", "linkchecker", "http", "lwp-request", "newsboat",
)  # fmt: skip
