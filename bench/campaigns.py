"""Do campaigns keep their ids while they change address, user agent and fingerprint, and are others kept out?

    python bench/campaigns.py [--days 5] [--first-seed 1] [--seeds 5] [--campaigns 14] [--loners 40]

Simulated days (bench/simulated): hours are clustered one after the other, as the asset does it, each
resting on what the hours before it left. A campaign counts as kept if one id holds at least 90 % of its
entity hours. An id counts as a wrong merge if a tenth of its entity hours or more are another campaign's.
Twins are two operators of whom an analyst could not tell in some hour that they are two: a tool in common,
and their paths and pace no further apart than one operator moves in 99 of 100 hours (`TWIN_PATHS`,
`TWIN_PACE`). An id that mixes nobody but twins is counted as wrong all the same, and shown apart.
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
from itertools import combinations
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from simulated.rotating_campaigns import Hour, days  # noqa: E402

from ja4_assets.campaigns.cluster import cluster  # noqa: E402
from ja4_assets.campaigns.hour import find_campaigns  # noqa: E402
from ja4_assets.campaigns.identity import Known  # noqa: E402
from ja4_assets.campaigns.profile import Profile  # noqa: E402
from ja4_assets.campaigns.signature import signature_of  # noqa: E402

KEPT = 0.9
FOREIGN = 0.1

TWIN_PATHS, TWIN_PACE = 0.16, 0.06
"""Hellinger distance of path shares and mean difference of pace that an operator moved at most in 99 of 100
hours without a change of tool, on seeds 0 to 7."""


@dataclass(slots=True)
class Books:
    """Which entity hours each id holds of each operator."""

    held: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    of: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    twins: set[frozenset[str]] = field(default_factory=set)

    def note(self, hour: Hour, campaign_of: dict[tuple[str, str, str], str]) -> None:
        """Add an hour; entities without an id count as missed."""
        for profile, operator in zip(hour.profiles, hour.operators, strict=True):
            self.of[operator] += 1
            if campaign_id := campaign_of.get(profile.key):
                self.held[campaign_id][operator] += 1
        self._note_twins(hour)

    def _note_twins(self, hour: Hour) -> None:
        of: dict[str, list[Profile]] = defaultdict(list)
        for profile, operator in zip(hour.profiles, hour.operators, strict=True):
            of[operator].append(profile)
        of.pop("", None)
        signatures = {name: signature_of(members) for name, members in of.items()}
        for (one, left), (other, right) in combinations(signatures.items(), 2):
            common = sum((share * right.paths.get(path, 0.0)) ** 0.5 for path, share in left.paths.items())
            apart = mean(abs(a - b) for a, b in zip(left.pace, right.pace, strict=True))  # type: ignore[operator]
            is_alike = max(0.0, 1.0 - common) ** 0.5 <= TWIN_PATHS and apart <= TWIN_PACE
            if is_alike and left.ja4s.keys() & right.ja4s.keys():
                self.twins.add(frozenset((one, other)))

    def figures(self) -> dict[str, float]:
        """Shares: kept campaigns, entity hours under their campaign's main id, wrong merges, and others."""
        operators = [name for name in self.of if name]
        largest = {
            name: max((counts[name] for counts in self.held.values()), default=0) for name in operators
        }
        total = sum(self.of[name] for name in operators)
        mixed = of_twins = foreign = 0
        for counts in self.held.values():
            own = Counter({name: number for name, number in counts.items() if name})
            others = own.total() - max(own.values(), default=0)
            foreign += others
            if others > 0 and others >= FOREIGN * own.total():
                mixed += 1
                main = max(own, key=lambda name: own[name])
                of_twins += all(frozenset((main, name)) in self.twins for name in own if name != main)
        return {
            "campaigns": len(operators),
            "ids": len(self.held),
            "kept": sum(largest[name] >= KEPT * self.of[name] for name in operators),
            "under_main_id": sum(largest.values()) / total,
            "wrong_merges": mixed,
            "of_twins": of_twins,
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


def wilson(hits: float, of: float) -> tuple[float, float]:
    """95 % interval of a share (Wilson, 1927); `of` is not 0."""
    z = 1.96
    middle = (hits + z * z / 2) / (of + z * z)
    half = z / (of + z * z) * (hits * (of - hits) / of + z * z / 4) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def main() -> None:
    """Print a line for each seed and way, then both shares with their intervals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--campaigns", type=int, default=14)
    parser.add_argument("--loners", type=int, default=40, help="an hour, on average")
    options = parser.parse_args()
    print(
        f"{'':15}{'campaigns':>10}{'kept one id':>13}{'under main id':>15}{'ids':>6}{'wrong merges':>14}"
        f"{'of twins':>10}{'foreign':>9}{'in any':>8}{'loners taken':>14}{'slowest hour':>14}"
    )
    kept: dict[str, list[dict[str, float]]] = defaultdict(list)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    for seed in seeds:
        hours = list(days(seed, options.days, options.campaigns, options.loners))
        for way, run in (("platform", follow), ("naive", follow_naively)):
            found = run(hours).figures()
            kept[way].append(found)
            print(line(f"{way} {seed}", found), flush=True)
    for way, all_found in kept.items():
        total = {name: sum(one[name] for one in all_found) for name in all_found[0]}
        print(
            f"{way}: {share('kept one id', total['kept'], total['campaigns'])}; "
            f"{share('wrong merges', total['wrong_merges'], total['ids'])}, "
            f"{total['of_twins']:.0f} of them twins; "
            + ", ".join(
                f"{name} {total[name] / len(all_found):.1%}"
                for name in ("under_main_id", "foreign", "in_any", "loners_taken")
            )
        )
    entities = sum(len(hour.profiles) for hour in hours) / len(hours)
    print(f"\n{options.days} days of {entities:.0f} entities an hour, seeds {seeds[0]} to {seeds[-1]}.")


def share(name: str, hits: float, of: float) -> str:
    """A share with its interval, in words."""
    low, high = wilson(hits, of)
    return f"{name} {hits:.0f} of {of:.0f} = {hits / of:.2%} (95 %: {low:.2%} to {high:.2%})"


def line(name: str, found: dict[str, float]) -> str:
    """One row of the table."""
    return (
        f"{name:15}{found['campaigns']:10.0f}{found['kept']:13.0f}{found['under_main_id']:15.1%}{found['ids']:6.0f}"
        f"{found['wrong_merges']:14.0f}{found['of_twins']:10.0f}{found['foreign']:9.2%}{found['in_any']:8.1%}"
        f"{found['loners_taken']:14.1%}{found['slowest_hour_s']:12.2f} s"
    )


if __name__ == "__main__":
    main()
