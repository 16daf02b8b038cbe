"""Reads lines of a JSON log through a mapping."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from datetime import UTC, datetime

import msgspec

from capture_agent.events import HeaderOrderSource, HttpEvent
from capture_agent.intake.apache_escapes import repair_escapes
from capture_agent.intake.event_lines import escape_invalid_utf8
from capture_agent.intake.mapping import Escapes, Mapping, Moment, TimeField, TimeUnit
from capture_agent.intake.normal_form import NormalForm, UnacceptableEvent

TIME_ERROR_US = 1_000
"""nginx, HAProxy, Envoy and most others write milliseconds, whatever the unit of the number."""
US_IN_UNIT = {TimeUnit.S: 1e6, TimeUnit.MS: 1e3, TimeUnit.US: 1.0, TimeUnit.NS: 1e-3}
HTTP_VERSIONS = {"HTTP/2": "HTTP/2.0", "HTTP/3": "HTTP/3.0", "h2": "HTTP/2.0", "h3": "HTTP/3.0"}
"""Spellings of some servers; the tables hold the form with a minor number everywhere."""
_HOST_PORT = re.compile(r"\[?([^\[\]]+?)\]?:(\d{1,5})\Z")

Json = MappingOf[str, object]
Getter = Callable[[Json], object]


class MappedDecoder:
    """Satisfies `event_lines.LineDecoder` for one mapping."""

    def __init__(self, mapping: Mapping, form: NormalForm) -> None:
        self._mapping = mapping
        self._form = form
        self._absent = frozenset(mapping.absent)
        self._decode_json = msgspec.json.Decoder(dict[str, object]).decode
        self._get = {name: _getter(path) for name, path in mapping.fields.items()}
        self._get.update({name: _constant(value) for name, value in mapping.constants.items()})
        self._headers = [(name.lower(), _getter(path)) for name, path in mapping.headers.items()]
        self._header_values = None if mapping.header_values is None else _getter(mapping.header_values)
        self._header_names = None if mapping.header_names is None else _getter(mapping.header_names.field)
        self._time = _getter(mapping.time.field)
        self._delays = [self._duration_of(delay) for delay in mapping.time.plus]
        self._duration = None if mapping.duration is None else self._duration_of(mapping.duration)
        age = mapping.connection_age
        self._connection_age = None if age is None else self._duration_of(age)
        start = mapping.connection_start
        self._connection_start = None if start is None else (_getter(start.field), start.unit)

    def decode(self, line: bytes) -> HttpEvent:
        """The event of a line in normal form; raises one of `event_lines.REFUSALS`."""
        record = self._record(line)
        logged_us, started_us, duration_us = self._times(record)
        method, target, protocol = self._request_line(record)
        src_ip, src_port = self._endpoint(record, "src")
        dst_ip, dst_port = self._endpoint(record, "dst")
        headers, has_all_names = self._named_values(record)
        names = self._mapping.header_names
        return self._form.of(
            HttpEvent(
                t_us=started_us,
                src_ip=src_ip,
                src_port=src_port,
                dst_ip=dst_ip,
                dst_port=dst_port,
                method=method,
                unparsed_uri=target,
                proto=HTTP_VERSIONS.get(protocol, protocol),
                status=self._number(record, "status") or 0,
                headers=headers,
                has_all_header_names=has_all_names,
                header_order_source=HeaderOrderSource.SERVER if names is None else names.order,
                dur_us=duration_us,
                useragent_ip=self._text(record, "client_ip"),
                scheme=self._scheme(record),
                host=self._text(record, "host"),
                conn_seq=self._number(record, "conn_seq"),
                conn_req=self._number(record, "conn_req"),
                conn_start_us=self._connection_start_us(record, logged_us),
                time_error_us=TIME_ERROR_US,
                request_bytes=self._number(record, "request_bytes"),
                bytes=self._number(record, "response_bytes"),
                source_id=self._text(record, "source_id"),
                source_seq=self._number(record, "source_seq"),
            )
        )

    def maybe_number(self, line: bytes) -> tuple[str, int] | None:
        """Source and number of a line that was refused."""
        if "source_seq" not in self._get:
            return None
        try:
            record = self._record(line)
            source, number = self._text(record, "source_id"), self._number(record, "source_seq")
        except (msgspec.DecodeError, UnacceptableEvent, UnicodeDecodeError, RecursionError):
            return None
        return None if source is None or number is None else (source, number)

    def _record(self, line: bytes) -> Json:
        if self._mapping.escapes is Escapes.APACHE and b"\\" in line:
            line = repair_escapes(line)
        try:
            return self._decode_json(line)
        except UnicodeDecodeError:
            return self._decode_json(escape_invalid_utf8(line))

    def _times(self, record: Json) -> tuple[int, int, int | None]:
        """Time of the line, start of the request and its duration, us."""
        time = self._mapping.time
        logged_us = time_us(time.field, self._present(self._time(record)), time.unit)
        duration_us = None if self._duration is None else self._duration(record)
        started_us = logged_us
        for delay in self._delays:
            started_us += delay(record) or 0
        if time.at is Moment.END:
            started_us -= duration_us or 0
        return logged_us, started_us, duration_us

    def _connection_start_us(self, record: Json, logged_us: int) -> int | None:
        if self._connection_age is not None:
            age_us = self._connection_age(record)
            return None if age_us is None else logged_us - age_us
        if self._connection_start is None:
            return None
        get, unit = self._connection_start
        value = self._present(get(record))
        return None if value is None else time_us("connection_start", value, unit)

    def _request_line(self, record: Json) -> tuple[str, str, str]:
        """Method, target, protocol; empty where a client sent no such thing, which is worth a row."""
        if "request_line" in self._get:
            line = self._text(record, "request_line") or ""
            method, _, rest = line.partition(" ")
            target, _, protocol = rest.rpartition(" ")
            return (method, target, protocol) if target else (method, rest, "")
        return (
            self._text(record, "method") or "",
            self._text(record, "target") or "",
            self._text(record, "protocol") or "",
        )

    def _endpoint(self, record: Json, side: str) -> tuple[str, int]:
        whole = self._text(record, side)
        if whole is not None:
            match = _HOST_PORT.match(whole)
            if match is None:
                raise UnacceptableEvent(f"{side} is {self._form.shown(whole)}, not ADDRESS:PORT")
            return match[1], int(match[2])
        address, port = self._text(record, f"{side}_ip"), self._number(record, f"{side}_port")
        if address is None or port is None:
            raise UnacceptableEvent(f"{side}_ip or {side}_port is not there; a join needs both ends")
        return address, port

    def _scheme(self, record: Json) -> str | None:
        scheme = self._text(record, "scheme")
        if scheme is not None or "tls" not in self._get:
            return scheme
        return "http" if self._present(self._get["tls"](record)) in (None, False, "off") else "https"

    def _named_values(self, record: Json) -> tuple[tuple[tuple[str, str | None], ...], bool]:
        """Headers as HttpEvent has them, and whether these are all names in their order."""
        values = {name: self._present(get(record)) for name, get in self._headers}
        if self._header_values is not None:
            found = self._header_values(record)
            if isinstance(found, dict):
                values = {name.lower(): _joined(value) for name, value in found.items()}
        if "cookie" in self._get:
            values["cookie"] = self._present(self._get["cookie"](record))
        texts = {name: value for name, value in values.items() if isinstance(value, str)}
        names = self._names(record)
        if names is None:
            return tuple(texts.items()), False
        # The value of a repeated name stands once in such a log: the first of the names gets it.
        return tuple((name, texts.pop(name.lower(), None)) for name in names), True

    def _names(self, record: Json) -> list[str] | None:
        if self._header_names is None or self._mapping.header_names is None:
            return None
        found = self._present(self._header_names(record))
        if isinstance(found, str):
            return [name for name in found.split(self._mapping.header_names.separator) if name]
        if isinstance(found, list) and all(isinstance(name, str) for name in found):
            return found
        return None

    def _duration_of(self, field: TimeField) -> Callable[[Json], int | None]:
        get, scale = _getter(field.field), US_IN_UNIT[field.unit]

        def duration_us(record: Json) -> int | None:
            value = self._present(get(record))
            if value is None:
                return None
            number = _finite(field.field, value)
            # HAProxy writes -1 for a phase that was not reached.
            return None if number < 0 else round(number * scale)

        return duration_us

    def _present(self, value: object) -> object:
        return None if isinstance(value, str) and value in self._absent else value

    def _text(self, record: Json, name: str) -> str | None:
        get = self._get.get(name)
        value = None if get is None else self._present(get(record))
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, int | float):
            return str(value)
        raise UnacceptableEvent(f"{name} is no text")

    def _number(self, record: Json, name: str) -> int | None:
        get = self._get.get(name)
        value = None if get is None else self._present(get(record))
        return None if value is None else int(_finite(name, value))


def time_us(field: str, value: object, unit: TimeUnit) -> int:
    """Microseconds since the epoch; raises UnacceptableEvent naming the field."""
    if value is None:
        raise UnacceptableEvent(f"{field}: there is no time")
    if unit is not TimeUnit.ISO8601:
        return round(_finite(field, value) * US_IN_UNIT[unit])
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise UnacceptableEvent(f"{field} is {str(value)[:64]!r}, not a time of ISO 8601") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _finite(field: str, value: object) -> int | float:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            is_whole = isinstance(value, int) or (isinstance(value, str) and value.isdecimal())
            number = int(value) if is_whole else float(value)
        except ValueError:
            number = float("nan")
        # A larger one fits no field, and would overflow on the way to microseconds.
        if abs(number) < 1 << 64:
            return number
    raise UnacceptableEvent(f"{field} is {str(value)[:64]!r}, not a number")


def _getter(path: str) -> Getter:
    if "." not in path:
        return lambda record: record.get(path)
    keys = path.split(".")

    def get(record: Json) -> object:
        found: object = record
        for key in keys:
            if not isinstance(found, dict):
                return None
            found = found.get(key)
        return found

    return get


def _constant(value: object) -> Getter:
    return lambda _: value


def _joined(value: object) -> object:
    """Values of a repeated header as one, as RFC 9110 section 5.3 joins them."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) if value else None
    return value
