"""Speed of the join: from decoded events to joined requests.

    python bench/correlate.py [--rounds 5] [--requests 100000]

Medians over rounds in which all sides take turns. Peer: a dict from the 4-tuple to the hello, which knows
neither epochs nor waiting, and so joins a reused port with whichever connection came last. With and without
the rows, which the compiled module encodes as well where it is built. CPU seconds are those of this process;
other work on the machine changes elapsed times most. `bench/socket_to_rows.py` measures the whole way.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from capture_agent import compiled
from capture_agent.correlate.correlator import Correlator, CorrelatorLimits, JoinedRequest
from capture_agent.correlate.epochs import ConnectionKey, JoinableHello
from capture_agent.events import HttpEvent, JoinState, Quality, Transport
from capture_agent.intake.event_lines import EventDecoder
from capture_agent.intake.normal_form import NormalForm
from capture_agent.pipeline import connection_key
from capture_agent.rows import Row
from capture_agent.rows.http_request import http_request_row
from capture_agent.wire.address import parse_address

REQUESTS_PER_CONNECTION = 10
BEGIN_US = 1_795_350_390_000_000
SERVER = "198.51.100.1"
HEADERS = [
    ["Host", None],
    ["sec-ch-ua", '"Chromium";v="156", "Not?A_Brand";v="24"'],
    ["sec-ch-ua-mobile", "?0"],
    ["sec-ch-ua-platform", '"Linux"'],
    ["User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0"],
    ["Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"],
    ["Sec-Fetch-Site", "same-origin"],
    ["Sec-Fetch-Mode", "navigate"],
    ["Sec-Fetch-Dest", "document"],
    ["Referer", "https://shop.test/products/17"],
    ["Accept-Encoding", "gzip, deflate, br, zstd"],
    ["Accept-Language", "de-DE,de;q=0.9,en;q=0.8"],
    ["Cookie", None],
]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of one side."""

    elapsed_s: float
    cpu_s: float
    rows: int


make_row: Callable[[JoinedRequest], Row] = compiled.maybe_http_row_writer("bench") or partial(
    http_request_row, sensor="bench"
)


def client_of(connection: int) -> tuple[str, int]:
    """Address and port of a connection's client: 1,000 addresses, ports in turn."""
    return f"10.0.{connection % 1_000 // 250}.{connection % 250 + 1}", 20_000 + connection // 1_000


