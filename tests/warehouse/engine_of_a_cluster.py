"""The embedded engine as a cluster of one shard, behind a gateway that takes out what it cannot do alone.

The engine's configuration names a cluster that is itself. Distributed tables, inserts into them, `cluster(…)`
and subqueries that are made once for all shards are then the engine's own. Three things need other servers:
to run a statement ON CLUSTER, to let a replica leave its read-only state, and to wait for other replicas.
The gateway takes these out of each statement, and nothing else.
"""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

CLUSTER = "ja4"
CONFIGURATION = """\
<clickhouse>
    <tcp_port>9000</tcp_port>
    <macros><shard>1</shard><replica>a</replica></macros>
    <remote_servers>
        <ja4><shard>
            <internal_replication>true</internal_replication>
            <replica><host>127.0.0.1</host></replica>
        </shard></ja4>
    </remote_servers>
</clickhouse>
"""
"""Nothing listens on the port: the engine recognises itself by it."""

ON_CLUSTER = re.compile(rb"(?i)\s+on\s+cluster\s+[\"`]ja4[\"`]")
REPLICATED = re.compile(rb"Replicated(\w*MergeTree)\(\s*'[^']*',\s*'[^']*'(?:,\s*)?")
WAIT_FOR_REPLICAS = re.compile(rb"(?is)^\s*(/\*.*?\*/)?\s*system\s+sync\s+replica\b")
OF_THE_CONNECTION = ("host", "connection", "content-length", "transfer-encoding", "date", "server")


def configure(home: Path) -> None:
    """Add the cluster to the configuration of an embedded database that was not started yet."""
    (home / "engine.d").mkdir(parents=True)
    (home / "engine.d" / "cluster.xml").write_text(CONFIGURATION)


def for_one_engine(statement: bytes) -> bytes:
    """The statement without other servers."""
    if WAIT_FOR_REPLICAS.match(statement):
        return b"select 1"
    return REPLICATED.sub(rb"\1(", ON_CLUSTER.sub(b"", statement))


@contextmanager
def gateway_before(dsn: str) -> Iterator[str]:
    """DSN under which the database of `dsn` takes statements for a cluster."""
    behind = urlsplit(dsn)

    class Between(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            statement = for_one_engine(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            connection = http.client.HTTPConnection(behind.hostname or "", behind.port, timeout=300)
            connection.request(self.command, self.path, statement, dict(_end_to_end(self.headers.items())))
            answered = connection.getresponse()
            content = answered.read()
            connection.close()
            self.send_response(answered.status)
            for name, value in _end_to_end(answered.getheaders()):
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing: a test's output is the test's."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Between)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    login = behind.netloc.rpartition("@")[0]
    try:
        yield urlunsplit(behind._replace(netloc=f"{login}@127.0.0.1:{server.server_port}"))
    finally:
        server.shutdown()
        server.server_close()


def _end_to_end(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, value in headers:
        if name.lower() not in OF_THE_CONNECTION:
            yield name, value
