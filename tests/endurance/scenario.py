"""One soak: traffic at a rate, what happens to agent and database meanwhile, and what came of it."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from endurance.cable import INTERFACE, SERVER_MAC, Cable
from endurance.flood import FloodOrder
from endurance.parts import ROOT, Agent, Database, Sender, sent_by
from endurance.traffic import Order, Sent
from lab.network import enter_namespace

RECORDINGS = ROOT / "sample_traffic" / "recording" / "pcaps"
REALTIME = ("chrt", "--rr", "5")
KILL_DATABASE, START_DATABASE, FLOOD = "kill the database", "start the database", "flood"
KILL_WITHIN_S = 4.0
MAX_S = 900.0
SETTLE_S = 4.0
"""After the last packet: longer than a request waits, plus the age of a batch."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do. Times are seconds from the first packet; empty means it does not happen."""

    seconds: float = 300.0
    connections_per_s: int = 2_000
    database_away: tuple[float, float] | None = None
    """When it is killed and when it is started again."""
    kills: int = 0
    """kill -9 of the agent, each a random time after it has started; `seconds` then counts for nothing."""
    flood_per_s: int = 0
    flood: tuple[float, float] = (0.0, 0.0)
    """When the half-open handshakes begin, and for how long."""
    drain_s: float = 900.0
    """How long the spool may take to empty when the traffic is over."""
    seed: int = 1
    is_realtime: bool = False
    """Agent and senders run before other programs, as on a machine that has nothing else to do."""

    @property
    def prefix(self) -> tuple[str, ...]:
        """What stands before the commands of agent and senders."""
        return REALTIME if self.is_realtime else ()


@dataclass(slots=True)
class Sample:
    """The agent at one moment."""

    at_s: float
    resident_bytes: int
    cpu_s: float
    pipeline_cpu_s: float


@dataclass(slots=True)
class Outcome:
    """What was sent, what is stored, and what the agent says."""

    plan: Plan
    sent: Sent
    samples: list[Sample] = field(default_factory=list)
    ledger: dict[str, int] = field(default_factory=dict)
    """Sums of `raw_agent_ticks` over all runs."""
    stored: dict[str, int] = field(default_factory=dict)
    stopped: dict[str, Any] = field(default_factory=dict)
    """The last run's own account."""
    exit_code: int = 0
    flood: dict[str, Any] = field(default_factory=dict)
    left_in_spool: int = 0
    """Batches that were not delivered in the time for it."""
    kills: int = 0

    def figures(self) -> dict[str, Any]:
        """Everything, for a file."""
        return dataclasses.asdict(self) | {"sent": msgspec.to_builtins(self.sent)}

    @property
    def cpu_share(self) -> float:
        """Of one core, while traffic came; all threads."""
        first, last = self.samples[0], self.samples[-1]
        return (last.cpu_s - first.cpu_s) / (last.at_s - first.at_s)

    @property
    def pipeline_cpu_share(self) -> float:
        """The same for the thread that reads packets' content, joins, and makes rows."""
        first, last = self.samples[0], self.samples[-1]
        return (last.pipeline_cpu_s - first.pipeline_cpu_s) / (last.at_s - first.at_s)


COUNTS = {
    "hellos": "select count() from raw_tls_hellos",
    "hellos_once": "select uniqExact(conn_id) from raw_tls_hellos",
    "requests": "select count() from raw_http_requests",
    "requests_once": "select uniqExact(peer_ip, src_port, request_seq_on_conn) from raw_http_requests",
    "ticks": "select count() from raw_agent_ticks",
    "matched": "select countIf(join_state = 'matched') from raw_http_requests",
    "right": (
        "select countIf(r.join_state = 'matched' and h.src_ip = r.peer_ip and h.src_port = r.src_port) "
        "from raw_http_requests as r any left join raw_tls_hellos as h on h.conn_id = r.conn_id"
    ),
}
LEDGER = (
    "frames_seen",
    "frames_dropped_kernel",
    "hellos_complete",
    "hellos_reassembled",
    "flows_opened",
    "flows_evicted_full",
    "epochs_evicted_full",
    "http_events_seen",
    "http_events_lost",
    "http_events_rejected",
    "http_events_dropped",
    "rows_inserted",
    "rows_spooled",
    "rows_discarded",
)


