"""Do campaigns keep their ids while they change address, user agent and fingerprint, and are others kept out?

    python bench/campaigns.py [--days 5] [--seeds 5] [--campaigns 14] [--loners 40]

Simulated days (bench/simulated): hours are clustered one after the other, as the asset does it, each
resting on what the hours before it left. A campaign counts as kept if one id holds at least 90 % of its
entity hours. An id counts as a wrong merge if a tenth of its entity hours or more are another campaign's.
There is no peer for ids over time; the figures for clusters alone, with an id that lasts as long as a
member stays, are the naive one.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from simulated.rotating_campaigns import Hour, days  # noqa: E402

from ja4_assets.campaigns.cluster import cluster  # noqa: E402
from ja4_assets.campaigns.hour import find_campaigns  # noqa: E402
from ja4_assets.campaigns.identity import Known  # noqa: E402

KEPT = 0.9
FOREIGN = 0.1


@dataclass(slots=True)
class Books:
    """Which entity hours each id holds of each operator."""

    held: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    of: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def note(self, hour: Hour, campaign_of: dict[tuple[str, str, str], str]) -> None:
        """Add an hour; entities without an id count as missed."""
        for profile, operator in zip(hour.profiles, hour.operators, strict=True):
            self.of[operator] += 1
            if campaign_id := campaign_of.get(profile.key):
                self.held[campaign_id][operator] += 1

    def figures(self) -> dict[str, float]:
        """Shares: kept campaigns, entity hours under their campaign's main id, wrong merges, and others."""
        operators = [name for name in self.of if name]
        largest = {
            name: max((counts[name] for counts in self.held.values()), default=0) for name in operators
        }
        total = sum(self.of[name] for name in operators)
        mixed = foreign = 0
        for counts in self.held.values():
            own = Counter({name: number for name, number in counts.items() if name})
            others = own.total() - max(own.values(), default=0)
            foreign += others
            mixed += others > 0 and others >= FOREIGN * own.total()
        return {
            "campaigns": len(operators),
            "ids": len(self.held),
            "kept": sum(largest[name] >= KEPT * self.of[name] for name in operators) / len(operators),
            "under_main_id": sum(largest.values()) / total,
            "wrong_merges": mixed / max(1, len(self.held)),
            "foreign": foreign / total,
            "in_any": sum(sum(v for k, v in counts.items() if k) for counts in self.held.values()) / total,
            "loners_taken": sum(counts[""] for counts in self.held.values()) / max(1, self.of[""]),
            "slowest_hour_s": max(self.seconds, default=0.0),
        }


def follow(hours: Iterable[Hour]) -> Books:
    """What the platform makes of the hours."""
    books, known = Books(), dict[str, Known]()
    for hour in hours:
        started = time.perf_counter()
        outcome = find_campaigns(hour.profiles, list(known.values()), [], hour.start)
        books.seconds.append(time.perf_counter() - started)
        for one in outcome.campaigns:
            if one.status in ("merged", "ended"):
                known.pop(one.campaign_id)
            else:
                known[one.campaign_id] = Known(
                    one.campaign_id, hour.start, one.first_seen, one.last_seen, one.signature
                )
        books.note(hour, {member.key: one.campaign_id for one in outcome.campaigns for member in one.members})
    return books


def follow_naively(hours: Iterable[Hour]) -> Books:
    """Clusters that keep an id while they share a member with the hour before."""
    books, before, serial = Books(), dict[str, str](), 0
    for hour in hours:
        now: dict[tuple[str, str, str], str] = {}
        for group in cluster(hour.profiles):
            keys = [hour.profiles[position].key for position in group.members]
            earlier = Counter(before[key[0]] for key in keys if key[0] in before)
            serial += 1
            campaign_id = earlier.most_common(1)[0][0] if earlier else f"N{serial}"
            now |= dict.fromkeys(keys, campaign_id)
        before = {key[0]: campaign_id for key, campaign_id in now.items()}
        books.note(hour, now)
    return books


def main() -> None:
    """Print a line for each seed and way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--campaigns", type=int, default=14)
    parser.add_argument("--loners", type=int, default=40, help="an hour, on average")
    options = parser.parse_args()
    print(
        f"{'':12}{'campaigns':>10}{'ids':>6}{'kept one id':>13}{'under main id':>15}{'wrong merges':>14}"
        f"{'foreign':>9}{'in any':>8}{'loners taken':>14}{'slowest hour':>14}"
    )
    kept: dict[str, list[dict[str, float]]] = defaultdict(list)
    for seed in range(1, options.seeds + 1):
        hours = list(days(seed, options.days, options.campaigns, options.loners))
        for way, run in (("platform", follow), ("naive", follow_naively)):
            found = run(hours).figures()
            kept[way].append(found)
            print(line(f"{way} {seed}", found), flush=True)
    for way, all_found in kept.items():
        mean = {name: sum(one[name] for one in all_found) / len(all_found) for name in all_found[0]}
        print(line(f"{way}, mean", mean))
    entities = sum(len(hour.profiles) for hour in hours) / len(hours)
    print(f"\n{options.days} days of {entities:.0f} entities an hour, seeds 1 to {options.seeds}.")


def line(name: str, found: dict[str, float]) -> str:
    """One row of the table."""
    return (
        f"{name:15}{found['campaigns']:7.0f}{found['ids']:6.0f}{found['kept']:13.1%}{found['under_main_id']:15.1%}"
        f"{found['wrong_merges']:14.1%}{found['foreign']:9.2%}{found['in_any']:8.1%}{found['loners_taken']:14.1%}"
        f"{found['slowest_hour_s']:12.2f} s"
    )


if __name__ == "__main__":
    main()