def request_lines(requests: int) -> list[bytes]:
    """Events as mod_reqin_log writes them, about 1 kB each, in the order of time, connections mixed."""
    connections = max(requests // REQUESTS_PER_CONNECTION, 1)
    order = [number % connections for number in range(requests)]
    random.Random(1).shuffle(order)
    lines = []
    for number, connection in enumerate(order):
        address, port = client_of(connection)
        fields = {
            "v": 1, "ev": "end", "t_us": BEGIN_US + 1_000_000 + number, "dur_us": 900,
            "src_ip": address, "src_port": port, "dst_ip": SERVER, "dst_port": 443, "conn_seq": connection,
            "conn_start_us": BEGIN_US + connection, "useragent_ip": address, "scheme": "https",
            "host": "shop.test", "method": "GET", "unparsed_uri": f"/products/{number % 997}?q=1",
            "proto": "HTTP/1.1", "status": 200, "bytes": 5_120, "cookie_names": ["session", "theme"],
            "header_order_source": "wire", "headers": HEADERS, "source_id": "httpd-1-1",
            "source_seq": number + 1,
        }  # fmt: skip
        lines.append(json.dumps(fields).encode() + b"\n")
    return lines


def key_of(connection: int) -> ConnectionKey:
    """Its 5-tuple."""
    address, port = client_of(connection)
    return ConnectionKey(Transport.TCP, parse_address(address), port, parse_address(SERVER), 443)


def hello_at(ts_us: int) -> JoinableHello:
    """What a join copies."""
    return JoinableHello(
        ts_us=ts_us,
        quality=Quality.COMPLETE,
        ja4="t13d1517h2_8daaf6152771_cb7bf5808d99",
        ja4_stable="t13d1517h2_8daaf6152771_b6f405a00624",
        ja3_hash="0" * 32,
        sni="shop.test",
        tls_version=0x0304,
        alpn=("h2", "http/1.1"),
    )


def watched(connections: int) -> Correlator:
    """A correlator that saw the hellos of so many open connections."""
    correlator = Correlator(CorrelatorLimits())
    for connection in range(connections):
        at_us = BEGIN_US + connection
        correlator.open(key_of(connection), connection, at_us, is_midstream=False)
        correlator.hello(connection, hello_at(at_us + 1))
    return correlator


def timed(work: Callable[[], int]) -> Measurement:
    """Run with the collector off between, so that one side's garbage is not the other's time."""
    gc.collect()
    began_s, cpu_s = time.perf_counter(), time.process_time()
    rows = work()
    return Measurement(time.perf_counter() - began_s, time.process_time() - cpu_s, rows)


def join_by_correlator(events: list[HttpEvent], *, with_rows: bool) -> Measurement:
    """Epochs, waiting and confidence; the connections are open before the clock starts."""
    correlator = watched(max(len(events) // REQUESTS_PER_CONNECTION, 1))
    correlator.packets_seen_until(BEGIN_US + 10_000_000)

    def work() -> int:
        matched = 0
        for event in events:
            for joined in correlator.request(event, connection_key(event)):
                matched += joined.state is JoinState.MATCHED
                if with_rows:
                    make_row(joined)
        return matched

    return timed(work)


def join_by_dict(events: list[HttpEvent], *, with_rows: bool) -> Measurement:
    """What a first version of such a join looks like."""
    hellos = {}
    for connection in range(max(len(events) // REQUESTS_PER_CONNECTION, 1)):
        address, port = client_of(connection)
        hellos[address, port, SERVER, 443] = (connection, hello_at(BEGIN_US + connection + 1))

    def work() -> int:
        matched = 0
        for event in events:
            found = hellos.get((event.src_ip, event.src_port, event.dst_ip, event.dst_port))
            if found is None:
                continue
            conn_id, hello = found
            delay_us = event.t_us - hello.ts_us
            joined = JoinedRequest(
                event=event,
                state=JoinState.MATCHED,
                candidates=1,
                confidence=1.0,
                conn_id=conn_id,
                seq_on_conn=1,
                hello=hello,
                hello_to_request_us=delay_us,
            )
            matched += 1
            if with_rows:
                make_row(joined)
        return matched

    return timed(work)


def bench_join(lines: list[bytes], rounds: int) -> None:
    """Table 1."""
    decoder = EventDecoder(NormalForm())
    decoded = [decoder.decode(line) for line in lines]
    events = [event for event in decoded if isinstance(event, HttpEvent)]
    sides = {"correlator": join_by_correlator, "dict by 4-tuple": join_by_dict}
    for with_rows in (False, True):
        runs: dict[str, list[Measurement]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, run in sides.items():
                runs[name].append(run(events, with_rows=with_rows))
        print_table(f"joined and made rows ({compiled.request_path_name()})" if with_rows else "joined", runs)


def print_table(title: str, runs: dict[str, list[Measurement]]) -> None:
    """Medians of each side and the ratio of the first to the second."""
    print(f"{title}, median of {len(next(iter(runs.values())))} runs of each side in turn")
    print(f"{'':20}{'rows':>10}{'rows/s':>12}{'rows/CPU s':>12}")
    rates = {}
    for name, measured in runs.items():
        rates[name] = statistics.median(run.rows / run.cpu_s for run in measured)
        elapsed = statistics.median(run.rows / run.elapsed_s for run in measured)
        print(f"{name:20}{measured[0].rows:10,}{elapsed:12,.0f}{rates[name]:12,.0f}")
    (own, own_rate), (peer, peer_rate) = rates.items()
    print(f"{own} does {own_rate / peer_rate:.2f} times the rows of {peer} in a CPU second\n")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=100_000)
    options = parser.parse_args()
    lines = request_lines(options.requests)
    bench_join(lines, options.rounds)


if __name__ == "__main__":
    main()
