"""A mapping says where the fields of a JSON log stand: data, ready ones for five servers, others from a file.

A mapping is a TOML file; every key is described in docs/how-to/http-events-from-other-servers.md. A field is
named by its path: `request.remote_ip` is the key `remote_ip` of the object `request`.
"""

from __future__ import annotations

import tomllib
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from capture_agent.events import HeaderOrderSource

MAX_BASES = 4


class UnusableMapping(Exception):  # noqa: N818 - named for the mapping that it refuses
    """A mapping that cannot be used; the text names it and says why."""


class TimeUnit(StrEnum):
    """How a log writes times and durations."""

    S = "s"
    MS = "ms"
    US = "us"
    NS = "ns"
    ISO8601 = "iso8601"
    """`2026-11-22T14:20:32.123456Z` or with an offset; for times only."""


class Escapes(StrEnum):
    """What a log does with bytes that JSON does not allow in a string."""

    JSON = "json"
    """It escapes them as JSON does, or leaves bytes that are not UTF-8 as they are."""
    APACHE = "apache"
    """It writes `\\xNN` and `\\v`, which JSON does not know (`ap_escape_logitem` in Apache)."""


class Moment(StrEnum):
    """Which moment of a request a log's time is."""

    START = "start"
    END = "end"


class TimeField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time or duration and its unit."""

    field: str
    unit: TimeUnit


class RequestTime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The time of a log line."""

    field: str
    unit: TimeUnit
    at: Moment
    plus: tuple[TimeField, ...] = ()
    """Durations to add: HAProxy gives the moment it began to wait for the request."""


class HeaderNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names of all request headers in order, where a server can log them."""

    field: str
    """An array, or text with `separator` between the names."""
    separator: str = ","
    order: HeaderOrderSource = HeaderOrderSource.SERVER


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the parts of an HttpEvent stand in a log."""

    time: RequestTime
    fields: dict[str, str]
    """Path by FIELDS name."""
    base: str | None = None
    """A ready mapping that this one changes: its keys stand unless this one has them."""
    escapes: Escapes = Escapes.JSON
    absent: tuple[str, ...] = ("", "-")
    """What the log writes in place of a value that is not there."""
    duration: TimeField | None = None
    connection_age: TimeField | None = None
    """How long the connection had been open at the time of the line."""
    connection_start: TimeField | None = None
    headers: dict[str, str] = {}
    """Path by lower-case header name."""
    header_values: str | None = None
    """An object with the headers, values as text or arrays of text, in no order that means anything."""
    header_names: HeaderNames | None = None
    constants: dict[str, str | int] = {}
    """Values by FIELDS name where the log has none: the server's address in Caddy before 2.8."""


FIELDS = frozenset(
    {
        "src", "src_ip", "src_port", "dst", "dst_ip", "dst_port", "client_ip", "method", "target", "protocol",
        "request_line", "status", "scheme", "tls", "host", "request_bytes", "response_bytes", "conn_seq",
        "conn_req", "source_id", "source_seq", "cookie",
    }
)  # fmt: skip
"""`src` and `dst` are address and port in one; `request_line` is method, target and protocol in one; `tls` is
a value that is there if the request used TLS."""
READY = ("nginx", "apache_json", "caddy", "haproxy", "envoy")


def load_mapping(name: str) -> Mapping:
    """A ready mapping by its name, or one from a file whose name ends in `.toml`. Raises UnusableMapping."""
    try:
        mapping = msgspec.convert(_merged(name, MAX_BASES), Mapping)
    except msgspec.ValidationError as error:
        raise UnusableMapping(f"mapping {name}: {error}") from error
    unknown = sorted((mapping.fields.keys() | mapping.constants.keys()) - FIELDS)
    if unknown:
        raise UnusableMapping(
            f"mapping {name}: unknown {', '.join(unknown)}; there are {', '.join(sorted(FIELDS))}"
        )
    if mapping.duration is not None and mapping.duration.unit is TimeUnit.ISO8601:
        raise UnusableMapping(f"mapping {name}: a duration has a unit of s, ms, us or ns")
    if mapping.header_values is not None and mapping.headers:
        raise UnusableMapping(f"mapping {name}: choose headers or header_values")
    return mapping


def _merged(name: str, bases_left: int) -> dict[str, Any]:
    given = _read(name)
    base = given.get("base")
    if base is None:
        return given
    if not isinstance(base, str) or bases_left == 0:
        raise UnusableMapping(f"mapping {name}: base must name a mapping that is not based on this one")
    merged = _merged(base, bases_left - 1)
    for key, value in given.items():
        # Tables of paths are changed entry by entry; all else is replaced.
        is_table = key in ("fields", "headers", "constants") and isinstance(value, dict)
        merged[key] = {**merged.get(key, {}), **value} if is_table else value
    return merged


def _read(name: str) -> dict[str, Any]:
    try:
        if name in READY:
            return tomllib.loads(
                (files("capture_agent.intake") / "mappings" / f"{name}.toml").read_text("utf-8")
            )
        if name.endswith(".toml"):
            return tomllib.loads(Path(name).read_text("utf-8"))
    except OSError as error:
        raise UnusableMapping(f"mapping {name}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnusableMapping(f"mapping {name}: {error}") from error
    raise UnusableMapping(f"mapping {name}: choose {', '.join(READY)} or a file whose name ends in .toml")
