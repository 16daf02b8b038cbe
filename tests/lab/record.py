"""Makes a labelled recording: a network of namespaces, web servers, the agent, and the roster's clients.

    python tests/lab/record.py --out DIR --clients PYTHON --node FOLDER [--seed N] [--share 1] [--keep FOLDER]

docs/how-to/record-traffic.md says what it needs, what comes out and what in it is artificial.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

# In place of this folder: a module of it has the name of the package.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lab.recording.bot_roster import add_bots
from lab.recording.people_roster import add_benign_programs, add_people
from lab.recording.publish import publish
from lab.recording.roster import Identity, Roster, renumbered
from lab.recording.run import PROGRAMS, Stage, write_runs
from lab.recording.servers import Servers
from lab.recording.town import Town, maybe_obstacle


def main() -> int:
    """Record and publish; 2 where it cannot be done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the recording; must not exist")
    parser.add_argument("--clients", type=Path, required=True, help="interpreter with the client libraries")
    parser.add_argument("--node", type=Path, required=True, help="folder with puppeteer's node_modules")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0, help="of the identities of each kind")
    parser.add_argument("--parallel", type=int, default=16, help="clients at once; a browser counts three")
    parser.add_argument("--hours", type=float, default=24.0, help="over which the recording is spread")
    parser.add_argument("--keep", type=Path, help="keep the raw capture and logs in this folder")
    parser.add_argument("--tiers", help="only these, separated by commas")
    parser.add_argument(
        "--no-browsers", action="store_true", help="only clients that take little of the machine"
    )
    parser.add_argument(
        "--onto", type=Path, help="folder that --keep named before: both sessions make the recording"
    )
    options = parser.parse_args()
    if obstacle := maybe_obstacle(PROGRAMS):
        print(f"NOT RUN: {obstacle}", file=sys.stderr)
        return 2
    roster = Roster(random.Random(options.seed))
    add_people(roster, options.share)
    add_benign_programs(roster, options.share)
    add_bots(roster, options.share)
    before = json.loads((options.onto / "identities.json").read_text()) if options.onto else []
    identities = [one for one in roster.identities if _is_wanted(one, options)]
    identities = renumbered(identities, [one["family"] for one in before])
    folder = options.keep or Path(tempfile.mkdtemp(prefix="ja4rec-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    began_s = time.monotonic()
    # Ended from outside, it takes its processes and namespaces down as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def tell(text: str) -> None:
        print(f"{time.monotonic() - began_s:6.0f} s  {text}", file=sys.stderr, flush=True)

    try:
        with Town(folder) as town, Servers(town, folder) as servers:
            tell(f"servers run; {len(identities)} identities")
            runs = Stage(
                town, folder, options.clients.absolute(), options.node.absolute(), options.parallel
            ).run(identities, tell)
            write_runs(folder, identities, runs)
        tell("the traffic is recorded")
        print(
            publish(
                [*([options.onto] if options.onto else []), folder],
                options.out,
                seed=options.seed,
                hours=options.hours,
            )
        )
        states = servers.agent.join_states()
        print(f"live agent: {states}")
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def _is_wanted(identity: Identity, options: argparse.Namespace) -> bool:
    is_light = all(client.weight == 1 for client in identity.clients)
    is_named = options.tiers is None or identity.tier in options.tiers.split(",")
    return is_named and (is_light or not options.no_browsers)


if __name__ == "__main__":
    raise SystemExit(main())