def soak(plan: Plan, folder: Path, **settings: str) -> Outcome:
    """Carry a plan out in namespaces of its own; `settings` are the agent's, as environment variables."""
    with Cable() as cable:
        enter = {"initializer": enter_namespace, "initargs": (cable.server_side,)}
        with ThreadPoolExecutor(1, **enter) as inside:
            return inside.submit(_run, plan, folder, cable, settings).result()


@dataclass(slots=True)
class _Stage:
    """Everything that runs."""

    cable: Cable
    database: Database
    agent: Agent
    traffic: Sender
    flood: Sender | None = None

    def do(self, what: str, plan: Plan) -> None:
        """Carry out one event of the plan."""
        if what == KILL_DATABASE:
            self.database.kill()
        elif what == START_DATABASE:
            self.database.start()
        else:
            order = FloodOrder(INTERFACE, SERVER_MAC, plan.flood[1], plan.flood_per_s)
            self.flood = Sender(self.cable.client_side, "endurance.flood", order, plan.prefix)


def _run(plan: Plan, folder: Path, cable: Cable, settings: dict[str, str]) -> Outcome:
    outcome = Outcome(plan, Sent())
    with ExitStack() as stack:
        database = Database(folder / "database")
        stack.callback(database.kill)
        database.start()
        database.migrate()
        agent = Agent(folder, database.url, plan.prefix, **settings)
        stack.callback(agent.kill)
        agent.start()
        order = Order(
            interface=INTERFACE,
            server_mac=SERVER_MAC,
            recordings=str(RECORDINGS),
            events=str(agent.events),
            seconds=MAX_S if plan.kills else plan.seconds,
            connections_per_s=plan.connections_per_s,
        )
        traffic = Sender(cable.client_side, "endurance.traffic", order, plan.prefix)
        stack.callback(traffic.kill)
        stage = _Stage(cable, database, agent, traffic)
        if plan.kills:
            _kill_again_and_again(stage, outcome)
        else:
            _accompany(stage, outcome)
        outcome.sent = sent_by(traffic)
        if stage.flood is not None:
            outcome.flood = stage.flood.result()
        _end(agent, database, outcome)
    return outcome


def _accompany(stage: _Stage, outcome: Outcome) -> None:
    """Watch the agent while traffic comes, and do what the plan says when its time comes."""
    plan, agent = outcome.plan, stage.agent
    began_s = time.monotonic()
    events = sorted(_events(plan))
    next_sample_s = 1.0
    while stage.traffic.is_running():
        now_s = time.monotonic() - began_s
        if events and now_s >= events[0][0]:
            stage.do(events.pop(0)[1], plan)
        elif now_s >= next_sample_s:
            next_sample_s = now_s + 1.0
            threads = agent.cpu_s()
            sample = Sample(now_s, agent.resident_bytes(), sum(threads.values()), threads[agent.number])
            outcome.samples.append(sample)
        time.sleep(0.05)


def _kill_again_and_again(stage: _Stage, outcome: Outcome) -> None:
    """kill -9 at random times; traffic comes all the time, and ends some time after the last start."""
    chance = random.Random(outcome.plan.seed)
    for _ in range(outcome.plan.kills):
        time.sleep(chance.uniform(0.5, KILL_WITHIN_S))
        stage.agent.kill()
        outcome.kills += 1
        stage.agent.start()
    time.sleep(KILL_WITHIN_S)
    stage.traffic.stop()


def _events(plan: Plan) -> Iterator[tuple[float, str]]:
    if plan.database_away is not None:
        yield plan.database_away[0], KILL_DATABASE
        yield plan.database_away[1], START_DATABASE
    if plan.flood_per_s:
        yield plan.flood[0], FLOOD


def _end(agent: Agent, database: Database, outcome: Outcome) -> None:
    """Wait until everything is delivered, stop the agent, and count."""
    time.sleep(SETTLE_S)
    give_up_s = time.monotonic() + outcome.plan.drain_s
    spool = agent.log_file.parent / "spool"
    while list(spool.glob("*.batch")) and time.monotonic() < give_up_s:
        time.sleep(0.2)
    outcome.exit_code = agent.stop()
    outcome.left_in_spool = len(list(spool.glob("*.batch")))
    outcome.stopped = agent.log("stopped")[-1]
    outcome.stored = {name: database.number(statement) for name, statement in COUNTS.items()}
    outcome.ledger = {
        name: database.number(f"select sum({name}) from raw_agent_ticks final")  # noqa: S608 - constants
        for name in LEDGER
    }
