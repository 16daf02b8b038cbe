"""The HTTP side: reads requests, writes answers as a ClickHouse server words them."""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from embedded_clickhouse.bodies import FramingError, RowsFile, all_bytes, body_chunks, first_bytes, limited
from embedded_clickhouse.client_watch import ClientWatch
from embedded_clickhouse.compression import decoded, maybe_encoder
from embedded_clickhouse.engine import Counts, Engine
from embedded_clickhouse.errors import AUTHENTICATION_FAILED, REQUIRED_PASSWORD, QueryError, refusal
from embedded_clickhouse.execution import Output, executed
from embedded_clickhouse.request import Credentials, QueryRequest, credentials, query_request, url_fields
from embedded_clickhouse.sessions import SessionStore
from embedded_clickhouse.statements import MAX_STATEMENT_BYTES, Plan, StatementKind, plan

logger = logging.getLogger(__name__)

HEAD_BYTES = 2**20
IDLE_TIMEOUT_S = 600
MIN_COMPRESSED_BYTES = 1024

_CONTENT_TYPES = {
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "csv": "text/csv; charset=UTF-8; header=absent",
    "csvwithnames": "text/csv; charset=UTF-8; header=present",
    "json": "application/json; charset=UTF-8",
    "jsoncompact": "application/json; charset=UTF-8",
    "jsoneachrow": "application/x-ndjson; charset=UTF-8",
    "native": "application/octet-stream",
    "rowbinary": "application/octet-stream",
    "parquet": "application/octet-stream",
    "arrow": "application/octet-stream",
    "arrowstream": "application/octet-stream",
}


@dataclass(frozen=True, slots=True)
class Gateway:
    """What every request needs: the database, its sessions, who may ask, how much may be sent."""

    engine: Engine
    sessions: SessionStore
    watch: ClientWatch
    login: Credentials
    spool_directory: Path
    max_body_bytes: int


