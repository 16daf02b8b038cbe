"""A small stage for the correlator: connections, hellos and requests at given milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from capture_agent.correlate.correlator import Correlator, CorrelatorLimits, JoinedRequest
from capture_agent.correlate.epochs import ConnectionKey, EpochLimits, JoinableHello
from capture_agent.events import HttpEvent, Quality, Transport
from capture_agent.wire.address import parse_address

CLIENT, SERVER, OTHER_SERVER = "192.0.2.7", "198.51.100.1", "198.51.100.2"


def ms(milliseconds: float) -> int:
    """Microseconds on the stage's clock, which begins at one hour so that nothing is near zero."""
    return 3_600_000_000 + round(milliseconds * 1_000)


class Stage:
    """Plays both sources against one correlator and keeps what it settled."""

    def __init__(self, limits: CorrelatorLimits, began: float = 0) -> None:
        self.correlator = Correlator(limits)
        self.settled: list[JoinedRequest] = []
        self._keys: dict[int, ConnectionKey] = {}
        self.watch(began)

    @staticmethod
    def time_us(at: float) -> int:
        """The stage's time `at` in microseconds."""
        return ms(at)

    def watch(self, at: float) -> None:
        """Packets have been seen up to this time, and time has passed to it."""
        self.settled += self.correlator.packets_seen_until(ms(at))
        self.settled += self.correlator.advance(ms(at))

    def opens(
        self, conn: int, at: float, *, port: int = 40_000, server: str = SERVER, is_midstream: bool = False
    ) -> None:
        """A connection appears on the wire."""
        key = self.key(port=port, server=server)
        self._keys[conn] = key
        self.watch(at)
        self.correlator.open(key, conn, ms(at), is_midstream=is_midstream)

    def hello(self, conn: int, at: float, ja4: str = "t13d_a", quality: Quality = Quality.COMPLETE) -> None:
        """Its hello is read."""
        self.watch(at)
        self.late_hello(conn, at, ja4, quality)

    def proxied_hello(self, conn: int, at: float, *, port: int) -> None:
        """Its hello follows a PROXY header that names the stage's client with this port."""
        self.watch(at)
        facts = JoinableHello(ts_us=ms(at), quality=Quality.COMPLETE, ja4="behind-proxy")
        self.settled += self.correlator.hello(conn, facts, self.key(port=port))

    def late_hello(
        self, conn: int, at: float, ja4: str = "t13d_a", quality: Quality = Quality.COMPLETE
    ) -> None:
        """A hello whose time has passed already: reassembly or a slow socket held it back."""
        facts = JoinableHello(ts_us=ms(at), quality=quality, ja4=ja4, ja4_stable=ja4)
        self.settled += self.correlator.hello(conn, facts)

    def closes(self, conn: int, at: float, *, is_final: bool = True) -> None:
        """It ends, or is lost from sight."""
        self.watch(at)
        self.correlator.close(conn, ms(at), is_final=is_final)

    def request(self, at: float, **given: object) -> None:
        """The server reports a request that it read at `at`; keyword `arrives` moves the report."""
        arrives = given.pop("arrives", at)
        assert isinstance(arrives, int | float)
        self.watch(arrives)
        self.report(at, **given)

    def report(self, at: float, *, port: int = 40_000, server: str = SERVER, **given: object) -> None:
        """As `request`, while the packets stand still."""
        event = http_event(at, port=port, server=server, **given)
        self.settled += self.correlator.request(event, self.key(port=port, server=server, proto=event.proto))

    def ends(self) -> None:
        """Both sources end."""
        self.settled += self.correlator.finish()

    @staticmethod
    def key(*, port: int = 40_000, server: str = SERVER, proto: str = "HTTP/1.1") -> ConnectionKey:
        """The 5-tuple of the stage's client."""
        transport = Transport.QUIC if proto == "HTTP/3.0" else Transport.TCP
        return ConnectionKey(transport, parse_address(CLIENT), port, parse_address(server), 443)


def http_event(
    at: float, *, port: int = 40_000, server: str = SERVER, start: float | None = None, **given: object
) -> HttpEvent:
    """A request in normal form; `start` is the connection's start as the server knows it."""
    fields: dict[str, object] = {
        "t_us": ms(at),
        "src_ip": CLIENT,
        "src_port": port,
        "dst_ip": server,
        "dst_port": 443,
        "method": "GET",
        "unparsed_uri": "/",
        "proto": "HTTP/1.1",
        "status": 200,
        "headers": (("User-Agent", "curl/8"),),
        "scheme": "https",
        "conn_start_us": None if start is None else ms(start),
    }
    return HttpEvent(**{**fields, **given})  # type: ignore[arg-type]


@pytest.fixture
def stage() -> Stage:
    """A stage with the default limits."""
    return Stage(CorrelatorLimits())


@pytest.fixture
def stage_with() -> Callable[..., Stage]:
    """A stage with some limits changed; those of the epoch table are found by their name."""

    def build(began: float = 0, **changed: int) -> Stage:
        of_epochs = {k: v for k, v in changed.items() if k in EpochLimits.__dataclass_fields__}
        others = {k: v for k, v in changed.items() if k not in of_epochs}
        return Stage(replace(CorrelatorLimits(**others), epochs=EpochLimits(**of_epochs)), began)

    return build
