"""How many joins are right, and how many there should be, by the nonces that the clients sent.

Beside the agent stands the join that a log store offers: to each request the hello of the same source address
and port that is nearest in time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter

from lab.live_agent import LiveAgent, Row
from lab.nonces import Sent, host_of

Origin = tuple[str, int]


@dataclass(slots=True)
class Accuracy:
    """Counts of one phase, or of several together."""

    sent: int = 0
    """Requests that clients sent and saw answered."""
    observable: int = 0
    """Those of them whose hello passed while the agent ran."""
    rows: int = 0
    states: Counter[str] = field(default_factory=Counter)
    correct: int = 0
    """Matched rows whose hello carries the request's nonce."""
    correct_observable: int = 0
    older_midstream: int = 0
    """Rows of connections older than the agent that are called midstream."""
    older_rows: int = 0
    resumed: int = 0
    """Connections that resumed a session."""
    naive_joined: int = 0
    naive_correct: int = 0

    @property
    def precision(self) -> float:
        """Share of the matched rows that carry the right hello."""
        return _share(self.correct, self.states["matched"])

    @property
    def recall(self) -> float:
        """Share of all requests sent that carry the right hello."""
        return _share(self.correct, self.sent)

    @property
    def observable_recall(self) -> float:
        """Share of the requests whose hello the agent could see that carry it."""
        return _share(self.correct_observable, self.observable)

    @property
    def naive_precision(self) -> float:
        """As `precision`, for the join by source address and port."""
        return _share(self.naive_correct, self.naive_joined)

    @property
    def naive_recall(self) -> float:
        """As `recall`, for the join by source address and port."""
        return _share(self.naive_correct, self.sent)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def measure(sent: Sequence[Sent], runs: Sequence[LiveAgent]) -> dict[str, Accuracy]:
    """The accuracy of each phase, in the order of `sent`. Raises ValueError for a row that nobody caused."""
    found = {one.phase: Accuracy() for one in sent}
    truth = {(host_of(one.nonce), one.stage): one for one in sent}
    for one in sent:
        phase = found[one.phase]
        phase.sent += one.requests
        phase.observable += one.requests * one.is_observable
        phase.resumed += one.is_resumed
    hellos = [row for run in runs for row in run.rows("raw_tls_hellos")]
    nearest = NearestHello(hellos)
    left = {key: one.requests for key, one in truth.items()}
    # Of all runs: a connection may outlive the one that saw its hello.
    server_names = {row["conn_id"]: row["sni"] for row in hellos}
    for run in runs:
        for row in run.rows("raw_http_requests"):
            key = (row["host"], row["path"].rpartition("/")[2])
            if key not in truth:
                raise ValueError(f"no client sent {row['method']} {row['host']}{row['path']}")
            # A row too many would count as a request that was joined.
            left[key] -= 1
            if left[key] < 0:
                raise ValueError(f"more rows than requests of {row['host']}{row['path']}")
            _note(found[truth[key].phase], truth[key], row, server_names.get(row["conn_id"]), nearest)
    return found


def _note(phase: Accuracy, sent: Sent, row: Row, server_name: str | None, nearest: NearestHello) -> None:
    phase.rows += 1
    phase.states[row["join_state"]] += 1
    is_correct = row["join_state"] == "matched" and row["sni"] == server_name == row["host"]
    phase.correct += is_correct
    phase.correct_observable += is_correct and sent.is_observable
    if not sent.is_observable:
        phase.older_rows += 1
        phase.older_midstream += row["join_state"] == "midstream"
    joined = nearest.maybe_server_name(row)
    phase.naive_joined += joined is not None
    phase.naive_correct += joined == row["host"]


class NearestHello:
    """The naive join: source address and port, nearest in time; hellos of all runs, as in a log store."""

    def __init__(self, hellos: Iterable[Row]) -> None:
        self._by_origin: dict[Origin, list[tuple[float, str]]] = {}
        for row in sorted(hellos, key=itemgetter("ts")):
            origin = (row["src_ip"], row["src_port"])
            self._by_origin.setdefault(origin, []).append((_seconds(row["ts"]), row["sni"]))

    def maybe_server_name(self, request: Row) -> str | None:
        """Server name of the hello that is joined; None if no hello came from there."""
        hellos = self._by_origin.get((request["peer_ip"], request["src_port"]), [])
        at_s = _seconds(request["ts"])
        after = bisect_left(hellos, (at_s, ""))
        near = hellos[max(0, after - 1) : after + 1]
        return min(near, key=lambda hello: abs(hello[0] - at_s))[1] if near else None


def _seconds(ts: str) -> float:
    return datetime.fromisoformat(ts).timestamp()


def together(parts: Iterable[Accuracy]) -> Accuracy:
    """The sum of several phases."""
    total = Accuracy()
    for part in parts:
        for name in Accuracy.__slots__:
            setattr(total, name, getattr(total, name) + getattr(part, name))
    return total
