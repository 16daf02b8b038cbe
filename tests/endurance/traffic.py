"""Clients of a web server at a given rate: their packets on the wire, their requests reported to the agent.

    python -m endurance.traffic '{"interface": "wire", "seconds": 10, …}'

Run inside the clients' network namespace. Prints one JSON object: what was sent.
"""

from __future__ import annotations

import gc
import heapq
import json
import signal
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
from endurance.dialogues import Dialogue, recorded_dialogues
from endurance.volleys import Volley, Wire
from endurance.web_server import EVENT, Child
from numpy.typing import NDArray

TICK_S = 0.02
SERVER = "10.99.0.1"
"""Nobody's address: the far end's kernel takes the packets in, where they are captured, and drops them."""
FIRST_CLIENT = 0x0A400000
PORTS, FIRST_PORT = 60_000, 1_024
REQUESTS = ((0.0, 1.0), (0.3, 1.0), (0.6, 0.5))
"""When the requests of a connection come, seconds behind its opening, and the share that has one."""
CLOSE_AFTER_S = 1.0


class Order(msgspec.Struct, frozen=True):
    """What to send."""

    interface: str
    server_mac: str
    recordings: str
    events: str
    """The agent's socket."""
    seconds: float
    """At most; SIGTERM ends it earlier."""
    connections_per_s: int = 2_000
    children: int = 8
    first_connection: int = 0
    """Connections before this one were somebody else's: no address and port comes twice."""
    processes_from: int = 0
    """Number of the first web server process."""


class Sent(msgspec.Struct):
    """What was sent."""

    connections: int = 0
    frames: int = 0
    requests: int = 0
    requests_dropped: int = 0
    """Of those, the ones that could not be reported."""
    late_s: float = 0.0
    """The furthest that the sender was behind."""
    seconds: float = 0.0
    cpu_s: float = 0.0


class _Party:
    """The connections of one tick."""

    def __init__(self, dialogue: int, first: int, count: int) -> None:
        self.dialogue = dialogue
        numbers = np.arange(first, first + count)
        self.addresses: NDArray[np.uint32] = (FIRST_CLIENT + numbers // PORTS * 251 + numbers % 251).astype(
            np.uint32
        )
        self.ports: NDArray[np.uint16] = (FIRST_PORT + numbers % PORTS).astype(np.uint16)
        self.texts = [".".join(map(str, int(one).to_bytes(4, "big"))) for one in self.addresses]
        self.accepted_us = 0
        """When the server's side of the connections began."""


class Traffic:
    """Sends by the clock; what it cannot send in time it sends late, and says so."""

    def __init__(self, order: Order) -> None:
        self._order = order
        mac = bytes.fromhex(order.server_mac.replace(":", ""))
        server = bytes(map(int, SERVER.split(".")))
        self._dialogues: list[Dialogue] = recorded_dialogues(Path(order.recordings), server, mac)
        self._per_tick = max(round(order.connections_per_s * TICK_S), 1)
        self._tick_s = self._per_tick / order.connections_per_s
        self._opening = [Volley(one.opening, self._per_tick) for one in self._dialogues]
        self._closing = [Volley(one.closing, self._per_tick) for one in self._dialogues]
        self._wire = Wire(order.interface)
        names = range(order.processes_from, order.processes_from + order.children)
        self._children = [Child(f"soak-{name}", Path(order.events)) for name in names]
        self._due: list[tuple[float, int, int, _Party]] = []
        self._rng = np.random.default_rng(1)
        self._is_stopped = False
        self.sent = Sent()

    def stop(self) -> None:
        """Open no more connections."""
        self._is_stopped = True

    def run(self) -> Sent:
        """Send until the time is over, or `stop`, and every connection is closed."""
        began_s = time.monotonic()
        ticks = round(self._order.seconds / self._tick_s)
        for tick in range(ticks):
            if self._is_stopped:
                break
            self._pause_until(began_s + tick * self._tick_s)
            self._open(tick)
        while self._due:
            self._pause_until(self._due[0][0])
            self._do_due(time.monotonic())
        for child in self._children:
            child.close()
            self.sent.requests += child.numbered
            self.sent.requests_dropped += child.dropped
        self._wire.close()
        self.sent.seconds = time.monotonic() - began_s
        self.sent.cpu_s = time.process_time()
        return self.sent

    def _pause_until(self, at_s: float) -> None:
        now_s = time.monotonic()
        if now_s < at_s:
            time.sleep(at_s - now_s)
        else:
            self.sent.late_s = max(self.sent.late_s, now_s - at_s)
        self._do_due(time.monotonic())

    def _open(self, tick: int) -> None:
        kind = tick % len(self._dialogues)
        first = self._order.first_connection + tick * self._per_tick
        party = _Party(kind, first, self._per_tick)
        self._opening[kind].send(self._wire, party.addresses, party.ports, self._rng)
        party.accepted_us = time.time_ns() // 1_000
        self.sent.connections += self._per_tick
        self.sent.frames += self._per_tick * self._opening[kind].frames
        opened_s = time.monotonic()
        self._request(party, 0)
        for number, (after_s, _) in enumerate(REQUESTS[1:], 1):
            heapq.heappush(self._due, (opened_s + after_s, tick, number, party))
        heapq.heappush(self._due, (opened_s + CLOSE_AFTER_S, tick, len(REQUESTS), party))

    def _do_due(self, now_s: float) -> None:
        while self._due and self._due[0][0] <= now_s:
            _, _, number, party = heapq.heappop(self._due)
            if number < len(REQUESTS):
                self._request(party, number)
            else:
                volley = self._closing[party.dialogue]
                volley.send(self._wire, party.addresses, party.ports, self._rng)
                self.sent.frames += self._per_tick * volley.frames

    def _request(self, party: _Party, number: int) -> None:
        count = round(self._per_tick * REQUESTS[number][1])
        client = self._dialogues[party.dialogue].client
        now_us = time.time_ns() // 1_000
        for at in range(count):
            child = self._children[at % len(self._children)]
            serial = child.next_number()
            port = int(party.ports[at])
            of_connection = (party.texts[at], port, SERVER, port, party.accepted_us, number + 1)
            child.report((EVENT % (now_us, 900, *of_connection, child.name, serial, client)).encode())
        for child in self._children:
            child.flush()


def main() -> None:
    """Send as told by the argument."""
    gc.disable()  # nothing here makes cycles, and a pause would be seen as one of the agent
    traffic = Traffic(msgspec.json.decode(sys.argv[1], type=Order))
    signal.signal(signal.SIGTERM, lambda *_: traffic.stop())
    print(json.dumps(msgspec.to_builtins(traffic.run())))


if __name__ == "__main__":
    main()
