"""Answers the HTTP requests of one connection."""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any, BinaryIO, cast

from embedded_clickhouse.accounts import Account
from embedded_clickhouse.bodies import FramingError, RowsFile, all_bytes, body_chunks, first_bytes, limited
from embedded_clickhouse.compression import decoded, maybe_encoder
from embedded_clickhouse.errors import AUTHENTICATION_FAILED, REQUIRED_PASSWORD, QueryError
from embedded_clickhouse.execution import Job, Output, executed
from embedded_clickhouse.forms import (
    MAX_FORM_BYTES,
    ExternalTable,
    is_multipart,
    parse_form,
    take_external_tables,
)
from embedded_clickhouse.protocol import content_type, error_text, exception_block, header_safe, summary
from embedded_clickhouse.request import QueryRequest, credentials, query_request, url_fields
from embedded_clickhouse.results import Result
from embedded_clickhouse.server import GatewayServer
from embedded_clickhouse.sessions import Session
from embedded_clickhouse.statements import MAX_STATEMENT_BYTES, Plan, StatementKind, plan

logger = logging.getLogger(__name__)

HEAD_BYTES = 2**20
IDLE_TIMEOUT_S = 600
# Below this size an encoding costs more time than it saves, on the loopback and on a network.
MIN_COMPRESSED_BYTES = 1024
_NOT_TRUSTED = {AUTHENTICATION_FAILED, REQUIRED_PASSWORD}