class GatewayServer(ThreadingHTTPServer):
    """One thread per connection; knows how many requests are under way."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], gateway: Gateway) -> None:
        self.gateway = gateway
        self._under_way = 0
        self._changed = threading.Condition()
        super().__init__(address, GatewayHandler)

    def begin(self) -> None:
        """Count a request in."""
        with self._changed:
            self._under_way += 1

    def end(self) -> None:
        """Count a request out."""
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def drain(self, deadline_s: float) -> int:
        """Wait until no request is under way; tell how many still are after `deadline_s`."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, timeout=deadline_s)
            return self._under_way

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what broke a connection; the server goes on."""
        logger.exception("connection from %s broke", client_address)


class GatewayHandler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    server_version = "ClickHouse"
    sys_version = ""
    timeout = IDLE_TIMEOUT_S
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True
    server: GatewayServer
    no_body_methods: ClassVar[set[str]] = {"GET", "HEAD"}

    def do_GET(self) -> None:
        """Answer GET: /ping, or a query that only reads."""
        self._counted()

    def do_HEAD(self) -> None:
        """Answer HEAD like GET without the body."""
        self._counted()

    def do_POST(self) -> None:
        """Answer POST: any query."""
        self._counted()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Keep request lines out of the log: their URLs may carry passwords and parameters."""

    def _counted(self) -> None:
        self.server.begin()
        try:
            self._answer()
        except (FramingError, ConnectionError, TimeoutError) as error:
            logger.info("client %s gone: %s", self.client_address[0], error)
            self.close_connection = True
        finally:
            self.server.end()

    def _answer(self) -> None:
        self._sent_headers = False
        query_id = str(uuid.uuid4())
        chunks = body_chunks(
            self.rfile, self.headers.get("Content-Length"), self.headers.get("Transfer-Encoding")
        )
        gateway = self.server.gateway
        try:
            path, fields = url_fields(self.path)
            if path in {"/ping", "/replicas_status"} or (
                path == "/" and self.command != "POST" and not fields
            ):
                self._send_plain(200, "Ok.\n")
                return
            if path != "/":
                self._send_plain(
                    404, f"There is no handle {path[:200]}\n\nUse / or /ping for health checks.\n"
                )
                return
            self._authenticate(credentials(fields, dict(self.headers.items())))
            request = query_request(self.command, fields, self.headers, query_id)
            query_id = request.query_id
            body = limited(
                decoded(limited(chunks, gateway.max_body_bytes), self.headers.get("Content-Encoding", "")),
                gateway.max_body_bytes,
            )
            self._run(request, body)
        except QueryError as error:
            self._refuse(error, query_id, chunks)

    def _authenticate(self, given: Credentials | None) -> None:
        login = self.server.gateway.login
        if given is None:
            raise refusal(REQUIRED_PASSWORD, "Authentication is required: send a user and a password")
        is_user = hmac.compare_digest(given.user.encode(), login.user.encode())
        is_password = hmac.compare_digest(given.password.encode(), login.password.encode())
        if not (is_user and is_password):
            raise refusal(
                AUTHENTICATION_FAILED,
                f"{given.user[:100]}: Authentication failed: password is incorrect, or there is no user with such name.",
            )

    def _run(self, request: QueryRequest, body: Iterator[bytes]) -> None:
        gateway = self.server.gateway
        prefix = request.query.encode() + b"\n" if request.query else b""
        text = prefix + first_bytes(body, HEAD_BYTES)
        statement = plan(text, request.maybe_default_format)
        if statement.kind is not StatementKind.INSERT_ROWS and len(text) >= HEAD_BYTES:
            text += all_bytes(body, MAX_STATEMENT_BYTES)
            statement = plan(text, request.maybe_default_format)
        if statement.kind is not StatementKind.INSERT_ROWS:
            self._execute(request, statement, None)
            return
        with RowsFile(gateway.spool_directory) as rows:
            rows.write(text[statement.rows_at :])
            for piece in body:
                rows.write(piece)
            self._execute(request, statement, rows.path)

    def _execute(self, request: QueryRequest, statement: Plan, maybe_rows_path: str | None) -> None:
        gateway = self.server.gateway
        session_id = request.maybe_session_id
        lease = (
            nullcontext(None)
            if session_id is None
            else gateway.sessions.lease(
                session_id,
                request.session_timeout_s,
                must_exist=request.must_session_exist,
                closes=request.closes_session,
            )
        )
        with lease as maybe_session:
            watched = (
                gateway.watch.watched(self.connection, request.query_id)
                if statement.kind is StatementKind.RESULT
                else nullcontext()
            )
            with (
                watched,
                executed(gateway.engine, request, statement, maybe_rows_path, maybe_session) as output,
            ):
                self._send_output(request, output)

    def _send_output(self, request: QueryRequest, output: Output) -> None:
        headers = {"X-ClickHouse-Query-Id": _header_safe(request.query_id)}
        if output.maybe_format is not None:
            headers["X-ClickHouse-Format"] = output.maybe_format
            headers["Content-Type"] = _CONTENT_TYPES.get(
                output.maybe_format.lower(), "text/plain; charset=UTF-8"
            )
        else:
            headers["Content-Type"] = "text/plain; charset=UTF-8"
        if output.maybe_counts is not None:
            headers["X-ClickHouse-Summary"] = summary(output.maybe_counts)
            self._send_whole(request, headers, b"".join(output.blocks))
        else:
            self._send_blocks(request, headers, output.blocks)

    def _send_whole(self, request: QueryRequest, headers: dict[str, str], body: bytes) -> None:
        encoder = maybe_encoder(request.accept_encoding) if len(body) >= MIN_COMPRESSED_BYTES else None
        if encoder is not None:
            headers["Content-Encoding"] = encoder[0]
            body = encoder[1].add(body) + encoder[1].finish()
        headers["Content-Length"] = str(len(body))
        self._send_head(200, headers)
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _send_blocks(self, request: QueryRequest, headers: dict[str, str], blocks: Iterator[bytes]) -> None:
        tag = secrets.token_hex(8)
        headers["X-ClickHouse-Exception-Tag"] = tag
        headers["Transfer-Encoding"] = "chunked"
        encoder = maybe_encoder(request.accept_encoding)
        if encoder is not None:
            headers["Content-Encoding"] = encoder[0]
        self._send_head(200, headers)
        if self.command == "HEAD":
            self.wfile.flush()
            return
        try:
            for block in blocks:
                self._send_chunk(encoder[1].add(block) if encoder is not None else block)
        except QueryError as error:
            trailer = exception_block(error, tag, self.server.gateway.engine.version)
            self._send_chunk(encoder[1].add(trailer) if encoder is not None else trailer)
        if encoder is not None:
            self._send_chunk(encoder[1].finish())
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _send_chunk(self, piece: bytes) -> None:
        if piece:
            self.wfile.write(b"%x\r\n" % len(piece))
            self.wfile.write(piece)
            self.wfile.write(b"\r\n")

    def _send_head(self, status: int, headers: dict[str, str]) -> None:
        engine = self.server.gateway.engine
        self._sent_headers = True
        self.send_response(status)
        self.send_header("X-ClickHouse-Server-Display-Name", "embedded_clickhouse")
        self.send_header("X-ClickHouse-Timezone", engine.timezone)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_plain(self, status: int, text: str) -> None:
        body = text.encode()
        self._send_head(
            status, {"Content-Type": "text/plain; charset=UTF-8", "Content-Length": str(len(body))}
        )
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _refuse(self, error: QueryError, query_id: str, unread: Iterator[bytes]) -> None:
        if self._sent_headers:
            raise ConnectionAbortedError(error.text)
        # A client that is still sending would take the answer for a broken connection.
        is_trusted = error.code not in {AUTHENTICATION_FAILED, REQUIRED_PASSWORD}
        limit = self.server.gateway.max_body_bytes if is_trusted else HEAD_BYTES
        for piece in unread:
            limit -= len(piece)
            if limit < 0:
                self.close_connection = True
                break
        body = f"{error.text} (version {self.server.gateway.engine.version})\n".encode()
        headers = {
            "X-ClickHouse-Query-Id": _header_safe(query_id),
            "X-ClickHouse-Exception-Code": str(error.code),
            "Content-Type": "text/plain; charset=UTF-8",
            "Content-Length": str(len(body)),
        }
        if error.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        if self.close_connection:
            headers["Connection"] = "close"
        self._send_head(error.status, headers)
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()


def summary(counts: Counts) -> str:
    """The X-ClickHouse-Summary header: numbers as strings, as the server writes them."""
    return json.dumps(
        {
            "read_rows": str(counts.read_rows),
            "read_bytes": str(counts.read_bytes),
            "written_rows": str(counts.written_rows),
            "written_bytes": str(counts.written_bytes),
            "total_rows_to_read": "0",
            "result_rows": str(counts.result_rows),
            "result_bytes": str(counts.result_bytes),
            "elapsed_ns": str(counts.elapsed_ns),
        }
    )


def exception_block(error: QueryError, tag: str, version: str) -> bytes:
    """How an error after the first block is told: the client finds it by the tag in the headers."""
    message = f"{error.text} (version {version})".encode()
    return b"__exception__\r\n%b\r\n%b\n%d %b\r\n__exception__\r\n" % (
        tag.encode(),
        message,
        len(message) + 1,
        tag.encode(),
    )


def _header_safe(text: str) -> str:
    return "".join(character for character in text[:200] if character.isprintable() and character.isascii())


def port_is_taken(address: tuple[str, int]) -> bool:
    """Whether somebody listens on `address` already."""
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as probe:
        probe.settimeout(1)
        return probe.connect_ex(address) == 0
