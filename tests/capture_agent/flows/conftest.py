"""A TCP conversation as segments, and a table to feed them to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest

from capture_agent.flows.flow_events import EpochClosed, EpochOpened, FlowEvent, HelloSeen
from capture_agent.flows.limits import FlowLimits
from capture_agent.flows.table import FlowTable
from capture_agent.wire.segment import TcpSegment, UdpDatagram

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
SYN_OPTIONS = bytes.fromhex("020405b4 0402080a 00000001 00000000 01 030307")
START_US = 1_700_000_000_000_000


@dataclass
class Conversation:
    """Both sides of one TCP connection; methods make segments without sending them."""

    isn: int = 5000
    server_isn: int = 90_000
    client: str = "198.51.100.7"
    server: str = "203.0.113.9"
    sport: int = 40_000
    dport: int = 443

    @property
    def key(self) -> bytes:
        """The client's flow key."""
        ports = self.sport.to_bytes(2, "big") + self.dport.to_bytes(2, "big")
        return ip_address(self.client).packed + ip_address(self.server).packed + ports

    def segment(
        self,
        flags: int,
        payload: bytes = b"",
        *,
        offset: int = 1,
        from_server: bool = False,
        options: bytes = b"",
        is_cut: bool = False,
    ) -> TcpSegment:
        """A segment whose first byte has the given offset from its sender's initial number."""
        isn, other = (self.server_isn, self.isn) if from_server else (self.isn, self.server_isn)
        size = (len(self.key) - 4) // 2
        key = self.key
        if from_server:
            key = key[size : 2 * size] + key[:size] + key[-2:] + key[-4:-2]
        return TcpSegment(
            flow_key=key,
            seq=(isn + offset) % 2**32,
            ack=(other + 1) % 2**32 if flags & ACK else 0,
            flags=flags,
            window=64240,
            options=options,
            payload=payload,
            ttl=57,
            ip_df=True,
            ip_id=4711,
            tunnel=None,
            is_cut=is_cut,
        )

    def syn(self, payload: bytes = b"") -> TcpSegment:
        return self.segment(SYN, payload, offset=0, options=SYN_OPTIONS)

    def syn_ack(self) -> TcpSegment:
        return self.segment(SYN | ACK, offset=0, from_server=True)

    def ack(self) -> TcpSegment:
        return self.segment(ACK)

    def data(self, payload: bytes, offset: int = 0, *, is_cut: bool = False) -> TcpSegment:
        """Client data; offset 0 is the first byte of the stream."""
        return self.segment(PSH | ACK, payload, offset=1 + offset, is_cut=is_cut)

    def answer(self, payload: bytes, offset: int = 0) -> TcpSegment:
        """Server data."""
        return self.segment(PSH | ACK, payload, offset=1 + offset, from_server=True)

    def opening(self) -> list[TcpSegment]:
        """SYN, SYN-ACK, ACK."""
        return [self.syn(), self.syn_ack(), self.ack()]


@dataclass
class Feeder:
    """A flow table with a clock: one millisecond a segment."""

    table: FlowTable
    now_us: int = START_US
    events: list[FlowEvent] = field(default_factory=list)

    def feed(self, segments: Iterable[TcpSegment | UdpDatagram]) -> list[FlowEvent]:
        """Feed segments; returns the events of these only."""
        before = len(self.events)
        for segment in segments:
            self.events += self.table.feed(segment, self.now_us)
            self.now_us += 1000
        return self.events[before:]

    def wait(self, us: int) -> list[FlowEvent]:
        """Let time pass."""
        self.now_us += us
        found = self.table.advance(self.now_us)
        self.events += found
        return found

    def finish(self) -> list[FlowEvent]:
        found = self.table.finish(self.now_us)
        self.events += found
        return found

    @property
    def opened(self) -> list[EpochOpened]:
        return [event for event in self.events if isinstance(event, EpochOpened)]

    @property
    def hellos(self) -> list[HelloSeen]:
        return [event for event in self.events if isinstance(event, HelloSeen)]

    @property
    def closed(self) -> list[EpochClosed]:
        return [event for event in self.events if isinstance(event, EpochClosed)]


class FlowKit:
    """Makes conversations and feeders, for tests that need several."""

    def conversation(self, **fields: object) -> Conversation:
        return Conversation(**fields)  # type: ignore[arg-type]

    def feeder(self, **limits: int) -> Feeder:
        return Feeder(FlowTable("sensor", FlowLimits(**limits)))


@pytest.fixture(scope="session")
def kit() -> FlowKit:
    """Conversations and feeders."""
    return FlowKit()
