"""Connection epochs: which connections there were on a 5-tuple, and which hello each of them sent.

An epoch opens with the SYN (or with the first packet seen of an older connection) and closes with FIN,
RST or silence. The same 5-tuple is used again by later connections, so a request belongs to the epoch
that contains the start of its connection, never to the nearest hello.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from capture_agent.events import Quality, Transport

US_PER_S = 1_000_000
USABLE = frozenset({Quality.COMPLETE, Quality.REASSEMBLED})
"""Qualities of a hello that carries fingerprints."""


class ConnectionKey(NamedTuple):
    """The full 5-tuple, client first; addresses are 16 bytes, IPv4 mapped (RFC 4291 section 2.5.5.2)."""

    transport: Transport
    src_ip: bytes
    src_port: int
    dst_ip: bytes
    dst_port: int


class JoinableHello(msgspec.Struct, frozen=True, gc=False):
    """What a request row keeps of its connection's hello; the hello itself has a row of its own."""

    ts_us: int
    quality: Quality | None
    """None where there is no hello: then only the SYN's facts are filled."""
    ja4: str | None = None
    ja4_stable: str | None = None
    ja3_hash: str | None = None
    sni: str | None = None
    tls_version: int | None = None
    alpn: tuple[str, ...] = ()
    has_grease: bool | None = None
    has_ech: bool | None = None
    has_psk: bool | None = None
    has_pq_group: bool | None = None
    tcp_signature: str | None = None
    tcp_ttl: int | None = None
    tcp_mss: int | None = None


class Epoch(msgspec.Struct, eq=False, gc=False):
    """One connection, from the packets' side (`is_observed`) or, failing that, from the server's log."""

    key: ConnectionKey
    conn_id: int
    opened_us: int
    touched_us: int
    """Last sign of life: opening, hello, request."""
    is_midstream: bool = False
    """Its SYN was not seen."""
    is_observed: bool = True
    """Packets of it were seen; false for a connection that only the server reported."""
    tracked_as: int | None = None
    """The flow table's id while it follows the connection, which is then alive whatever its last request."""
    is_resumed_after_idle: bool = False
    """The flow table lost sight of it and found it again; a change of connection may have hidden between."""
    unseen_from_us: int | None = None
    """The agent was away from here to its start: another connection may have used the ports meanwhile."""
    closed_us: int | None = None
    hello: JoinableHello | None = None
    """The first usable hello, else the first one."""
    hellos: int = 0
    requests: int = 0
    read_here: int = 0
    """How many of its requests the sensor reads off the wire itself: reports of these are duplicates."""
    reported: int = 0
    """Reports of its requests, counted while the sensor reads some itself."""
    proxied_key: ConnectionKey | None = None
    """The 5-tuple under which a server that reads the PROXY protocol reports the connection."""
    server_identity: tuple[int | None, int | None] | None = None
    """(conn_start_us, conn_seq) of a connection that only the server reported."""

    @property
    def has_usable_hello(self) -> bool:
        """A hello with fingerprints was seen."""
        return self.hello is not None and self.hello.quality in USABLE

    @property
    def is_out_of_sight(self) -> bool:
        """Observed and not known to be over, but no longer followed by the flow table."""
        return self.is_observed and self.tracked_as is None and self.closed_us is None


@dataclass(frozen=True, slots=True)
class EpochLimits:
    """Bounds of the epoch table."""

    max_epochs: int = 262_144
    """Connections remembered at once, about 1.3 kB each; the one unused longest goes first."""
    max_epochs_per_key: int = 64
    """A scanner that reuses one port for thousands of connections must not make each lookup long. Packets
    come a block of the ring at a time: with 8, a port used 50 times a second lost a quarter of its hellos
    before their requests were looked at."""
    linger_us: int = 60 * US_PER_S
    """How long a closed connection still accepts requests. Events are written when a request ends, and
    some logs are buffered: shorter, and the last request of each connection is lost; longer costs memory."""
    idle_us: int = 900 * US_PER_S
    """How long a connection that the flow table no longer follows is kept after its last request. Must
    exceed the server's keep-alive time (5 s in Apache, 75 s in nginx), or late requests lose their hello."""


