"""Settings from a TOML file, then environment variables, then the command line.

The variable of a key is `JA4_<SECTION>_<KEY>`, upper case; tables in tables and arrays of tables stand in the
file alone. Other parts of the platform share the prefix, so an unknown variable is no error, as an unknown
key of the file is.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from capture_agent.settings.faults import Fault, fault_of
from capture_agent.settings.fields import Section
from capture_agent.settings.lines import Path as KeyPath
from capture_agent.settings.lines import lines_of_keys
from capture_agent.settings.whole import Settings

PREFIX = "JA4"
MAX_FILE_BYTES = 1 << 20

ALTERNATIVES = (
    (("clickhouse", "url"), ("clickhouse", "url_file")),
    (("requests", "canary_secret"), ("requests", "canary_secret_file")),
)
"""Two keys for one thing, of which a file gives one: what beats the file replaces either."""

_position = re.compile(r"(?P<reason>.*) \(at line (?P<line>\d+), column \d+\)")


class UnusableSettings(Exception):  # noqa: N818 - named for what it refuses
    """Settings that cannot be used, with every fault in them."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


def load_settings(
    path: Path | None, overrides: Mapping[str, Any], environment: Mapping[str, str] = os.environ
) -> Settings:
    """Settings of the file, if any, the environment and `overrides` (`section.key`); UnusableSettings."""
    given: dict[str, Any] = {}
    places: dict[KeyPath, str] = {}
    source = "settings" if path is None else str(path)
    if path is not None:
        given, lines = _read(path)
        places = {key: f"{source}:{line}" for key, line in lines.items()}
    for key, name, value in _from_environment(environment):
        _put(given, key, value)
        places[key] = name
    for dotted, value in overrides.items():
        key = tuple(dotted.split("."))
        _put(given, key, value)
        places[key] = "command line"
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        faults = [fault_of(one, Settings, lambda key: _place(key, places, source)) for one in problems]
        raise UnusableSettings(sorted(faults, key=_line)) from None


def variable_of(section: str, key: str) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}_{section}_{key}".upper()


def _read(path: Path) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_FILE_BYTES + 1)
        if len(octets) > MAX_FILE_BYTES:
            raise UnusableSettings([Fault(str(path), "", f"is larger than {MAX_FILE_BYTES} bytes")])
        text = octets.decode("utf-8")
        return tomllib.loads(text), lines_of_keys(text)
    except OSError as error:
        raise UnusableSettings([Fault(str(path), "", error.strerror or str(error))]) from error
    except UnicodeDecodeError as error:
        raise UnusableSettings([Fault(str(path), "", f"is not UTF-8 at octet {error.start}")]) from error
    except tomllib.TOMLDecodeError as error:
        found = _position.fullmatch(str(error))
        place, reason = (f"{path}:{found['line']}", found["reason"]) if found else (str(path), str(error))
        raise UnusableSettings([Fault(place, "", f"is no TOML: {reason}")]) from error


def _from_environment(environment: Mapping[str, str]) -> Iterable[tuple[KeyPath, str, str]]:
    for section_name, section in Settings.model_fields.items():
        kind = section.annotation
        if not (isinstance(kind, type) and issubclass(kind, Section)):
            continue
        for key, field in kind.model_fields.items():
            is_table = isinstance(field.annotation, type) and issubclass(field.annotation, Section)
            name = variable_of(section_name, key)
            if not is_table and name in environment:
                yield (section_name, key), name, environment[name]


def _put(given: dict[str, Any], key: KeyPath, value: object) -> None:
    """Set a key, in place of the other one that gives the same.

    A section that is no table stays as it is: the fault in it is reported.
    """
    table: Any = given
    for part in key[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            return
    table[key[-1]] = value
    for pair in ALTERNATIVES:
        if key in pair:
            table.pop(next(other for other in pair if other != key)[-1], None)


def _line(fault: Fault) -> int:
    line = fault.place.rpartition(":")[2]
    return int(line) if line.isdecimal() else 0


def _place(key: KeyPath, places: Mapping[KeyPath, str], source: str) -> str:
    while key:
        if key in places:
            return places[key]
        key = key[:-1]
    return source
