"""What one HTTP request asks: credentials, database, settings, parameters."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from embedded_clickhouse.errors import BAD_ARGUMENTS, NOT_IMPLEMENTED, refusal

MAX_URL_FIELDS = 2000
DEFAULT_SESSION_TIMEOUT_S = 60
MAX_SESSION_TIMEOUT_S = 3600
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_$]+\Z")

# Fields of the URL that talk to the HTTP server: the engine knows no setting of these names, or has no
# use for it because it never sees the connection.
_TRANSPORT_FIELDS = {
    "query", "user", "password", "database", "default_format", "quota_key", "query_id", "session_id",
    "session_timeout", "session_check", "close_session", "wait_end_of_query", "buffer_size", "stacktrace",
    "client_protocol_version", "role", "compress", "decompress", "enable_http_compression",
    "send_progress_in_http_headers", "http_headers_progress_interval_ms", "http_wait_end_of_query",
    "cancel_http_readonly_queries_on_client_close", "network_compression_method",
    "network_zstd_compression_level",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Credentials:
    """User and password as the client gave them; empty strings where it gave none."""

    user: str
    password: str


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """The question in a URL and headers, without the body."""

    query: str
    maybe_database: str | None
    query_id: str
    maybe_session_id: str | None
    session_timeout_s: int
    must_session_exist: bool
    closes_session: bool
    maybe_default_format: str | None
    waits_for_end: bool
    accept_encoding: str
    is_read_only: bool
    settings: Mapping[str, str]
    parameters: Mapping[str, str]


def url_fields(target: str) -> tuple[str, dict[str, str]]:
    """Path and query fields of a request target. Raises QueryError 36 for more fields than 2,000."""
    parts = urlsplit(target)
    try:
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=MAX_URL_FIELDS)
    except ValueError as error:
        raise refusal(BAD_ARGUMENTS, f"The URL cannot be read: {error}") from error
    return parts.path, dict(pairs)


def credentials(fields: Mapping[str, str], headers: Mapping[str, str]) -> Credentials | None:
    """Credentials from the X-ClickHouse headers, basic authentication or the URL, in the server's order.

    The names in `headers` are in lower case.
    """
    user, key = headers.get("x-clickhouse-user"), headers.get("x-clickhouse-key")
    if user is not None or key is not None:
        return Credentials(user or "", key or "")
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, key = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return Credentials("", "")
        return Credentials(user, key)
    if "user" in fields or "password" in fields:
        return Credentials(fields.get("user", ""), fields.get("password", ""))
    return None


def query_request(
    method: str, fields: Mapping[str, str], headers: Mapping[str, str], fresh_query_id: str
) -> QueryRequest:
    """Read a request's fields and headers, the latter by names in lower case.

    Raises QueryError for a field that has no meaning here.
    """
    if fields.get("compress") == "1" or fields.get("decompress") == "1":
        raise refusal(
            NOT_IMPLEMENTED,
            "compress and decompress are not supported: use Content-Encoding and Accept-Encoding",
        )
    settings: dict[str, str] = {}
    parameters: dict[str, str] = {}
    for name, value in fields.items():
        if name.startswith("param_"):
            if not _PARAMETER_NAME.match(name):
                raise refusal(BAD_ARGUMENTS, f"{name!r} cannot name a parameter")
            parameters[name] = value
        elif name not in _TRANSPORT_FIELDS:
            if not _SETTING_NAME.match(name):
                raise refusal(BAD_ARGUMENTS, f"{name!r} cannot name a setting")
            settings[name] = value
    wants_compression = fields.get("enable_http_compression", "1") not in {"0", "false"}
    return QueryRequest(
        query=fields.get("query", ""),
        maybe_database=fields.get("database") or headers.get("x-clickhouse-database") or None,
        query_id=fields.get("query_id") or headers.get("x-clickhouse-query-id") or fresh_query_id,
        maybe_session_id=fields.get("session_id") or None,
        session_timeout_s=_session_timeout_s(fields),
        must_session_exist=fields.get("session_check") == "1",
        closes_session=fields.get("close_session") == "1",
        maybe_default_format=fields.get("default_format") or headers.get("x-clickhouse-format") or None,
        waits_for_end=fields.get("wait_end_of_query") == "1" or fields.get("http_wait_end_of_query") == "1",
        accept_encoding=headers.get("accept-encoding", "") if wants_compression else "",
        is_read_only=method != "POST",
        settings=settings,
        parameters=parameters,
    )


def _session_timeout_s(fields: Mapping[str, str]) -> int:
    text = fields.get("session_timeout", "")
    if not text:
        return DEFAULT_SESSION_TIMEOUT_S
    if not text.isascii() or not text.isdigit() or int(text) > MAX_SESSION_TIMEOUT_S:
        raise refusal(
            BAD_ARGUMENTS, f"session_timeout must be a number of seconds up to {MAX_SESSION_TIMEOUT_S}"
        )
    return int(text)