class GatewayHandler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    server_version = "ClickHouse"
    sys_version = ""
    timeout = IDLE_TIMEOUT_S
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True
    server: GatewayServer

    def do_GET(self) -> None:
        """Answer GET: /ping, or a query that only reads."""
        self._counted()

    def do_HEAD(self) -> None:
        """Answer HEAD like GET, without the body."""
        self._counted()

    def do_POST(self) -> None:
        """Answer POST: any query."""
        self._counted()

    def handle_expect_100(self) -> bool:
        """Tell a client that waits for leave to send its body to go on: at once, not with the answer."""
        is_welcome = super().handle_expect_100()
        self.wfile.flush()
        return is_welcome

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keep request lines out of the log: their URLs may carry passwords and parameters."""

    def _counted(self) -> None:
        try:
            self.server.begin()
            try:
                self._answer()
            finally:
                self.server.end()
        except (FramingError, ConnectionError, TimeoutError) as error:
            logger.info("client %s gone: %s", self.client_address[0], error)
            self.close_connection = True

    def _answer(self) -> None:
        self._has_sent_head = False
        query_id = str(uuid.uuid4())
        framing = self.headers.get("Content-Length"), self.headers.get("Transfer-Encoding")
        sent = body_chunks(cast(BinaryIO, self.rfile), *framing)
        try:
            path, fields = url_fields(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            is_greeting = path == "/" and self.command != "POST" and not fields
            if is_greeting or path in {"/ping", "/replicas_status"}:
                self._discard(sent, HEAD_BYTES)
                self._send(200, {}, b"Ok.\n")
                return
            if path != "/":
                self._discard(sent, HEAD_BYTES)
                self._send(404, {}, f"There is no handle {path[:200]}\n".encode())
                return
            account = self.server.gateway.accounts.authenticate(credentials(fields, headers))
            limit = self.server.gateway.max_body_bytes
            body = limited(decoded(limited(sent, limit), self.headers.get("Content-Encoding", "")), limit)
            tables: tuple[ExternalTable, ...] = ()
            if is_multipart(self.headers.get("Content-Type", "")):
                form = parse_form(all_bytes(body, MAX_FORM_BYTES), self.headers["Content-Type"])
                fields.update(form.fields)
                tables = take_external_tables(form.files, fields)
            request = query_request(self.command, fields, headers, query_id)
            if self.request_version == "HTTP/1.0":
                request = replace(request, waits_for_end=True)  # it knows no chunks
            query_id = request.query_id
            self._run(account, request, body, tables)
        except QueryError as error:
            self._refuse(error, query_id, sent)

    def _run(
        self,
        account: Account,
        request: QueryRequest,
        body: Iterator[bytes],
        tables: tuple[ExternalTable, ...],
    ) -> None:
        prefix = request.query.encode() + b"\n" if request.query else b""
        text = prefix + first_bytes(body, HEAD_BYTES)
        statement = plan(text, request.maybe_default_format)
        if statement.kind is not StatementKind.INSERT_ROWS and len(text) >= HEAD_BYTES:
            text += all_bytes(body, MAX_STATEMENT_BYTES)
            statement = plan(text, request.maybe_default_format)
        if statement.kind is not StatementKind.INSERT_ROWS:
            self._execute(account, request, Job(statement, None, tables))
            return
        with RowsFile(self.server.gateway.spool_directory) as rows:
            rows.write(text[statement.rows_at :])
            for piece in body:
                rows.write(piece)
            self._execute(account, request, Job(statement, rows.path, tables))

    def _execute(self, account: Account, request: QueryRequest, job: Job) -> None:
        """Run `job` and answer.

        The last bytes go out after the session is given back: with them a client has its answer and may
        send the session's next request, which must not find it busy.
        """
        gateway = self.server.gateway
        with (
            self._session(account, request) as maybe_session,
            self._watched(request, job.plan),
            executed(gateway.engine, account, request, job, maybe_session, gateway.spool_directory) as output,
        ):
            headers = self._output_headers(request, output)
            if output.maybe_result is None:
                self._send_blocks(request, headers, output.blocks)
                finish: Callable[[], None] = self._end_blocks
            else:
                finish = partial(self._send_packed, request, headers, output.maybe_result)
        finish()

    @staticmethod
    def _session(account: Account, request: QueryRequest) -> AbstractContextManager[Session | None]:
        if request.maybe_session_id is None:
            return nullcontext(None)
        return account.sessions.lease(
            request.maybe_session_id,
            request.session_timeout_s,
            must_exist=request.must_session_exist,
            closes=request.closes_session,
        )

    def _watched(self, request: QueryRequest, statement: Plan) -> AbstractContextManager[None]:
        """Watch the client of a query that only reads. What writes is finished, as by the server."""
        if statement.kind is not StatementKind.RESULT or "log_comment" in request.settings:
            return nullcontext(None)
        return self.server.gateway.watch.watched(self.connection, request.query_id)

    @staticmethod
    def _output_headers(request: QueryRequest, output: Output) -> dict[str, str]:
        headers = {
            "X-ClickHouse-Query-Id": header_safe(request.query_id),
            "Content-Type": content_type(output.maybe_format),
        }
        if output.maybe_format is not None:
            headers["X-ClickHouse-Format"] = output.maybe_format
        if output.maybe_result is not None:
            headers["X-ClickHouse-Summary"] = summary(output.maybe_result.counts)
        return headers

    def _send_packed(self, request: QueryRequest, headers: dict[str, str], result: Result) -> None:
        body: bytes | memoryview = result.output
        encoding = maybe_encoder(request.accept_encoding) if len(body) >= MIN_COMPRESSED_BYTES else None
        if encoding is not None:
            name, encoder = encoding
            headers["Content-Encoding"] = name
            body = encoder.add(body) + encoder.finish()
        self._send(200, headers, body)

    def _send_blocks(self, request: QueryRequest, headers: dict[str, str], blocks: Iterator[bytes]) -> None:
        tag = secrets.token_hex(8)
        headers |= {"X-ClickHouse-Exception-Tag": tag, "Transfer-Encoding": "chunked"}
        encoding = maybe_encoder(request.accept_encoding)
        if encoding is not None:
            headers["Content-Encoding"] = encoding[0]
        self._send_head(200, headers)
        if self.command == "HEAD":
            return
        add = encoding[1].add if encoding is not None else bytes
        try:
            for block in blocks:
                self._send_chunk(add(block))
        except QueryError as error:
            self._send_chunk(add(exception_block(error, tag, self.server.gateway.engine.version)))
        if encoding is not None:
            self._send_chunk(encoding[1].finish())

    def _end_blocks(self) -> None:
        if self.command != "HEAD":
            self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _send_chunk(self, piece: bytes) -> None:
        if piece:
            self.wfile.write(b"%x\r\n" % len(piece))
            self.wfile.write(piece)
            self.wfile.write(b"\r\n")

    def _send_head(self, status: int, headers: dict[str, str]) -> None:
        self._has_sent_head = True
        self.send_response(status)
        self.send_header("X-ClickHouse-Server-Display-Name", "embedded_clickhouse")
        self.send_header("X-ClickHouse-Timezone", self.server.gateway.engine.timezone)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, status: int, headers: dict[str, str], body: bytes | memoryview) -> None:
        self._send_head(
            status, {"Content-Type": content_type(None), **headers, "Content-Length": str(len(body))}
        )
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _refuse(self, error: QueryError, query_id: str, unread: Iterator[bytes]) -> None:
        if self._has_sent_head:
            raise ConnectionAbortedError(error.text)
        self._discard(
            unread, HEAD_BYTES if error.code in _NOT_TRUSTED else self.server.gateway.max_body_bytes
        )
        headers = {
            "X-ClickHouse-Query-Id": header_safe(query_id),
            "X-ClickHouse-Exception-Code": str(error.code),
        }
        if error.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        if self.close_connection:
            headers["Connection"] = "close"
        self._send(error.status, headers, error_text(error, self.server.gateway.engine.version))

    def _discard(self, unread: Iterator[bytes], limit_bytes: int) -> None:
        """Read what the client is still sending, or it would take the answer for a broken connection."""
        for piece in unread:
            limit_bytes -= len(piece)
            if limit_bytes < 0:
                self.close_connection = True
                return
