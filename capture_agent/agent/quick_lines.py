"""JSON lines of ordinary hellos out of ready pieces.

A client sends the same hello and the same SYN again and again, so most columns of a line were spelt before.
The order of the columns is that of `TlsHello`; tests hold these lines equal to those of `HelloLines`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from capture_agent.agent.hello_lines import TOLD, HelloLines
from capture_agent.agent.request_lines import RequestLines
from capture_agent.events import FINGERPRINT_SPEC, TlsHello
from capture_agent.fingerprint.hello_facts import HelloFacts, hello_facts
from capture_agent.fingerprint.tcp_syn import SynFacts, syn_pattern
from capture_agent.flows.flow_events import FlowEvent, HelloSeen, HttpExchange
from capture_agent.rows.tls_hello import SynColumns, syn_columns
from capture_agent.sink.encode import iso_time
from capture_agent.wire.address import address_text
from capture_agent.wire.errors import Malformed

MAX_SPELT_HELLOS = 512
"""Hellos whose columns are kept spelt: 2 kB each, twice that with skeletons."""

_encoder = msgspec.json.Encoder()
_COLUMNS = TlsHello.__struct_fields__
_SPEC_AT = _COLUMNS.index("fingerprint_spec")
_FACTS_BEFORE = tuple(name for name in _COLUMNS[:_SPEC_AT] if name in HelloFacts.__struct_fields__)
_FACTS_BEHIND = tuple(name for name in _COLUMNS[_SPEC_AT:] if name in HelloFacts.__struct_fields__)
_SYN_COLUMNS = SynColumns.__slots__
_SPELT_NO_SYN = ",".join(f'"{name}":null' for name in _SYN_COLUMNS)


class QuickLines(HelloLines):
    """As HelloLines, several times as fast on ordinary hellos."""

    def __init__(self, sensor: str, *, with_skeleton: bool, requests: RequestLines | None = None) -> None:
        super().__init__(sensor, with_skeleton=with_skeleton, requests=requests)
        self._start = f'{{"sensor":{_encoder.encode(sensor).decode()},"site":"","ts":"'
        self._behind = tuple(name for name in _FACTS_BEHIND if with_skeleton or name != "hello_skeleton")
        self._spelt: dict[int, tuple[HelloFacts, str, str]] = {}
        """By identity of the facts, which are the same object for the same hello."""

    def __call__(self, flow_events: Sequence[FlowEvent]) -> bytes:
        """As HelloLines."""
        return b"".join([self._line(event) for event in flow_events if isinstance(event, TOLD)])

    @property
    def spelt_hellos(self) -> int:
        """Hellos whose columns are kept spelt."""
        return len(self._spelt)

    def _line(self, seen: HelloSeen | HttpExchange) -> bytes:
        epoch = seen.epoch
        if (
            isinstance(seen, HttpExchange)
            or seen.message is None
            or seen.is_sslv2_framed
            or seen.preamble is not None
            or epoch.tunnel is not None
        ):
            return self.line(seen)
        try:
            facts = hello_facts(seen.message, epoch.transport, with_skeleton=self.with_skeleton)
        except Malformed:
            return self.line(seen)
        before, behind = self._spell(facts)
        rtt_us, to_hello_us = seen.syn_ack_rtt_us, seen.syn_to_hello_us
        return (
            f'{self._start}{iso_time(seen.ts_us)}","conn_id":{epoch.conn_id},"transport":"{epoch.transport.value}"'
            f',"src_ip":"{address_text(epoch.src)}","src_port":{epoch.src_port}'
            f',"dst_ip":"{_server_text(epoch.dst)}","dst_port":{epoch.dst_port},{before}'
            f',"fingerprint_spec":{FINGERPRINT_SPEC},"quality":"{seen.quality.value}"'
            f',"malformed_reason":null,"malformed_offset":null,"segments":{seen.segments},{behind}'
            f',"is_second_hello":{"true" if seen.is_second_hello else "false"},"is_sslv2_framed":false'
            ',"preamble":null,"proxy_src_ip":null,"proxy_src_port":null,"proxy_dst_ip":null'
            f',"proxy_dst_port":null,"tunnel":null,{_spelt_syn(epoch.syn)}'
            f',"syn_ack_rtt_us":{"null" if rtt_us is None else rtt_us}'
            f',"syn_to_hello_us":{"null" if to_hello_us is None else to_hello_us}}}\n'
        ).encode()

    def _spell(self, facts: HelloFacts) -> tuple[str, str]:
        """The columns that depend on the hello: those before `fingerprint_spec`, those behind it."""
        known = self._spelt.get(id(facts))
        if known is None:
            if len(self._spelt) >= MAX_SPELT_HELLOS:
                del self._spelt[next(iter(self._spelt))]
            known = self._spelt[id(facts)] = (
                facts,
                _spelt({name: getattr(facts, name) for name in _FACTS_BEFORE}),
                _spelt({name: getattr(facts, name) for name in self._behind}),
            )
        return known[1], known[2]


def _spelt_syn(syn: SynFacts | None) -> str:
    """The columns that come from the SYN; only the identification differs between those of one client."""
    if syn is None:
        return _SPELT_NO_SYN
    return f'{_spelt_pattern(syn_pattern(syn))},"ip_id":{"null" if syn.ip_id is None else syn.ip_id}'


_server_text = lru_cache(maxsize=1024)(address_text)
"""Servers are few; clients are many."""


@lru_cache(maxsize=4096)
def _spelt_pattern(pattern: SynFacts) -> str:
    columns = syn_columns(pattern)
    return _spelt({name: getattr(columns, name) for name in _SYN_COLUMNS[:-1]})


def _spelt(columns: dict[str, object]) -> str:
    """`"name":value,"name":value`."""
    return _encoder.encode(columns)[1:-1].decode()
