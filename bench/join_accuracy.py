"""How many requests get the hello of their own connection: precision and recall on live traffic.

    python bench/join_accuracy.py [--short]

Needs root. Builds two network namespaces with Apache, mod_reqin_log and `ja4-agent run` on one side and
clients on the other (tests/lab). Every connection has a nonce in its server name and in its requests' paths,
so that the truth is known without looking at addresses, ports or times. The peer is the join that any log
store offers: source address and port, nearest hello in time, over the same rows.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from lab.accuracy import Accuracy, measure, together
from lab.lab import Lab
from lab.network import maybe_obstacle
from lab.phases import FULL, SHORT, UNTOLD, run_all

HEAD = (
    f"{'phase':26}{'sent':>7}{'rows':>7}{'matched':>9}{'wrong':>7}{'ambig.':>8}{'midstr.':>8}{'no hello':>9}"
    f"{'precision':>11}{'recall':>9}{'naive prec.':>13}{'naive rec.':>11}"
)


def line(name: str, found: Accuracy) -> str:
    """One phase as a line of the table."""
    matched = found.states["matched"]
    others = (found.states["ambiguous"], found.states["midstream"], found.states["no_hello"])
    return (
        f"{name:26}{found.sent:7}{found.rows:7}{matched:9}{matched - found.correct:7}"
        f"{others[0]:8}{others[1]:8}{others[2]:9}{found.precision:11.3%}{found.recall:9.3%}"
        f"{found.naive_precision:13.3%}{found.naive_recall:11.3%}"
    )


def main() -> int:
    """Run the phases and print the table; 2 where the lab cannot be built."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--short", action="store_true", help="about a tenth of the requests")
    options = parser.parse_args()
    if obstacle := maybe_obstacle():
        print(f"NOT RUN: {obstacle}", file=sys.stderr)
        return 2
    with Lab() as lab:
        sent = run_all(lab, SHORT if options.short else FULL, lambda text: print(text, file=sys.stderr))
        phases = measure(sent, lab.runs)
        advice = [
            one["better_clock_offset_us"] for one in lab.runs[-1].log() if one["event"] == "clocks differ"
        ]
    told = together(found for name, found in phases.items() if name != UNTOLD)
    print(HEAD)
    for name, found in phases.items():
        if name != UNTOLD:
            print(line(name, found))
    print(line("all of these", told))
    print(line(UNTOLD, phases[UNTOLD]))
    print(
        "\nNot told, the agent says JA4_JOIN_CLOCK_OFFSET_US should be "
        f"{advice[-1] if advice else 'unknown'}."
        f"\nConnections older than the agent: {told.older_rows} requests, {told.older_midstream} called "
        f"midstream.\nRecall of the requests whose hello passed while the agent ran: "
        f"{told.correct_observable} of {told.observable}, {told.observable_recall:.3%}."
        f"\nResumed connections: {told.resumed}."
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