class EpochTable:
    """Bounded store of epochs by 5-tuple."""

    def __init__(self, limits: EpochLimits) -> None:
        self._limits = limits
        self._by_key: dict[ConnectionKey, tuple[Epoch, ...]] = {}
        """Tuples, which are half as large: nearly all have one epoch."""
        self._tracked: dict[int, Epoch] = {}
        self._by_touch: OrderedDict[Epoch, None] = OrderedDict()
        self._closed: deque[tuple[int, Epoch]] = deque()
        self.evicted_full = 0
        """Epochs given up because a bound was reached."""
        self.hellos_unused = 0
        """Hellos of retired epochs that no request ever used."""

    def __len__(self) -> int:
        return len(self._by_touch)

    def on(self, key: ConnectionKey) -> tuple[Epoch, ...]:
        """All epochs known on a 5-tuple, oldest first."""
        return self._by_key.get(key, ())

    def open(self, key: ConnectionKey, conn_id: int, opened_us: int, *, is_midstream: bool) -> Epoch:
        """Record a new connection; packets of one that was lost to idleness continue the old epoch."""
        if is_midstream:
            for epoch in reversed(self.on(key)):
                if epoch.is_out_of_sight:
                    epoch.tracked_as = conn_id
                    epoch.is_resumed_after_idle = True
                    self._tracked[conn_id] = epoch
                    self.touch(epoch, opened_us)
                    return epoch
        else:
            self._end_untracked(key, opened_us)
        epoch = Epoch(key, conn_id, opened_us, opened_us, is_midstream=is_midstream, tracked_as=conn_id)
        self._tracked[conn_id] = epoch
        self._store(epoch)
        return epoch

    def open_unobserved(
        self, key: ConnectionKey, conn_id: int, at_us: int, identity: tuple[int | None, int | None]
    ) -> Epoch:
        """Record a connection of which no packet was seen, so that its requests share one conn_id."""
        epoch = Epoch(key, conn_id, at_us, at_us, is_observed=False, server_identity=identity)
        self._store(epoch)
        return epoch

    def tracked(self, conn_id: int) -> Epoch | None:
        """The epoch that the flow table calls `conn_id`."""
        return self._tracked.get(conn_id)

    def attach(self, epoch: Epoch, hello: JoinableHello) -> None:
        """Give an epoch its hello; the first usable one stays."""
        epoch.hellos += 1
        if (
            epoch.hello is None
            or epoch.hello.quality is None
            or (not epoch.has_usable_hello and hello.quality in USABLE)
        ):
            epoch.hello = hello
        self.touch(epoch, hello.ts_us)

    def attach_proxied(self, epoch: Epoch, key: ConnectionKey) -> None:
        """Make an epoch found under the addresses of its PROXY header as well; the first header counts."""
        if epoch.proxied_key is None and key != epoch.key:
            epoch.proxied_key = key
            self._index(key, epoch)

    def close(self, conn_id: int, closed_us: int, now_us: int, *, is_final: bool) -> None:
        """End the flow table's interest: `is_final` for FIN and RST, else it was idle or evicted."""
        epoch = self._tracked.pop(conn_id, None)
        if epoch is None:
            return
        epoch.tracked_as = None
        if is_final:
            self._end(epoch, closed_us, now_us)
        else:
            self.touch(epoch, closed_us)

    def touch(self, epoch: Epoch, at_us: int) -> None:
        """Note a sign of life: the epoch moves to the end of the queue for eviction."""
        epoch.touched_us = max(epoch.touched_us, at_us)
        if epoch in self._by_touch:
            self._by_touch.move_to_end(epoch)

    def expire(self, now_us: int) -> None:
        """Retire closed epochs after their linger time and silent ones after the idle time."""
        while self._closed and self._closed[0][0] <= now_us:
            self._retire(self._closed.popleft()[1])
        while self._by_touch:
            epoch = next(iter(self._by_touch))
            if epoch.touched_us + self._limits.idle_us > now_us:
                return
            if epoch.tracked_as is not None:
                # The flow table sees its packets and would have closed it otherwise: a WebSocket lasts hours.
                self.touch(epoch, now_us)
            else:
                self._retire(epoch)

    def restore(self, epoch: Epoch, now_us: int) -> bool:
        """Take in a connection of the run before; false if it is over, or silent for longer than is kept."""
        limits = self._limits
        if epoch.closed_us is not None:
            if epoch.closed_us + limits.linger_us <= now_us:
                return False
            self._closed.append((epoch.closed_us + limits.linger_us, epoch))
        elif epoch.touched_us + limits.idle_us <= now_us:
            return False
        self._store(epoch)
        if epoch.proxied_key is not None:
            self._index(epoch.proxied_key, epoch)
        return True

    def release(self) -> list[Epoch]:
        """Give up every epoch: those that another run can go on with are returned, the others retired."""
        released = []
        for epoch in list(self._by_touch):
            if epoch.is_observed and not epoch.is_midstream and epoch.hello is not None:
                self._remove(epoch)
                released.append(epoch)
            else:
                self._retire(epoch)
        return released

    def retire_all(self) -> None:
        """Retire every epoch; called when both sources have ended."""
        for epoch in list(self._by_touch):
            self._retire(epoch)

    def _end_untracked(self, key: ConnectionKey, opened_us: int) -> None:
        """A SYN on the same 5-tuple proves that the connection lost from sight is over."""
        for epoch in self.on(key):
            if epoch.is_out_of_sight:
                self._end(epoch, opened_us, opened_us)

    def _end(self, epoch: Epoch, closed_us: int, now_us: int) -> None:
        epoch.closed_us = max(closed_us, epoch.opened_us)
        self._closed.append((now_us + self._limits.linger_us, epoch))
        if len(self._closed) > self._limits.max_epochs:
            self._retire(self._closed.popleft()[1])

    def _store(self, epoch: Epoch) -> None:
        self._by_touch[epoch] = None
        self._index(epoch.key, epoch)
        if len(self._by_touch) > self._limits.max_epochs:
            self.evicted_full += 1
            self._retire(next(iter(self._by_touch)))

    def _index(self, key: ConnectionKey, epoch: Epoch) -> None:
        on_key = self._by_key[key] = (*self.on(key), epoch)
        if len(on_key) > self._limits.max_epochs_per_key:
            self.evicted_full += 1
            self._retire(on_key[0])

    def _retire(self, epoch: Epoch) -> None:
        if self._remove(epoch) and epoch.requests == 0:
            self.hellos_unused += epoch.hellos

    def _remove(self, epoch: Epoch) -> bool:
        """Forget an epoch; false if it was forgotten before."""
        if epoch not in self._by_touch:
            return False
        del self._by_touch[epoch]
        if epoch.tracked_as is not None:
            del self._tracked[epoch.tracked_as]
        for key in (epoch.key, epoch.proxied_key):
            if key is not None:
                left = tuple([other for other in self._by_key[key] if other is not epoch])
                if left:
                    self._by_key[key] = left
                else:
                    del self._by_key[key]
        return True
