"""The live agent at the rate of a busy site: what it loses, what it costs, and what it survives.

    python bench/soak.py [--seconds 60] [--rate 2000] [--database-away 60:360] [--kills 10]
                         [--flood-per-s 100000 --flood 20:60] [--peers] [--realtime]

Needs root. Two network namespaces with a cable; recorded TLS connections (SYN to FIN, the bytes that a client
draws anew drawn anew, 19 packets each) are put on the wire under ever new addresses, and two and a half
requests for each are reported over the agent's UNIX socket, as mod_reqin_log does. Rows go to the embedded
database. The truth is what was sent. CPU is that of the agent's process alone, of one core, by the kernel's
own account of each thread; `--realtime` lets agent and senders run before whatever else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The root first: tests/capture_agent must not be taken for the package of this name.
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from endurance.cable import maybe_obstacle  # noqa: E402
from endurance.peers import PEERS, Peer, measure_peers  # noqa: E402
from endurance.scenario import Outcome, Plan, soak  # noqa: E402
from fingerprint import nfstream_python  # noqa: E402


def told(outcome: Outcome) -> str:
    """The outcome as lines."""
    sent, stored, ledger, plan = outcome.sent, outcome.stored, outcome.ledger, outcome.plan
    found = {
        "sent": f"{sent.connections:,} connections, {sent.frames:,} packets, {sent.requests:,} requests in "
        f"{sent.seconds:.0f} s, at most {sent.late_s:.3f} s late",
        "unheard": f"{sent.requests_dropped:,} requests found no agent or a full buffer",
        "hellos": f"{stored['hellos']:,} rows, {stored['hellos_once']:,} different",
        "requests": f"{stored['requests']:,} rows, {stored['requests_once']:,} different; "
        f"{stored['matched']:,} matched, {stored['right']:,} to the hello of their own connection",
        "ledger": f"{ledger['frames_dropped_kernel']:,} packets dropped by the kernel, "
        f"{ledger['http_events_lost']:,} requests lost before the agent",
        "rows": f"{ledger['rows_spooled']:,} spooled, {ledger['rows_discarded']:,} discarded",
        "evicted": f"{ledger['flows_evicted_full']:,} connections, {ledger['epochs_evicted_full']:,} joins",
        "spool left": f"{outcome.left_in_spool:,} batches",
    }
    if plan.kills:
        requests, hellos = sent.requests - stored["requests"], sent.connections - stored["hellos"]
        told = ledger["http_events_lost"] + ledger["rows_discarded"]
        found["kill -9"] = (
            f"{outcome.kills} times; missing {requests:,} requests and {hellos:,} hellos, those "
            f"sent while there was no agent included; told by the ledger: {told:,}"
        )
    else:
        found["CPU"] = (
            f"{outcome.cpu_share:.1%} of one core, all threads; {outcome.pipeline_cpu_share:.1%} in the one "
            "that reads, joins and makes rows"
        )
    if outcome.flood:
        found["flood"] = f"{outcome.flood['handshakes']:,} half-open in {outcome.flood['seconds']:.0f} s"
    found["memory"] = memory(outcome)
    return "\n".join(f"{name:11}{text}" for name, text in found.items())


def memory(outcome: Outcome) -> str:
    """Resident memory by minute, and how the last compares with the third."""
    minutes: dict[int, list[int]] = {}
    for sample in outcome.samples:
        minutes.setdefault(int(sample.at_s // 60), []).append(sample.resident_bytes)
    means = [sum(found) / len(found) / 1e6 for _, found in sorted(minutes.items())]
    text = "MB by minute: " + ", ".join(f"{mean:.0f}" for mean in means)
    if len(means) > 3:
        text += f"; the last minute against the third: {means[-1] / means[2] - 1:+.1%}"
    return text


def peers_told(found: dict[str, Peer]) -> str:
    """CPU per hello side by side."""
    head = f"{'program':12}{'hellos':>10}{'of sent':>10}{'CPU s':>9}{'us per hello':>14}"
    rows = [
        f"{name:12}{peer.hellos:10,}{peer.hellos / peer.sent:10.1%}{peer.cpu_s:9.2f}{peer.us_per_hello:14.1f}"
        for name, peer in found.items()
    ]
    return "\n".join([head, *rows])


def main() -> None:
    """Run one soak and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=int, default=2_000, help="new connections a second")
    parser.add_argument("--database-away", metavar="FROM:TO", help="seconds; killed, then started again")
    parser.add_argument("--kills", type=int, default=0, help="kill -9 of the agent, at random times")
    parser.add_argument("--flood-per-s", type=int, default=0, help="half-open handshakes a second")
    parser.add_argument("--flood", metavar="FROM:FOR", default="20:60", help="seconds")
    parser.add_argument("--peers", action="store_true", help=f"only compare CPU with {', '.join(PEERS)}")
    parser.add_argument("--realtime", action="store_true")
    parser.add_argument("--json", type=Path, help="file for every figure")
    options = parser.parse_args()
    if obstacle := maybe_obstacle():
        sys.exit(f"no soak here: {obstacle}")
    plan = Plan(
        seconds=options.seconds,
        connections_per_s=options.rate,
        database_away=_pair(options.database_away) if options.database_away else None,
        kills=options.kills,
        flood_per_s=options.flood_per_s,
        flood=_pair(options.flood),
        is_realtime=options.realtime,
    )
    with tempfile.TemporaryDirectory() as folder:
        if options.peers:
            print(peers_told(measure_peers(plan, Path(folder), nfstream_python(Path(folder)))))
        else:
            outcome = soak(plan, Path(folder))
            print(told(outcome))
            if options.json:
                options.json.write_text(json.dumps(outcome.figures()))
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def _pair(text: str) -> tuple[float, float]:
    first, _, second = text.partition(":")
    return float(first), float(second)


if __name__ == "__main__":
    main()
